// How the chat page loads models, and what it says when it cannot.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, lastAnswer, open, status, told, usePages } from './pages.mjs';

const { withPage } = usePages();

describe('loading', () => {
  test('shows bytes, speed and time left, then what runs', () =>
    withPage('?model=./slow.gguf', async (page) => {
      await page.getByText('2.5 of 10.0 MB').waitFor();
      assert.equal(await page.getByTestId('load-title').textContent(), 'Downloading slow.gguf');
      assert.equal(await page.getByTestId('load-detail').textContent(), '2.5 of 10.0 MB · 1 MB/s · 8 s left');
      assert.equal(await page.getByTestId('load-bar').getAttribute('value'), '0.25');
      await open(page, 'load');
      await status(page);
      assert.equal(await page.getByTestId('load').isVisible(), false);
      const info = await page.getByTestId('info').innerText();
      for (const fact of [
        'bitnet-b1.58',
        '7.4 M parameters',
        'I2_S',
        'relaxed',
        'mad kernel',
        '2 threads',
        'isolated',
        '21 MB',
      ])
        assert.ok(info.includes(fact), `${fact} in ${info}`);
    }));

  test('says when the bytes come from this device', () =>
    withPage('?model=./slow-kept.gguf', async (page) => {
      await page.getByText('Loading from this device: slow-kept.gguf').waitFor();
    }));

  test('can be cancelled, and tried again', () =>
    withPage('?model=./slow.gguf', async (page) => {
      await page.getByText('2.5 of 10.0 MB').waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      await status(page, 'empty');
      await open(page, 'load');
      await page.getByRole('button', { name: 'Try again' }).click();
      await status(page);
    }));

  test('a bad address gives its code and a sentence, and the page goes on', () =>
    withPage('?model=./missing.gguf', async (page) => {
      const error = page.getByTestId('error');
      await error.waitFor();
      assert.equal(await error.getAttribute('data-code'), 'not_found');
      assert.match(await error.innerText(), /the server answered 404/);
      assert.equal(await page.locator('#notices').getAttribute('role'), 'alert');
      await page.getByRole('button', { name: 'Load the demo model' }).click();
      await status(page);
      assert.equal(await error.count(), 0);
      await ask(page, 'Hi');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
    }));

  test('a bad address leaves the model in use where it is', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByRole('button', { name: /^Model:/ }).click();
      for (const [address, code] of [['./missing.gguf', 'not_found'], ['./unreachable.gguf', 'network']]) {
        await page.getByTestId('address').fill(address);
        await page.getByTestId('load-address').click();
        await page.locator(`#address-error [data-code="${code}"]`).waitFor();
        // The error stands at the field, which keeps its text; the dialog stays open.
        assert.equal(await page.getByTestId('address').inputValue(), address);
        assert.equal(await page.locator('#models').isVisible(), true);
        await status(page);
        assert.equal(await page.getByTestId('model-name').textContent(), 'Demo model');
      }
      await page.getByTestId('address').fill('x');
      assert.equal(await page.getByTestId('error').count(), 0, 'it goes when the text changes');
      assert.equal((await told(page)).unloads, 0);
      await page.keyboard.press('Escape');
      await ask(page, 'Hi');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
    }));

  test('does without the probe and the cache', () =>
    withPage('?bare=yes&model=https://example.org/big.gguf', async (page) => {
      await page.getByText('This link asks for big.gguf from example.org.').waitFor();
      assert.equal(await page.getByTestId('consent-look').count(), 0);
      assert.equal(await page.locator('#cache-section').isVisible(), false);
      await page.getByTestId('consent-yes').click();
      await status(page);
    }));

  test('an error can be dismissed', () =>
    withPage('?model=./bad.gguf', async (page) => {
      await page.getByTestId('error').waitFor();
      await page.getByRole('button', { name: 'Dismiss' }).click();
      assert.equal(await page.getByTestId('error').count(), 0);
    }));

  test('takes an address from the models dialog', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByRole('button', { name: /^Model:/ }).click();
      await page.getByTestId('address').fill('hf:someone/something/model.gguf');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'model.gguf');
      await status(page);
      const { loads, unloads } = await told(page);
      assert.equal(loads[1].source, 'hf:someone/something/model.gguf');
      assert.equal(unloads, 1);
    }));

  test('takes a dropped file and a chosen one', () =>
    withPage('', async (page) => {
      await status(page);
      await page.evaluate(() => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(['x'], 'dropped.gguf'));
        document.body.dispatchEvent(new DragEvent('dragenter', { dataTransfer, bubbles: true }));
        if (document.querySelector('#drop')?.hasAttribute('hidden')) throw new Error('nothing shows where to drop');
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      });
      await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'dropped.gguf');
      assert.equal(await page.locator('#drop').isVisible(), false);
      await status(page);
      await page
        .getByTestId('file')
        .setInputFiles({ name: 'chosen.gguf', mimeType: 'application/octet-stream', buffer: Buffer.from('x') });
      await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'chosen.gguf');
      await status(page);
      assert.deepEqual(
        (await told(page)).loads.slice(1).map(({ source }) => source),
        ['file:dropped.gguf', 'file:chosen.gguf'],
      );
    }));

  for (const address of ['https://example.org/big.gguf', 'http://localhost:9/big.gguf', 'http://127.0.0.1:9/big.gguf', 'hf:a/b/big.gguf', '//example.org/big.gguf'])
    test(`asks nothing of ${address} because a link names it`, () =>
      withPage(`?model=${encodeURIComponent(address)}`, async (page) => {
        await page.getByText('Nothing has been sent to').waitFor();
        const { loads, probes } = await told(page);
        assert.deepEqual([loads, probes], [[], []]);
      }));

  test('asks before a link makes it download from elsewhere', () =>
    withPage('?model=https://example.org/big.gguf', async (page) => {
      await page.getByTestId('consent').waitFor();
      await page.getByTestId('consent-look').click();
      await page
        .getByText(
          'big.gguf, from example.org, 10 MB to download, 21 MB of memory needed, fits into this browser, about 40 tok/s here.',
        )
        .waitFor();
      assert.deepEqual((await told(page)).loads, []);
      await page.getByTestId('consent-yes').click();
      await status(page);
      assert.equal((await told(page)).loads[0].source, 'https://example.org/big.gguf');
    }));
});
