// Threads and kernels through the public API: how they are chosen, and that they give the same bits.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MODEL, pageTest, plain, server } from './api-pages.mjs';
import { ROOT } from './harness.mjs';

pageTest('threads: auto starts with one for a small model, tries others between tokens, and writes the same text', async (page) => {
  const got = await page.evaluate(async (url) => {
    Object.defineProperty(navigator, 'hardwareConcurrency', { value: 4 });
    const found = await lib.BitNet.probe(url);
    const write = async (/** @type {'auto' | 1} */ threads) => {
      const model = await lib.BitNet.load(url, { threads, precision: 'exact' });
      const before = model.info.threads;
      const told = [];
      const texts = [];
      // Past the warm-up and several trials, each of pieces of 2.5 ms.
      for (let seed = 1; seed <= 6; seed++) {
        const { text, timings } = await model.complete('The', { maxTokens: 100, temperature: 1, seed });
        texts.push(text);
        told.push([timings.threads, model.info.threads, JSON.parse(JSON.stringify(model.info)).threads]);
      }
      const hash = await model.logitsHash();
      await model.unload();
      return { before, told, texts, hash };
    };
    return { most: found.threads, auto: await write('auto'), one: await write(1) };
  }, MODEL);
  assert.equal(got.most, 4);
  assert.equal(got.auto.before, 1);
  assert.deepEqual(got.one.told, got.one.told.map(() => [1, 1, 1]));
  for (const [timed, ...shown] of got.auto.told) {
    assert.ok([1, 2, 3, 4].includes(timed), `${timed} threads`);
    assert.deepEqual(shown, [timed, timed]);
  }
  assert.deepEqual(got.auto.texts, got.one.texts);
  const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
  assert.deepEqual([got.auto.hash, got.one.hash], Array(2).fill(golden['gqa1-i2_s.gguf'].exact));
});

pageTest('a page that is not isolated gets one thread, the same bits and one hint', async (page, said) => {
  const got = await page.evaluate(async (url) => {
    const hashes = [];
    for (const threads of /** @type {const} */ (['auto', 4])) {
      const model = await lib.BitNet.load(url, { threads, precision: 'exact' });
      hashes.push(await model.logitsHash(), model.info.threads, model.info.isolated);
      await model.unload();
    }
    return hashes;
  }, MODEL);
  const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
  const hash = golden['gqa1-i2_s.gguf'].exact;
  assert.deepEqual(got, [hash, 1, false, hash, 1, false]);
  assert.equal(said.filter((text) => text.includes('cannot share memory')).length, 1, said.join('\n'));
}, () => plain);

for (const [where, host] of /** @type {const} */ ([['isolated', () => server], ['not isolated', () => plain]])) {
  pageTest(`a browser without Atomics.waitAsync loads on a page that is ${where}`, async (page) => {
    const got = await page.evaluate(async (url) => {
      const model = await lib.BitNet.load(url, { workerUrl: '/e2e/no-wait-async-engine.js', threads: 1, precision: 'exact' });
      const hash = await model.logitsHash();
      await model.unload();
      return hash;
    }, MODEL);
    const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
    assert.equal(got, golden['gqa1-i2_s.gguf'].exact);
  }, host);
}

pageTest('the self test compares and measures every kernel of the build', async (page) => {
  const got = await page.evaluate(async () => {
    const relaxed = await lib.BitNet.selfTest({ threads: 2 });
    const simd128 = await lib.BitNet.selfTest({ variant: 'simd128', seed: 7 });
    return { relaxed, simd128, ended: tap.ended === tap.workers.length };
  });
  for (const [{ passed, cases, failures, seed, kernels }, names, wanted] of /** @type {const} */ ([
    [got.relaxed, ['lut', 'mad', 'relaxed', 'relaxed16'], 1],
    [got.simd128, ['lut', 'mad'], 7],
  ])) {
    assert.deepEqual([passed, failures, seed], [true, [], wanted]);
    assert.ok(cases > 100);
    assert.deepEqual(kernels.map(({ kernel }) => kernel).sort(), names);
    assert.ok(kernels.every(({ weightsPerSecond }, i) => weightsPerSecond > 0 && (i === 0 || weightsPerSecond <= kernels[i - 1].weightsPerSecond)));
  }
  assert.equal(got.ended, true);
});

pageTest('the kernel is measured once a page, and can be chosen', async (page) => {
  const kernels = await page.evaluate(async (url) => {
    const kernels = [];
    for (const kernel of /** @type {const} */ (['auto', 'scalar', 'auto', undefined])) {
      const model = await lib.BitNet.load(url, { threads: 1, kernel });
      kernels.push(model.info.kernel);
      await model.unload();
    }
    return kernels;
  }, MODEL);
  assert.equal(kernels[1], 'scalar');
  assert.notEqual(kernels[0], 'scalar');
  assert.deepEqual([kernels[2], kernels[3]], [kernels[0], kernels[0]]);
});
