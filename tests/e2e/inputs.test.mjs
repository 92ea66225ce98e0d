// The inputs of callers: stops that they choose, texts of any length, streams in pieces of any size.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const FOLDERS = {
  '/models/': join(ROOT, 'tests/fixtures/models'),
  '/shipped/': join(ROOT, 'www/models'),
  '/e2e/': join(ROOT, 'tests/e2e'),
};
const MODEL = '/models/gqa1-i2_s.gguf';
/** The model that ships, which ends its answers. */
const SHIPPED = '/shipped/demo.gguf';

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;

before(async () => {
  browser = await launch();
  server = await startDemo({ folders: FOLDERS });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** @param {string} name @param {(page: Page) => Promise<void>} body */
function pageTest(name, body) {
  test(name, { timeout: 120_000 }, async () => {
    const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
    try {
      await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
      await page.waitForFunction(() => 'lib' in globalThis);
      await body(page);
    } finally {
      await context.close();
    }
  });
}

pageTest('an answer ends at the tokens and texts that the caller names, and tells which', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar' });
    const ask = async (/** @type {import('../../worker/schema.js').GenerateOptions} */ options) => {
      const stream = model.generate('Hello', { maxTokens: 16, temperature: 0, ...options });
      const ids = [];
      for await (const { id } of stream) if (id >= 0) ids.push(id);
      return { ids, ...stream.result };
    };
    const free = await ask({});
    const id = free.ids[6];
    const text = await model.detokenize([id]);
    const byId = await ask({ stopTokens: [id] });
    const single = await ask({ stopTokens: id });
    const said = await model.detokenize(free.ids);
    const stop = [...said].slice(8, 11).join('');
    const byText = await ask({ stop });
    await model.unload();
    return { free, id, text, byId, single, stop, byText };
  }, MODEL);
  assert.deepEqual([got.free.finishReason, got.free.stoppedBy], ['length', undefined]);
  const before = got.free.ids.slice(0, got.free.ids.indexOf(got.id));
  for (const stopped of [got.byId, got.single]) {
    assert.deepEqual(stopped.ids, before);
    assert.deepEqual([stopped.finishReason, stopped.stoppedBy], ['stop', { type: 'token', id: got.id, text: got.text }]);
  }
  assert.deepEqual([got.byText.finishReason, got.byText.stoppedBy], ['stop', { type: 'text', text: got.stop }]);
});

pageTest('the end of a turn is told, by the model or by a stop text of that name', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const ask = (/** @type {import('../../worker/schema.js').GenerateOptions} */ options) =>
      model.complete([{ role: 'user', content: 'Hello' }], { maxTokens: 200, temperature: 0, ...options });
    const free = await ask({});
    const name = free.stoppedBy?.text ?? '';
    const named = [await ask({ stop: name }), await ask({ stopTokens: [name] }), await ask({ stop: ['never said', name] })];
    await model.unload();
    return { free, named };
  }, SHIPPED);
  const { free, named } = got;
  assert.equal(free.stoppedBy?.type, 'token');
  assert.match(free.stoppedBy?.text ?? '', /^<.*>$/);
  for (const { text, finishReason, stoppedBy } of named) {
    assert.deepEqual([text, finishReason, stoppedBy], [free.text, 'stop', free.stoppedBy]);
  }
});

pageTest('a text that is too long is refused by its length, with the numbers', async (page) => {
  const got = await page.evaluate(async (url) => {
    const sentence = 'All the words of a long text. ';
    const long = sentence.repeat((8 << 20) / sentence.length);
    const huge = long.repeat(3);
    const refused = (/** @type {Promise<unknown>} */ call) =>
      call.then(() => undefined, ({ code, message, details }) => ({ code, message, details }));
    const answers = [];
    for (const context of [64, undefined]) {
      const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar', watchdog: 3000, context });
      const errors = [
        await refused(model.complete(huge)),
        await refused(model.generate(huge).next()),
        await refused(model.complete('a '.repeat(2000))),
        await refused(model.logits(Array(600).fill(1), { positions: [599] })),
      ];
      // Counting the tokens of a long text is no mistake.
      const ids = await model.tokenize(long);
      const again = await model.tokenize(long.slice(0, 3000));
      const { text } = await model.complete('still here', { maxTokens: 2 });
      answers.push({ errors, ids: ids.length, same: again.slice(0, 500).join() === ids.slice(0, 500).join(), text });
      await model.unload();
    }
    return answers;
  }, MODEL);
  for (const [i, { errors, ids, same, text }] of got.entries()) {
    const context = [64, 512][i];
    for (const error of errors) {
      assert.equal(error?.code, 'context_overflow', JSON.stringify(error));
      assert.match(error?.message ?? '', context === 512 ? /no larger context/ : /larger context, of up to 512 tokens/);
      const { contextLength, maxContextLength, tokens, minTokens } = /** @type {any} */ (error?.details);
      assert.deepEqual([contextLength, maxContextLength], [context, 512]);
      assert.ok((tokens ?? minTokens) >= context, JSON.stringify(error));
    }
    assert.ok(ids > 1_000_000, `${ids} tokens`);
    assert.ok(same);
    assert.equal(typeof text, 'string');
  }
});

pageTest('a stream may come in pieces of any size', async (page) => {
  const got = await page.evaluate(async (url) => {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
    const text = new TextEncoder().encode('<!DOCTYPE html><title>no model</title>');
    const load = async (/** @type {Uint8Array} */ all, /** @type {number[]} */ sizes) => {
      let at = 0;
      let step = 0;
      const stream = new ReadableStream({
        pull(controller) {
          const size = sizes[Math.min(step++, sizes.length - 1)];
          if (at >= all.length) return controller.close();
          controller.enqueue(all.slice(at, at + size));
          at += size;
        },
      });
      try {
        const model = await lib.BitNet.load(stream, { threads: 1, kernel: 'scalar', precision: 'exact' });
        const hash = await model.logitsHash();
        await model.unload();
        return hash;
      } catch (error) {
        const { code, message } = /** @type {any} */ (error);
        return `${code} ${message}`;
      }
    };
    const whole = await load(bytes, [bytes.length]);
    const rest = 1 << 18;
    const pieces = [[1, rest], [2, rest], [3, rest], [1, 1, 1, 1, 5, rest], [0, rest], [0, 2, 0, 1, rest], [15, 1, rest], [17, rest]];
    const hashes = [];
    for (const sizes of pieces) hashes.push(await load(bytes, sizes));
    const refused = [await load(text, [1]), await load(text.subarray(0, 3), [1]), await load(text.subarray(0, 0), [1])];
    const short = await load(bytes.subarray(0, 2), [1]);
    return { whole, hashes, refused, short };
  }, MODEL);
  assert.match(got.whole, /^[0-9a-f]{16}$/);
  for (const hash of got.hashes) assert.equal(hash, got.whole);
  assert.match(got.refused[0], /^invalid_gguf .*web page/);
  assert.match(got.refused[1], /^invalid_gguf .*web page/);
  assert.match(got.refused[2], /^invalid_gguf .*an empty file/);
  assert.match(got.short, /^(invalid_gguf|truncated) /);
});
