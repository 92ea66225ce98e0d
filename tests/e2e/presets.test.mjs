// Presets: what is chosen for which device and why, and that the engine does as it says. And comparisons of settings.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, pageTest } from './api-pages.mjs';
import { spreadOf } from '../../worker/compare.js';
import { choosePreset } from '../../worker/preset.js';

/** @import { Device } from '../../worker/preset.js' */

/** @type {Device} */
const LARGE = { cores: 16, isolated: true, memoryGiB: 8, touch: false, saveData: false, onBattery: false };

test('auto takes the preset that fits the device, and says why', () => {
  const of = (/** @type {Partial<Device>} */ device) => choosePreset('auto', { ...LARGE, ...device }, {});
  const expected = /** @type {const} */ ([
    [{}, 'desktop', /16 processors and 8 GiB/],
    // Firefox and Safari tell neither memory nor battery.
    [{ memoryGiB: undefined, touch: undefined, saveData: undefined, onBattery: undefined }, 'desktop', /16 processors\./],
    [{ cores: 4 }, 'laptop', /4 processors/],
    [{ onBattery: true }, 'laptop', /battery/],
    [{ saveData: true }, 'laptop', /saves data/],
    [{ memoryGiB: 4 }, 'mobile', /about 4 GiB/],
    [{ cores: 2 }, 'mobile', /2 processors/],
    [{ cores: 1 }, 'mobile', /there is 1 processor\./],
    [{ touch: true }, 'mobile', /finger/],
  ]);
  for (const [device, name, reason] of expected) {
    const choice = of(device);
    assert.deepEqual([choice.name, choice.device], [name, { ...LARGE, ...device }], JSON.stringify(device));
    assert.match(choice.reasons[0], reason);
    assert.ok(choice.reasons.every((reason) => /^[^]+\.$/.test(reason)), choice.reasons.join());
  }
  assert.deepEqual(of({}).options, { threads: 8, context: 32_768, precision: 'fast', maxConcurrent: 8 });
  assert.deepEqual(of({ onBattery: true }).options, { threads: 3, context: 4096, precision: 'fast', maxConcurrent: 2 });
  assert.deepEqual(of({ touch: true, onBattery: true, cores: 8 }).options, { threads: 2, context: 2048, precision: 'fast', maxConcurrent: 1 });
  assert.deepEqual(of({ cores: 1 }).options.threads, 1);
  assert.match(of({ cores: 1 }).reasons[1], /^At most 1 thread: .* there is 1 processor\.$/);
  assert.equal(of({ isolated: false }).options.threads, 1);
  assert.match(of({ saveData: true }).reasons.join(' '), /cache: true/);
  // What is asked for by name does not depend on the battery; what is asked for by option wins.
  const asked = choosePreset('mobile', { ...LARGE, onBattery: true }, { threads: 7, precision: 'exact' });
  assert.deepEqual([asked.name, asked.options.threads, asked.overridden], ['mobile', 4, ['threads', 'precision']]);
  assert.match(asked.reasons.join(' '), /threads: 7, as load was told\. precision: exact, as load was told\./);
});

test('a spread has the median and the ends', () => {
  assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, least: 1, most: 3 });
  assert.deepEqual(spreadOf([4, 1, 2, 3]), { median: 2.5, least: 1, most: 4 });
  assert.deepEqual(spreadOf([5]), { median: 5, least: 5, most: 5 });
});

pageTest('a model is loaded as the preset says, unless an option says otherwise', async (page) => {
  const got = await page.evaluate(async (url) => {
    const infos = [];
    for (const options of /** @type {const} */ ([{ preset: 'mobile' }, { preset: 'mobile', context: 40, maxConcurrent: 5, precision: 'exact', threads: 1 }, { preset: 'auto' }, {}])) {
      const before = tap.workers.length;
      const model = await lib.BitNet.load(url, options);
      const { contextLength, maxConcurrent, precision, preset } = model.info;
      infos.push({ contextLength, maxConcurrent, precision, preset, workers: tap.workers.length - before });
      await model.unload();
    }
    const probe = await lib.BitNet.probe(url, { preset: 'mobile', context: 30 });
    const wrong = await lib.BitNet.load(url, { preset: /** @type {any} */ ('phone') }).catch(({ code, message }) => [code, message]);
    return { infos, cores: navigator.hardwareConcurrency, probed: probe.contextLength, wrong };
  }, MODEL);
  const [mobile, told, auto, none] = got.infos;
  // The fixture's own context is shorter than the preset allows.
  assert.deepEqual([mobile.contextLength, mobile.maxConcurrent, mobile.precision], [none.contextLength, 2, 'fast']);
  assert.equal(mobile.workers, Math.min(4, got.cores));
  assert.deepEqual([mobile.preset?.name, mobile.preset?.overridden], ['mobile', []]);
  assert.deepEqual([told.contextLength, told.maxConcurrent, told.precision, told.workers], [40, 5, 'exact', 1]);
  assert.deepEqual(told.preset?.overridden, ['threads', 'context', 'precision', 'maxConcurrent']);
  assert.ok(auto.preset && auto.preset.device.cores === got.cores && auto.preset.reasons.length >= 4, JSON.stringify(auto.preset));
  assert.equal(none.preset, undefined);
  assert.equal(got.probed, 30);
  assert.deepEqual(got.wrong, ['invalid_argument', "preset: expected one of 'auto', 'mobile', 'laptop', 'desktop', found 'phone'."]);
});

