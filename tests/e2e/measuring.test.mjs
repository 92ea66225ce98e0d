// The library's functions for benchmarks, in a real browser: the time of each part, made-up contexts, memory.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {import('./server.mjs').RunningServer} */
let server;

before(async () => {
  browser = await launch();
  server = await startDemo({
    folders: { '/models/': join(ROOT, 'tests/fixtures/models'), '/benches/': join(ROOT, 'benches') },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

const PARTS = ['ternary', 'attention', 'head', 'norms', 'sampling', 'barriers', 'other'];

test('the parts of a generation add up to it, and are told only to who asks', { timeout: 120_000 }, async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  const { timed, single, plain } = await page.evaluate(async () => {
    const { BitNet } = await import(/** @type {string} */ ('/dist/index.js'));
    const model = await BitNet.load('/models/gqa1-i2_s.gguf', { threads: 2, kernel: 'mad', cache: false });
    const options = { maxTokens: 8, temperature: 0 };
    return {
      timed: await model.complete('Hello', { ...options, timeParts: true }),
      single: await model.complete('World', { maxTokens: 1, temperature: 0, timeParts: true }),
      plain: await model.complete('Hello', options),
    };
  });
  for (const { timings } of [timed, single]) {
    for (const [whole, parts] of [
      [timings.prefillMs, timings.parts.prefill],
      [timings.decodeMs, timings.parts.decode],
    ]) {
      assert.deepEqual(Object.keys(parts).sort(), [...PARTS].sort());
      const sum = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
      assert.ok(Math.abs(sum - whole) < 1e-6, `${sum} is not ${whole}`);
    }
    assert.ok(timings.parts.prefill.ternary > 0, 'products take time');
  }
  assert.ok(timed.timings.parts.decode.head > 0, 'logits take time');
  assert.equal(single.timings.parts.decode.ternary, 0, 'a single token comes out of the prompt');
  assert.equal(plain.timings.parts, undefined);
  assert.equal(plain.text, timed.text);
  await context.close();
});

test('the benchmark of the repository measures a model', { timeout: 120_000 }, async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  const found = await page.evaluate(async () => {
    const ours = await import(/** @type {string} */ ('/benches/page/ours.js'));
    const { info, wasmBytes } = await ours.load('/models/gqa1-i2_s.gguf', { threads: 2, kernel: 'mad', cache: false });
    await ours.warmUp();
    const before = await ours.hash();
    return {
      info,
      wasmBytes,
      prefill: await ours.prefill(16),
      decode: [await ours.decode(0, 4), await ours.decode(400, 4)],
      same: before === (await ours.hash()),
      limit: await ours.limit(),
    };
  });
  assert.ok(found.wasmBytes > found.info.memoryBytes && found.info.weightBytes < found.info.memoryBytes);
  assert.ok(found.prefill.tokens >= 8 && found.prefill.perSecond > 0 && found.prefill.firstTokenMs > 0);
  for (const { perSecond, parts, weightBytesPerToken } of found.decode) {
    assert.ok(perSecond > 0 && parts.attention > 0);
    assert.equal(weightBytesPerToken, found.decode[0].weightBytesPerToken, 'no matter how many tokens stand before');
    assert.ok(weightBytesPerToken < found.info.weightBytes && weightBytesPerToken > found.info.weightBytes / 4);
  }
  assert.ok(found.same, 'a made-up context leaves nothing behind');
  assert.ok(found.limit.best >= found.limit.median && found.limit.median > 1e6);
  await context.close();
});
