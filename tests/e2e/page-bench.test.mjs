// The benchmark page.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { reasons } from '../../www/bench/answer.js';
import { browserName, pastedEntry, referencesOf } from '../../www/bench/comparison.js';
import { needsRepacking, peerOf } from '../../www/bench/peer.js';
import { repacked } from '../../www/bench/repack.js';
import { findings, shortNames } from '../../www/bench/settings.js';
import { speeds } from '../../www/bench/statistics.js';
import { readDirectory } from './gguf.mjs';
import { launch, openPage, ROOT, startDemo } from './harness.mjs';
import { open, told, usePages } from './pages.mjs';

const { withPage } = usePages();

describe('the benchmark page', () => {
  test('measures, draws, compares settings and gives JSON', () =>
    withPage('bench.html', async (page) => {
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
      const result = JSON.parse(await page.getByTestId('json').innerText());
      assert.equal(result.model.architecture, 'bitnet-b1.58');
      assert.equal(result.decode.tokensPerSecond, 2000 / 16);
      assert.equal(result.decode.spread.repetitions, 5);
      assert.equal(result.decode.tokens, 182, 'as many as the context has room for, whatever the model says');
      assert.match(await page.getByTestId('answer').innerText(), /^This browser writes 125 tokens a second .* on 2 threads\. .* stay in the processor’s cache.* 60% of a token’s time goes to the products/);
      assert.deepEqual(
        result.prompts.map((/** @type {{ prefillPerSecond: { median: number } }} */ p) => p.prefillPerSecond.median),
        [400, 400, 400].slice(0, result.prompts.length),
      );
      assert.deepEqual(
        result.settings.rows.map((/** @type {any} */ { asked, kernel, decode }) => [asked.kernel, kernel, decode.median, decode.repetitions]),
        [['auto', 'mad', 200, 3], ['relaxed16', 'relaxed16', 300, 3], ['relaxed', 'relaxed', 280, 3], ['lut', 'lut', 240, 3], ['mad', 'mad', 200, 3], ['scalar', 'scalar', 20, 3]],
      );
      assert.deepEqual([result.settings.promptTokens, result.settings.tokens], [128, 63]);
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
      const note = await page.getByTestId('settings-note').innerText();
      assert.match(note, /^Fast: the logits hash is 0123456789abcdef in all of 6 settings/);
      assert.match(note, /Automatic takes mad, but relaxed16 was 50% faster with this model\.\s+It chooses by .*: relaxed 36, lut 22\./);
      assert.equal(await page.locator('#over-time-chart svg polyline').count(), 1);
      assert.equal(await page.locator('#settings-decode svg rect').count(), 6);
      assert.equal(await page.locator('#settings-prefill svg rect').count(), 6);
      await page.getByText('40 results compared with their plain definition: all as they should be.').waitFor();
      assert.equal(await page.locator('#self-test-chart svg').textContent(), 'relaxed36 G/slut22 G/s');
      const { loads, unloads } = await told(page);
      assert.equal(unloads, loads.length);
      assert.deepEqual(await page.locator('#settings-decode text.strong').allTextContents(), ['mad (auto)', '200']);
      assert.match((await page.locator('#over-time-chart svg text').allTextContents()).at(-1) ?? '', /^[1-9][\d.]* m?s$/);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'start');
      await page.getByTestId('copy-link').click();
      const link = await page.getByTestId('link').textContent();
      await page.goto('about:blank');
      await page.goto(link ?? '');
      await page.getByText('A result from a link').waitFor();
      assert.match(await page.getByTestId('answer').innerText(), /^This browser writes 125 tokens/);
      const markdown = (await page.getByTestId('markdown').textContent()) ?? '';
      assert.match(markdown, /\| Decode, tok\/s \| 125 \(125 to 125\) \|/);
      assert.match(markdown, /\| relaxed16 \| 300 \(300 to 300\) \| 400 \(400 to 400\) \| 0123456789abcdef \|/);
      assert.equal(await page.getByTestId('setting').count(), 6);
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
      await page.getByText('This is not a result of this page').waitFor();
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

  test('kernels, threads and precisions are combined as ticked, and a stop keeps what was measured', () =>
    withPage('bench.html?precision=exact', async (page) => {
      const box = (/** @type {string} */ group, /** @type {string} */ value) => page.locator(`#compare-${group} input[value="${value}"]`);
      assert.match(await page.getByTestId('compare-count').innerText(), /^6 settings in 3 rounds that take turns: 18 runs/);
      assert.equal(await box('precisions', 'exact').isChecked(), true, 'as the run itself');
      for (const name of ['relaxed', 'relaxed16', 'scalar', 'auto']) await box('kernels', name).uncheck();
      for (const n of ['1', '2']) await box('threads', n).check();
      await box('precisions', 'fast').check();
      assert.match(await page.getByTestId('compare-count').innerText(), /^12 settings .* 36 runs/);
      await page.getByTestId('precision').selectOption('fast');
      assert.equal(await box('precisions', 'exact').isChecked(), true, 'what the visitor has ticked stays');
      // In the second round, which goes back, it is lut's turn after mad's.
      await page.evaluate(() => Object.defineProperty(/** @type {any} */ (globalThis).standIn, 'pausedKernel', { get: () => (document.querySelectorAll('[data-testid="setting"]').length === 12 ? 'lut' : '') }));
      await page.getByTestId('start').click();
      await page.getByText(/^Comparing, round 2 of 3: lut, .*Exact$/).waitFor();
      await page.getByTestId('stop').click();
      await page.getByText('Stopped', { exact: true }).waitFor();
      const { settings } = JSON.parse((await page.getByTestId('json').textContent()) ?? '');
      assert.deepEqual(settings.rows.map((/** @type {any} */ row) => row.decode.repetitions), [...Array(11).fill(1), 2]);
      assert.deepEqual(new Set(settings.rows.map((/** @type {any} */ { asked }) => asked.threads)), new Set([null, 1, 2]));
      const note = await page.getByTestId('settings-note').innerText();
      assert.match(note, /^Fast: the logits hash is 0123456789abcdef in all of 6 settings.*\s+Exact: the logits hash is fedcba9876543210 in all of 6 settings/);
      assert.match(note, /Automatic wrote with 2 threads.* of the fixed numbers 2 threads was the fastest/);
      const { loads, unloads } = await told(page);
      assert.equal(unloads, loads.length);
      // It is kept, and can be looked at again beside a later run.
      await page.getByTestId('compare').uncheck();
      assert.equal(await page.getByTestId('settings').isVisible(), false);
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
      assert.equal(await page.getByTestId('settings-figure').isVisible(), false);
      await page.getByTestId('show-run').click();
      assert.equal(await page.getByTestId('setting').count(), 12);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'result-title');
      assert.equal(await page.locator('[data-kind="own"]').count(), 1);
    }));

  test('a model that would be downloaded for each run is not compared, and what wllama fails at is told', () =>
    withPage('bench.html?model=http://localhost:9/big.gguf&wllama=yes', async (page, complaints) => {
      await page.evaluate(() => (/** @type {any} */ (globalThis).standIn.kept.set = () => {}));
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
      await page.getByText('Settings were not compared').waitFor();
      assert.equal((await told(page)).loads.length, 1);
      assert.match(await page.getByTestId('peer-note').innerText(), /^wllama could not be measured with this file: /);
      assert.equal(await page.locator('iframe').count(), 0);
      assert.equal(complaints.splice(0).length, 1, 'nobody answers at that address');
      await page.getByTestId('address').fill('hf:owner/repository');
      await page.getByTestId('compare').uncheck();
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor();
      assert.equal(await page.getByTestId('peer-note').innerText(), 'wllama could not be measured with this file: it is not one GGUF file');
      await page.getByTestId('model').selectOption({ index: 0 });
      assert.match(await page.getByTestId('peer-help').innerText(), /wllama does not read I2_S: for it the same weights are put into TQ2_0/);
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

describe('the answer of the benchmark', () => {
  const result = (/** @type {any} */ { speed = 25, threads = 4, isolated = true, weightBytes = 700e6, tokenBytes = 560e6, read = 28e9, parts = { ternary: 30, head: 6, barriers: 1 }, cores = 4, asked = null }) =>
    /** @type {any} */ ({
      decode: { tokensPerSecond: speed },
      model: { threads, isolated, weightBytes },
      machine: { readPerSecond: read, tokenBytes },
      parts,
      device: { cores, threadsAsked: asked },
    });
  const keys = (/** @type {any} */ changes) => reasons(result(changes)).map(([key]) => key.replace('answer.', ''));

  test('tells what holds writing up', () => {
    assert.deepEqual(keys({ speed: 45 }), ['speed', 'memory', 'memoryBound', 'where']);
    assert.deepEqual(keys({ speed: 20 }), ['speed', 'memory', 'computeBound', 'where']);
    assert.deepEqual(keys({ speed: 20, parts: { ternary: 30, attention: 60 } }), ['speed', 'memory', 'notMemory', 'where']);
    assert.deepEqual(keys({ speed: 20, parts: { ternary: 60, barriers: 30 } }), ['speed', 'memory', 'notMemory', 'where', 'waiting']);
    assert.deepEqual(keys({ speed: 20, parts: { ternary: 40, barriers: 60 } }), ['speed', 'memory', 'notMemory', 'where']);
    assert.deepEqual(keys({ speed: 70 }), ['speed', 'beyond', 'where'], 'more than memory gives');
    assert.deepEqual(keys({ speed: 900, weightBytes: 1.6e6, tokenBytes: 1.4e6 }), ['speed', 'cache', 'where']);
    assert.deepEqual(keys({ speed: 20, parts: null }), ['speed', 'memory', 'notMemory']);
    assert.deepEqual(reasons({ model: result({}).model }), [], 'nothing was written');
    assert.deepEqual(reasons({ ...result({}), machine: undefined, device: undefined }).map(([key]) => key), ['answer.speed', 'answer.where'], 'stopped early');
  });

  test('tells of threads that do not work', () => {
    assert.deepEqual(keys({ threads: 1, isolated: false }).at(-1), 'notIsolated');
    assert.deepEqual(keys({ threads: 2 }).at(-1), 'threadsFound');
    assert.deepEqual(keys({ threads: 2, asked: 2 }).at(-1), 'threadsFew');
    assert.deepEqual(keys({ threads: 4, asked: 4 }).at(-1), 'where');
  });

  test('counts with the bytes that a token reads, not with those of all weights', () => {
    const [, [, values]] = reasons(result({ speed: 25 }));
    assert.deepEqual(values, { read: '28', size: '560 MB', most: '50', percent: 50 });
    const [, [, older]] = reasons(result({ speed: 25, tokenBytes: undefined }));
    assert.equal(older?.size, '560 MB');
    assert.equal(reasons({ ...result({}), machine: /** @type {any} */ ({ readPerSecond: 28e9 }) })[1][1]?.size, '700 MB', 'of an earlier version');
  });
});

describe('settings side by side', () => {
  const row = (/** @type {string} */ kernel, /** @type {number[]} */ [min, median, max], /** @type {any} */ { threads = null, precision = 'fast', ran = kernel, hash = 'h' } = {}) =>
    ({ asked: { kernel, threads, precision }, kernel: ran, threads: threads ?? 2, decode: { min, median, max, repetitions: 3 }, logitsHash: hash });
  const told = (/** @type {any[]} */ rows, run = {}) => findings({ promptTokens: 1, tokens: 1, rows }, run, undefined).join(' ');

  test('are named by what differs between them', () => {
    const speeds = [1, 1, 1];
    assert.deepEqual(shortNames([row('auto', speeds, { ran: 'lut' }), row('mad', speeds)]), ['lut (auto)', 'mad']);
    assert.deepEqual(shortNames([row('mad', speeds, { threads: 1 }), row('mad', speeds)]), ['1 thread', '2 threads (auto)']);
    assert.deepEqual(shortNames([row('mad', speeds)]), ['mad']);
  });

  test('say which kernel automatic took, and whether another one was faster by more than the noise', () => {
    assert.match(told([row('auto', [9, 10, 11], { ran: 'lut' }), row('lut', [9, 10, 11]), row('mad', [5, 6, 7])]), /takes lut, which is the fastest here, too/);
    assert.match(told([row('auto', [9, 10, 11], { ran: 'lut' }), row('lut', [9, 10, 11]), row('mad', [10, 12, 13])]), /mad was 20% faster here, which lies within the spread/);
    assert.match(told([row('auto', [9, 10, 11], { ran: 'lut' }), row('lut', [9, 10, 11]), row('mad', [14, 15, 16])]), /but mad was 50% faster/);
    assert.match(told([row('auto', [9, 10, 11], { ran: 'lut' })]), /Automatic takes lut\.$/);
    assert.match(told([row('lut', [1, 1, 1]), row('mad', [1, 1, 1], { hash: 'other' })]), /differ, which is a bug .*: h, other\.$/);
    assert.match(told([row('lut', [1, 1, 1])], { precision: 'fast', logitsHash: 'of the run' }), /differ, which is a bug .*: h, of the run\.$/);
    assert.equal(told([{ asked: { kernel: 'relaxed', threads: null, precision: 'fast' }, error: 'unsupported' }]), '');
  });
});

describe('wllama beside us', () => {
  test('ratios are those of rounds', () => {
    const run = (/** @type {number} */ speed) => ({ loadMs: 1, prefill: 2 * speed, decode: speed, promptTokens: 64, tokens: 32, version: 'b1' });
    const { ratios, ours, theirs } = peerOf([{ ours: run(10), theirs: run(5) }, { ours: run(30), theirs: run(10) }, { ours: run(8), theirs: run(2) }], 1);
    assert.deepEqual(ratios?.decode, { median: 3, min: 2, max: 4, repetitions: 3 });
    assert.deepEqual([ours?.decode.median, theirs?.decode.median, ours?.prefill.median], [10, 5, 20]);
    assert.deepEqual(['I2_S', 'TQ2_0, embedding Q4_K', 'Q2_0', 'TQ1_0, head I2_S'].map(needsRepacking), [true, false, false, true]);
  });

  test('weights in I2_S are put into TQ2_0 as llama.cpp does it, and nothing else is changed', async () => {
    const models = join(ROOT, 'tests/fixtures/models');
    const [source, wanted] = await Promise.all(['gqa1-i2_s', 'gqa1-tq2_0'].map((name) => readFile(join(models, `${name}.gguf`))));
    const found = Buffer.from(await (await repacked(new Blob([source]))).arrayBuffer());
    const [ours, theirs] = [found, wanted].map(readDirectory);
    assert.deepEqual(ours.tensors.map(({ name, type, dims }) => [name, type, dims]), theirs.tensors.map(({ name, type, dims }) => [name, type, dims]));
    // Bytes of 256 weights in f32, f16 and TQ2_0.
    const block = /** @type {Record<number, number>} */ ({ 0: 1024, 1: 512, 35: 66 });
    const bytesOf = (/** @type {import('./gguf.mjs').Tensor} */ { type, dims }) => (dims.reduce((a, b) => a * b, 1) * block[type]) / 256;
    for (const tensor of ours.tensors) {
      const other = theirs.tensors.find(({ name }) => name === tensor.name);
      const data = (/** @type {Buffer} */ file, /** @type {any} */ { dataBegin }, /** @type {any} */ { offset }) => file.subarray(dataBegin + offset, dataBegin + offset + bytesOf(tensor));
      assert.ok(data(found, ours, tensor).equals(data(wanted, theirs, other)), tensor.name);
    }
    assert.deepEqual([...ours.values.keys()].filter((name) => /^bitnet/.test(name)).sort(), [...theirs.values.keys()].filter((name) => /^bitnet/.test(name)).map((name) => name.replace('bitnet-b1.58', 'bitnet')).sort());
    const same = new Blob([wanted]);
    assert.equal(await repacked(same), same, 'what needs no other type stays as it is');
    for (const cut of [0, 3, 1000, ours.dataBegin - 40]) await assert.rejects(repacked(new Blob([source.subarray(0, cut)])), `${cut} bytes`);
    await assert.rejects(repacked(new Blob([await readFile(join(models, 'tiny-i2_s.gguf'))])), /has rows of \d+ weights, TQ2_0 takes multiples of 256/);
  });

  test('both engines run the same file, and wllama comes only when it is asked for', { timeout: 120_000 }, async () => {
    const server = await startDemo({ folders: { '/fixtures/': join(ROOT, 'tests/fixtures/models') } });
    const browser = await launch();
    try {
      const { page, complaints } = await openPage(browser, `${server.origin}/bench.html?compare=no&model=./fixtures/gqa1-i2_s.gguf`);
      await page.waitForFunction(() => document.querySelectorAll('#threads option').length > 1);
      assert.deepEqual(server.requests.filter(({ path }) => path.includes('wllama')), []);
      await page.getByTestId('peer').check();
      await page.getByTestId('start').click();
      await page.getByText('Done', { exact: true }).waitFor({ timeout: 100_000 });
      const { peer } = JSON.parse((await page.getByTestId('json').textContent()) ?? '');
      assert.match(await page.getByTestId('peer-note').innerText(), /^Same weights, for wllama in TQ2_0, .*, a prompt of 6\d tokens, 32 tokens behind it, 3 rounds/);
      for (const of of ['ours', 'theirs', 'ratios']) assert.ok(peer[of].decode.min > 0 && peer[of].prefill.min > 0, of);
      assert.match(await page.locator('#peer-table').innerText(), /bitnet-web.*wllama.*Ratio.*Decode.*times/s);
      assert.match((await page.getByTestId('markdown').textContent()) ?? '', /\| {2}\| bitnet-web \| wllama b\d+.* \| Ratio \|/);
      assert.equal(await page.locator('iframe').count(), 0, 'its document is gone');
      const asked = new Set(server.requests.map(({ path }) => path).filter((path) => path.startsWith('/wllama/')));
      assert.deepEqual(asked, new Set(['/wllama/esm/index.js', '/wllama/esm/wasm/wllama.wasm']));
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