pageTest('settings are compared in rounds, one model at a time, out of the storage', async (page) => {
  const got = await page.evaluate(async (url) => {
    /** @type {import('../../worker/types.js').CompareProgress[]} */
    const progress = [];
    /** @type {string[]} */
    const known = [];
    let alive = 0;
    const phases = new Set();
    const comparison = await lib.BitNet.compare(
      url,
      [{ threads: 1, kernel: 'mad' }, { label: 'two | threads', threads: 2, kernel: 'scalar' }, { threads: 1, precision: 'exact' }, { label: 'too long', context: 1e6 }],
      {
        prompt: 'Hello',
        maxTokens: 4,
        decodeTokens: 8,
        rounds: 2,
        onRows: (rows) => known.push(rows.map((row) => (row.ok ? row.runs : row.error.code)).join()),
        onProgress: (now) => {
          progress.push(now);
          alive = Math.max(alive, tap.workers.length - tap.ended);
          if (now.round === 2 && now.load) phases.add(now.load.phase);
        },
      },
    );
    const hashes = [];
    for (const precision of /** @type {const} */ (['fast', 'exact'])) {
      const model = await lib.BitNet.load(url, { threads: 1, precision });
      hashes.push(await model.logitsHash(), (await model.complete('Hello', { maxTokens: 4 })).text);
      await model.unload();
    }
    const control = new AbortController();
    const aborted = await lib.BitNet.compare(url, [{ threads: 1 }], { signal: control.signal, onProgress: () => control.abort('enough') }).then(() => '', (reason) => reason);
    const left = tap.workers.length - tap.ended;
    const code = (/** @type {Promise<any>} */ call) => call.then(() => 'compared', (error) => error.code);
    const wrong = await Promise.all([
      code(lib.BitNet.compare(url, [])), code(lib.BitNet.compare(url, /** @type {any} */ ([7]))), code(lib.BitNet.compare(url, [{ threads: 0 }])),
      code(lib.BitNet.compare(url, [{ cache: false }])), code(lib.BitNet.compare(url, [{}], { rounds: 0 })), code(lib.BitNet.compare(url, [{}], { maxTokens: 1.5 })), code(lib.BitNet.compare(url, [{}], { decodeTokens: 0 })),
      code(lib.BitNet.compare(new ArrayBuffer(8), [{}])), code(lib.BitNet.compare(url, [{}], { prompt: /** @type {any} */ (7) })),
    ]);
    return { comparison, progress: progress.map(({ done, total, round, label }) => `${done}/${total} ${round} ${label}`), known, alive, phases: [...phases], hashes, aborted, left, wrong };
  }, MODEL);
  const { rows, rounds, markdown } = got.comparison;
  assert.equal(rounds, 2);
  assert.deepEqual(rows.map(({ label, ok }) => [label, ok]), [['threads: 1, kernel: mad', true], ['two | threads', true], ['threads: 1, precision: exact', true], ['too long', false]]);
  const [mad, scalar, exact, failed] = rows;
  assert.ok(mad.ok && scalar.ok && exact.ok && !failed.ok);
  assert.equal(failed.error.code, 'invalid_argument');
  assert.deepEqual([mad.kernel, scalar.kernel, mad.threads, scalar.options.threads, exact.precision], ['mad', 'scalar', 1, 2, 'exact']);
  // The same bits whatever computes them, and others for another precision.
  assert.deepEqual([mad.logitsHash, mad.text, scalar.logitsHash, scalar.text, exact.logitsHash, exact.text], [...got.hashes.slice(0, 2), ...got.hashes.slice(0, 2), ...got.hashes.slice(2)]);
  for (const { loadMs, firstTokenMs, prefillTokensPerSecond, decodeTokensPerSecond, memoryBytes } of [mad, scalar, exact]) {
    for (const { least, median, most } of [loadMs, firstTokenMs, prefillTokensPerSecond, decodeTokensPerSecond]) assert.ok(least <= median && median <= most && least >= 0);
    assert.ok(loadMs.least > 0 && memoryBytes > 1 << 20);
  }
  // What a comparison that is stopped has found by then; the second round goes back.
  assert.deepEqual(got.known, ['1', '1,1', '1,1,1', ...Array(2).fill('1,1,1,invalid_argument'), '1,1,2,invalid_argument', '1,2,2,invalid_argument', '2,2,2,invalid_argument']);
  assert.ok([mad, scalar, exact].every(({ tokens }) => tokens <= 4), 'the answer is what was asked for, whatever is timed besides');
  // One engine and at most one thread beside it.
  assert.equal(got.alive, 2);
  assert.deepEqual(got.phases.includes('download'), false, got.phases.join());
  assert.equal(got.progress.at(-1), '8/8 2 threads: 1, kernel: mad');
  assert.ok(got.progress.includes('1/8 1 threads: 1, kernel: mad') && got.progress.includes('5/8 2 too long'), got.progress.join());
  const lines = markdown.split('\n');
  assert.equal(lines.length, 6);
  assert.match(lines[3], /^\| two \\\| threads \| \d \| scalar \| fast \| /);
  assert.match(lines[5], /^\| too long \| invalid_argument: context: /);
  assert.deepEqual(lines.map((line) => line.replaceAll('\\|', '').split('|').length), Array(6).fill(12));
  assert.deepEqual([got.aborted, got.left], ['enough', 0]);
  assert.deepEqual(got.wrong, Array(9).fill('invalid_argument'));
});
