// Embeddings through the public API: batches, errors and aborts. (That the vectors are transformers' is tested in Rust.)
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const MODELS = join(ROOT, 'tests/fixtures/models');
const NAMES = ['qwen3-embedding', 'gemma3-embedding'];

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;

before(async () => {
  browser = await launch();
  server = await startDemo({ folders: { '/models/': MODELS, '/e2e/': join(ROOT, 'tests/e2e') } });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * Runs `body` on a page of its own, on which the library is loaded.
 * @template T
 * @param {(page: Page) => Promise<T>} body
 * @returns {Promise<T>}
 */
async function withPage(body) {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
    await page.waitForFunction(() => 'lib' in globalThis);
    return await body(page);
  } finally {
    await context.close();
  }
}

test('texts become vectors of length 1, alone or together', { timeout: 120_000 }, async () => {
  for (const name of NAMES) {
    const found = await withPage((page) =>
      page.evaluate(async (url) => {
        const texts = ['hello', 'what is a ternary weight?', 'a', 'na '.repeat(100), 'x', 'y', 'z', 'hello'];
        const model = await lib.BitNet.load(url, { precision: 'exact', threads: 2 });
        const together = await model.embed(texts);
        const alone = [];
        for (const text of texts) alone.push(...(await model.embed(text)));
        const lengths = together.map((vector) => Math.hypot(...vector));
        const { embeddingDimensions } = model.info;
        await model.unload();
        const plain = (/** @type {Float32Array[]} */ vectors) => vectors.map((vector) => Array.from(vector));
        return { together: plain(together), alone: plain(alone), lengths, embeddingDimensions };
      }, `/models/${name}-i2_s.gguf`),
    );
    assert.deepEqual(found.together, found.alone, name);
    assert.deepEqual(found.together[0], found.together[7]);
    assert.notDeepEqual(found.together[0], found.together[1]);
    assert.ok(found.lengths.every((length) => Math.abs(length - 1) < 1e-5), `${found.lengths}`);
    assert.equal(found.embeddingDimensions, 128);
    assert.ok(found.together.every((vector) => vector.length === 128));
  }
});

test('what has no embedding is refused, and an abort stops at once', { timeout: 120_000 }, async () => {
  const found = await withPage((page) =>
    page.evaluate(async () => {
      const model = await lib.BitNet.load('/models/qwen3-embedding-i2_s.gguf');
      const code = (/** @type {Promise<unknown>} */ promise) =>
        promise.then(() => 'no error', (error) => `${error.name === 'AbortError' ? error.name : error.code}: ${error.message}`);
      const writes = model.complete('hello');
      const errors = [
        await code(model.embed([])),
        await code(model.embed(['a', ''])),
        await code(model.embed(['a', 'na '.repeat(1000)])),
        await code(model.embed(/** @type {any} */ (['a', 7]))),
        await code(model.embed(/** @type {any} */ (undefined))),
        await code(writes),
      ];
      const controller = new AbortController();
      const many = model.embed(Array.from({ length: 2000 }, (_, i) => `text ${i} ${'na '.repeat(40)}`), { signal: controller.signal });
      setTimeout(() => controller.abort(), 20);
      const aborted = await code(many);
      const after = await model.embed(['still there']);
      await model.unload();
      const writer = await lib.BitNet.load('/models/qwen3-i2_s.gguf');
      const ordinary = await code(writer.embed(['a']));
      const { embeddingDimensions } = writer.info;
      await writer.unload();
      return { errors, aborted, after: after.length, ordinary, embeddingDimensions };
    }),
  );
  const [none, empty, long, number, missing, writes] = found.errors;
  assert.match(none ?? '', /^invalid_argument: .*at least one text/);
  assert.match(empty ?? '', /^invalid_argument: .*texts\[1\] is empty/);
  assert.match(long ?? '', /^context_overflow: .*texts\[1\] has/);
  assert.match(number ?? '', /^invalid_argument: .*texts\[1\]/);
  assert.match(missing ?? '', /^invalid_argument: .*texts/);
  assert.match(writes ?? '', /^unsupported: .*makes embeddings/);
  assert.match(found.aborted, /^AbortError/);
  assert.equal(found.after, 1);
  assert.match(found.ordinary, /^unsupported: .*qwen3\.pooling_type/);
  assert.equal(found.embeddingDimensions, undefined);
});
