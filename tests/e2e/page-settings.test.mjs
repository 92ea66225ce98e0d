// The settings, the links and the models that are kept.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answered, ask, lastAnswer, status, told, usePages } from './pages.mjs';

const { withPage } = usePages();

describe('settings', () => {
  test('sampling takes effect at once and is kept; engine settings load the model again', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByRole('button', { name: 'Settings', exact: true }).click();
      await page.getByLabel('Temperature').fill('0');
      await page.getByLabel('Longest answer').fill('2');
      await page.getByLabel('Seed').fill('7');
      assert.equal(await page.getByTestId('reload').isVisible(), false);
      await page.getByLabel('Threads').selectOption('1');
      await page.getByLabel('Kernel').selectOption('lut');
      await page.getByLabel('Precision').selectOption('exact');
      await page.getByTestId('reload').click();
      await page.waitForFunction(() => document.querySelector('#info')?.textContent?.includes('1 thread'));
      await ask(page, 'say one two three');
      let { loads, answers } = await told(page);
      assert.deepEqual(
        loads.map(({ options }) => options),
        [{ precision: 'fast' }, { precision: 'exact', threads: 1, kernel: 'lut' }],
      );
      assert.deepEqual(answers[0].options, { temperature: 0, topP: 0.9, seed: 7, maxTokens: 2 });
      assert.match(await lastAnswer(page).innerText(), /Length limit reached/);
      await page.reload();
      await status(page);
      ({ loads, answers } = await told(page));
      assert.deepEqual(loads[0].options, { precision: 'exact', threads: 1, kernel: 'lut' });
    }));

  test('a link sets them for one visit, and sends its prompt', () =>
    withPage('?threads=1&kernel=scalar&temperature=0&cache=no&prompt=Hi', async (page) => {
      await answered(page);
      const { loads, answers } = await told(page);
      assert.deepEqual(loads[0].options, { precision: 'fast', threads: 1, kernel: 'scalar', cache: false });
      assert.deepEqual(answers[0].messages, [{ role: 'user', content: 'Hi' }]);
      assert.equal(answers[0].options.temperature, 0);
      assert.equal(await page.evaluate(() => localStorage.length), 0);
    }));

  test('nonsense in a link is left out', () =>
    withPage('?threads=-3&kernel=magic&temperature=x&context=1', async (page) => {
      await status(page);
      assert.deepEqual((await told(page)).loads[0].options, { precision: 'fast' });
    }));
});

describe('models on this device', () => {
  test('are listed, loaded, deleted and cleared', () =>
    withPage('', async (page) => {
      await status(page);
      await page.evaluate(() => {
        /** @type {any} */ (globalThis).standIn.kept.set('hf:a/b/half.gguf', {
          source: 'hf:a/b/half.gguf',
          bytes: 9e8,
          storedBytes: 3e8,
          complete: false,
          lastUsed: Date.now() - 3 * 864e5,
        });
      });
      await page.getByRole('button', { name: /^Model:/ }).click();
      const cards = page.getByTestId('cached-model');
      await cards.nth(1).waitFor();
      assert.match(await cards.nth(0).innerText(), /Demo model\s+10 MB · used today/);
      assert.match(await cards.nth(1).innerText(), /half\.gguf\s+300 of 900 MB, partial · used 3 days ago/);
      assert.match(await page.getByTestId('storage').innerText(), /20 MB used of the 5 GB/);
      await cards.nth(1).getByRole('button', { name: 'Delete half.gguf' }).click();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="cached-model"]').length === 1);
      await page.getByTestId('clear-cached').click();
      assert.equal(await cards.count(), 1);
      await page.getByTestId('clear-cached').click();
      await page.getByText('Nothing yet.').waitFor();
    }));

  test('unload gives the memory back, and the page says that there is no model', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByRole('button', { name: /^Model:/ }).click();
      await page.getByTestId('unload').click();
      await status(page, 'empty');
      assert.equal((await told(page)).unloads, 1);
      await page.getByText('No model is loaded.').waitFor();
    }));
});
