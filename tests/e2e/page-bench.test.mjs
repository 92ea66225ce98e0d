// The benchmark page.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { open, told, usePages } from './pages.mjs';

const { withPage } = usePages();

describe('the benchmark page', () => {
  test('measures, draws, compares the kernels and gives JSON', () =>
    withPage('bench.html', async (page) => {
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
      const result = JSON.parse(await page.getByTestId('json').innerText());
      assert.equal(result.model.architecture, 'bitnet-b1.58');
      assert.equal(result.decode.tokensPerSecond, 2000 / 16);
      assert.equal(result.decode.spread.repetitions, 5);
      assert.equal(result.decode.tokens, 182, 'as many as the context has room for, whatever the model says');
      assert.match(await page.getByTestId('answer').innerText(), /^This browser writes 125 tokens a second .* stay in the processor’s cache/);
      assert.deepEqual(
        result.prompts.map((/** @type {{ prefillPerSecond: { median: number } }} */ p) => p.prefillPerSecond.median),
        [400, 400, 400].slice(0, result.prompts.length),
      );
      assert.deepEqual(
        result.kernels.map((/** @type {{ kernel: string }} */ k) => k.kernel),
        ['relaxed16', 'relaxed', 'lut', 'mad', 'scalar'],
      );
      assert.deepEqual(result.depths, [{ context: 182, tokensPerSecond: 2000 / 182 }]);
      assert.deepEqual(result.machine, {
        memoryBytes: 25_000_000,
        readPerSecond: 20e9,
        readShare: (16_000_000 * result.decode.tokensPerSecond) / 20e9,
      });
      assert.ok(Math.abs(result.parts.ternary - 60 / 181) < 1e-9);
      const legend = await page.locator('#parts-chart svg').textContent();
      assert.match(legend ?? '', /^ternary, .* ms, 60%head, .* ms, 20%attention, .* ms, 10%norms, /);
      await page.getByText('All of them compute the same: logits hash 0123456789abcdef.').waitFor();
      assert.equal(await page.locator('#over-time-chart svg polyline').count(), 1);
      assert.equal(await page.locator('#kernels-chart svg rect').count(), 5);
      await page.getByText('40 results compared with their plain definition: all as they should be.').waitFor();
      assert.equal(await page.locator('#self-test-chart svg').textContent(), 'relaxed36 G/slut22 G/s');
      const { loads, unloads } = await told(page);
      assert.equal(unloads, loads.length);
      // The kernel that is named is the one that is highlighted.
      assert.match(await page.getByTestId('subject').innerText(), /mad kernel/);
      assert.equal(await page.locator('#kernels-chart text.strong').textContent(), 'mad');
      assert.match((await page.locator('#over-time-chart svg text').allTextContents()).at(-1) ?? '', /^[1-9][\d.]* m?s$/);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'start');
      await page.getByTestId('copy-link').click();
      const link = await page.getByTestId('link').textContent();
      await page.goto('about:blank');
      await page.goto(link ?? '');
      await page.getByText('A result from a link').waitFor();
      assert.match(await page.getByTestId('answer').innerText(), /^This browser writes 125 tokens/);
      assert.match((await page.getByTestId('markdown').textContent()) ?? '', /\| Decode, tok\/s \| 125 \(125 to 125\) \|/);
      assert.deepEqual((await told(page)).loads, []);
    }));

  test('stops when asked, and can start again', () =>
    withPage('bench.html?model=./slow.gguf', async (page) => {
      await page.getByTestId('start').click();
      await page.getByText('Loading the model').waitFor();
      await page.getByTestId('stop').click();
      await page.getByText('Stopped', { exact: true }).waitFor();
      await open(page, 'load');
      await page.getByTestId('compare').uncheck();
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
    }));

  test('starts by itself what a link names on its own site, and nothing elsewhere before a click', async () => {
    await withPage('bench.html?start=yes&compare=no&model=./models/demo.gguf', async (page) => {
      await page.getByText('Done', { exact: true }).waitFor();
    });
    await withPage('bench.html?start=yes&compare=no&model=http://localhost:9/big.gguf', async (page) => {
      await page.getByText('Nothing has been asked of its host yet').waitFor();
      const { loads, probes } = await told(page);
      assert.deepEqual([loads, probes], [[], []]);
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
    });
  });

  test('shows the error of a bad address', () =>
    withPage('bench.html?model=./missing.gguf', async (page) => {
      await page.getByTestId('start').click();
      await page.getByTestId('error').waitFor();
      assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'not_found');
      assert.equal(await page.getByTestId('start').isVisible(), true);
    }));
});
