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
    folders: { '/models/': join(ROOT, 'tests/fixtures/models'), '/benches/': join(ROOT, 'benches'), '/demo/': join(ROOT, 'www/models') },
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

test('a loaded model lets its weights be looked at, also while it writes, and tells how busy its threads are', { timeout: 120_000 }, async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  const found = await page.evaluate(async () => {
    const { BitNet } = await import(/** @type {string} */ ('/dist/index.js'));
    const { matrices, weightTile, countWeights, threadLoad } = await import(/** @type {string} */ ('/dist/inspect.js'));
    const name = 'blk.0.ffn_down.weight';
    const looks = [];
    let load;
    for (const kernel of ['mad', 'lut']) {
      const model = await BitNet.load('/models/gqa1-i2_s.gguf', { threads: 2, kernel, cache: false });
      const list = await matrices(model);
      const matrix = list.find((/** @type {any} */ other) => other.name === name);
      const whole = await weightTile(model, name, { row: 0, rows: matrix.rows, col: 0, cols: matrix.cols });
      const part = await weightTile(model, name, { row: 3, rows: 2, col: 5, cols: 4 });
      const before = await threadLoad(model, true);
      let isOver = false;
      const writing = model.complete('Hello', { maxTokens: 40, temperature: 0 }).then((/** @type {any} */ { text }) => {
        isOver = true;
        return text;
      });
      // Both at once.
      const counts = await countWeights(model, matrix);
      const meanwhile = !isOver;
      const text = await writing;
      // A thread whose core another program uses may miss all of a short answer.
      for (let i = 0; i < 50 && (await threadLoad(model, true)).busy[1] === 0; i++) await model.complete('Hello', { maxTokens: 40 });
      const after = await threadLoad(model, false);
      await model.complete('Hello', { maxTokens: 4 });
      const unmeasured = await threadLoad(model, false);
      const codes = [-1, 0, 1, 2].map((code) => whole.filter((/** @type {number} */ other) => other === code).length);
      looks.push({ list, counts, codes, part: [...part], whole: [...whole.slice(0, 2000)], cols: matrix.cols, text, meanwhile });
      load = { before: [...before.busy], after: [...after.busy], unmeasured: [...unmeasured.busy], passed: after.at - before.at };
      if (kernel === 'lut') {
        const codeOf = (/** @type {Promise<unknown>} */ call) => call.then(() => 'none', (error) => error.code);
        const errors = await Promise.all([
          codeOf(weightTile(model, 'nobody', { row: 0, rows: 1, col: 0, cols: 1 })),
          codeOf(weightTile(model, name, { row: matrix.rows, rows: 1, col: 0, cols: 1 })),
          codeOf(weightTile(model, name, { row: 0, rows: 1 << 20, col: 0, cols: 1 << 20 })),
          codeOf(countWeights(model, { name: 'nobody', rows: 3 })),
        ]);
        looks.push({ errors });
      }
      await model.unload();
    }
    return { looks, load };
  });
  const [mad, lut, { errors }] = /** @type {any[]} */ (found.looks);
  assert.deepEqual({ ...lut, meanwhile: true }, { ...mad, meanwhile: true }, 'whatever the layout');
  assert.ok(mad.meanwhile || lut.meanwhile, 'counted while it writes');
  assert.deepEqual(mad.counts.counts, mad.codes);
  assert.ok(mad.codes[0] > 0 && mad.codes[1] > 0 && mad.codes[2] > 0 && mad.codes[3] === 0);
  assert.deepEqual(mad.part.slice(0, 4), mad.whole.slice(3 * mad.cols + 5, 3 * mad.cols + 9));
  assert.ok(mad.counts.scales[0] > 0 && mad.counts.scales[0] === mad.counts.scales[1], 'one scale');
  const down = mad.list.find((/** @type {any} */ { name }) => name === 'blk.0.ffn_down.weight');
  assert.deepEqual([down.type, down.signsOnly, down.groupColumns], ['I2_S', false, undefined]);
  assert.ok(mad.list.some((/** @type {any} */ { name, signsOnly }) => name === 'token_embd.weight' && signsOnly));
  assert.deepEqual(errors, ['invalid_argument', 'invalid_argument', 'invalid_argument', 'invalid_argument']);
  const { before, after, unmeasured, passed } = /** @type {any} */ (found.load);
  assert.equal(after.length, 2);
  for (const [i, busy] of after.entries()) assert.ok(busy > before[i] && busy - before[i] <= passed + 1, `thread ${i}: ${busy} of ${passed} ms`);
  assert.deepEqual(unmeasured, after, 'nothing is measured where nobody looks');
  await context.close();
});

test('writing is timed without guesses: every token reads the weights', { timeout: 120_000 }, async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  const read = await page.evaluate(async () => {
    const [{ BitNet }, { decodeAtDepth }] = await Promise.all(['index', 'bench'].map((name) => import(`/dist/${name}.js`)));
    const model = await BitNet.load('/demo/demo.gguf', { threads: 1, kernel: 'mad', cache: false });
    const bytes = [];
    // The longer one repeats itself, of which guesses would be right.
    for (const tokens of [2, 192]) bytes.push((await decodeAtDepth(model, { context: 16, tokens })).weightBytesPerToken);
    return bytes;
  });
  assert.ok(read[0] > 1e6, `${read[0]}`);
  assert.equal(read[1], read[0]);
  await context.close();
});
