// The benchmark page.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { browserName, pastedEntry, referencesOf } from '../../www/bench/comparison.js';
import { speeds } from '../../www/bench/statistics.js';
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
        readShare: (12_000_000 * result.decode.tokensPerSecond) / 20e9,
        tokenBytes: 12_000_000,
      });
      assert.ok(Math.abs(result.parts.ternary - 60 / 181) < 1e-9);
      const legend = await page.locator('#parts-chart svg').textContent();
      assert.match(legend ?? '', /^ternary products, .* ms, 60%output head, .* ms, 20%attention, .* ms, 10%norms and rounding, /);
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

  test('a run stands beside earlier ones, reference machines and what is pasted, is kept, and can be saved as an image', () =>
    withPage('bench.html?compare=no', async (page) => {
      const kinds = () => page.getByTestId('compared').evaluateAll((rows) => rows.map((row) => /** @type {HTMLElement} */ (row).dataset.kind));
      const run = async () => {
        await page.getByTestId('start').click();
        await page.getByText('Done', { exact: true }).waitFor();
      };
      await run();
      await page.locator('[data-kind="reference"]').first().waitFor();
      const first = await kinds();
      assert.deepEqual([first[0], first[1], first.includes('own')], ['now', 'reference', false]);
      assert.match(await page.getByTestId('compared').first().innerText(), /This run.*Chrome \d+.*\s.*Demo model/s);
      const json = JSON.parse((await page.getByTestId('json').textContent()) ?? '');
      await run();
      assert.deepEqual((await kinds()).slice(0, 3), ['now', 'own', 'reference']);
      await page.getByTestId('paste').fill('no result');
      await page.getByTestId('paste-add').click();
      await page.getByText('This is no result of this page').waitFor();
      json.browser.userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
      json.decode.tokensPerSecond = 77;
      await page.getByTestId('paste').fill(JSON.stringify(json));
      await page.getByTestId('paste-add').click();
      assert.match(await page.locator('[data-kind="pasted"]').innerText(), /Firefox 140.*77/s);
      assert.equal(await page.getByTestId('paste-error').innerText(), '');
      const [saved] = await Promise.all([page.waitForEvent('download'), page.getByTestId('save-picture').click()]);
      assert.equal((await readFile(await saved.path())).subarray(1, 4).toString(), 'PNG');
      await page.reload();
      await run();
      assert.deepEqual((await kinds()).slice(0, 4), ['now', 'own', 'own', 'reference'], 'across visits');
      await page.getByTestId('forget-runs').click();
      assert.ok(!(await kinds()).includes('own'));
    }));

  test('sustained speed is drawn as it comes', () =>
    withPage('bench.html?compare=no', async (page) => {
      await page.locator('#sustain option').nth(1).evaluate((option) => (/** @type {HTMLOptionElement} */ (option).value = '0.3'));
      await page.getByTestId('sustain').selectOption({ index: 1 });
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
      assert.match(await page.getByTestId('sustained-note').innerText(), /^From 125 tokens a second in the beginning to 125 in the end: 100%\.$/);
      assert.equal(await page.locator('#sustained-chart svg polyline').count(), 1);
    }));

  test('references and pasted results are read with care', () => {
    const line = (/** @type {object} */ changes) => JSON.stringify({ machine: 'M', browser: 'B', date: '2026-01-01', model: '2b4t', threads: 1, kernel: 'lut', precision: 'fast', figures: { decode: { median: 10 } }, ...changes });
    const found = referencesOf([line({}), line({ threads: 2 }), line({ date: '2026-02-02', figures: { decode: { median: 12 }, 'prefill 128': { median: 50 } } }), line({ machine: 'N', figures: {} }), ''].join('\n'));
    assert.deepEqual(found.map(({ threads, decode, prefill, date }) => [threads, decode, prefill, date]), [[1, 12, 50, '2026-02-02'], [2, 10, null, '2026-01-01']]);
    for (const text of ['', 'null', '{}', '{"model":{"threads":1},"decode":{"tokensPerSecond":"9"}}', '{"model":{"threads":1},"decode":{"tokensPerSecond":-1}}', 'https://x/#result=!!'])
      assert.throws(() => pastedEntry(text), text);
    const agents = ['Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36 Edg/156.0', 'Mozilla/5.0 AppleWebKit/605 Version/19.1 Safari/605', 'Mozilla/5.0 HeadlessChrome/156.0'];
    assert.deepEqual(agents.map(browserName), ['Edge 156', 'Safari 19', 'Chrome 156']);
  });

  test('tokens that arrive together do not look endlessly fast', () => {
    const even = Array.from({ length: 100 }, (_, i) => i * 10);
    assert.ok(speeds(even, 6).every(({ tokensPerSecond }) => Math.abs(tokensPerSecond - 100) < 1e-9));
    // The same speed, told eight tokens at a time.
    const bunched = even.map((time, i) => Math.floor(time / 80) * 80 + (i % 8) * 0.001);
    const found = speeds(bunched, 6).map(({ tokensPerSecond }) => tokensPerSecond);
    assert.ok(found.length > 50 && Math.max(...found) < 250, `${Math.max(...found)}`);
    assert.deepEqual(speeds([0, 0, 0], 1), []);
  });

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
