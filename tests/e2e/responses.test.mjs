// The response cache: what would be the same again comes from the storage, with the same events; what would not, or what is not the
// same, does not; and it keeps to its bounds.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, pageTest } from './api-pages.mjs';
import { repeatable } from '../../worker/responses.js';

test('answers are repeatable where nothing is drawn, or by a seed, and their key leaves out what changes no word', () => {
  const wire = { maxTokens: 5, temperature: 0, seed: 77, priority: 2, timeout: 9, speculative: false, chat: {}, waitsForRoom: true };
  const key = repeatable(wire, {});
  assert.equal(key, JSON.stringify({ edition: 1, maxTokens: 5, temperature: 0 }));
  assert.equal(repeatable({ ...wire, seed: 1, priority: 0, timeout: 1, speculative: true, waitsForRoom: false }, { seed: 1 }), key);
  assert.notEqual(repeatable({ ...wire, maxTokens: 6 }, {}), key);
  assert.notEqual(repeatable({ ...wire, stop: ['x'] }, {}), key);
  assert.equal(repeatable(wire, { temperature: 0.5 }), undefined);
  assert.notEqual(repeatable(wire, { temperature: 0.5, seed: 77 }), undefined);
  assert.notEqual(repeatable({ ...wire, seed: 78 }, { temperature: 0.5, seed: 78 }), repeatable(wire, { temperature: 0.5, seed: 77 }));
  assert.equal(repeatable(wire, { timeParts: true }), undefined);
  assert.equal(repeatable(wire, { responseCache: false }), undefined);
});

pageTest('a repeated answer is told from the storage, also after a reload, and marked', async (page) => {
  const ask = () =>
    page.evaluate(async (url) => {
      const model = await lib.BitNet.load(url, { threads: 1, responseCache: true });
      const events = async (/** @type {any} */ prompt, /** @type {any} */ options) => {
        const stream = model.generate(prompt, options);
        const all = [];
        for await (const event of stream.events()) all.push(event);
        const read = /** @type {any} */ (all.find(({ type }) => type === 'prefill'));
        const tokens = all.filter(({ type }) => type === 'token');
        return { read, tokens, result: /** @type {any} */ (stream.result), partial: stream.partial.text };
      };
      const chat = [{ role: 'user', content: 'Hello' }];
      const list = [
        await events('Hello', { maxTokens: 6 }),
        await events(chat, { maxTokens: 6 }),
        await events('Hello', { maxTokens: 7 }),
        await events('Hello', { maxTokens: 6, temperature: 1, seed: 5, logprobs: 2 }),
        await events('Hello', { maxTokens: 6, temperature: 1 }),
        await events('Hello', { maxTokens: 6, responseCache: false }),
      ];
      // What is left or fails is not kept.
      for await (const _ of model.generate('left', { maxTokens: 6 })) break;
      const failed = await model.complete('x '.repeat(4000)).catch(({ code }) => code);
      const again = await model.complete('Hello', { maxTokens: 6 });
      const early = await model.complete('Hello', { maxTokens: 6, signal: AbortSignal.abort('enough') }).catch((reason) => reason);
      const { requests, tokens } = await model.metrics();
      await model.unload();
      // It is written behind the answer.
      let usage = await lib.BitNet.responses.usage();
      while (usage.entries < 4) usage = await lib.BitNet.responses.usage();
      return { list, failed, again, early, requests, tokens: tokens.completion, usage };
    }, MODEL);
  const first = await ask();
  assert.deepEqual(first.list.map(({ result }) => result.fromCache), Array(6).fill(undefined));
  assert.equal(first.again.fromCache, true);
  assert.equal(first.again.text, first.list[0].partial);
  assert.equal(first.failed, 'context_overflow');
  assert.equal(first.early, 'enough');
  assert.equal(first.usage.entries, 4);
  assert.ok(first.usage.bytes > 400 && first.usage.bytes < 20_000);

  await page.reload();
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
  const second = await ask();
  assert.deepEqual(second.list.map(({ result }) => result.fromCache), [true, true, true, true, undefined, undefined]);
  second.list.slice(0, 4).forEach(({ tokens, result, partial, read }, index) => {
    const before = first.list[index];
    assert.deepEqual([tokens, partial], [before.tokens, before.partial]);
    const { usage, timings, fromCache, ...rest } = result;
    const { usage: usageBefore, timings: _, ...restBefore } = before.result;
    assert.deepEqual(rest, JSON.parse(JSON.stringify(restBefore)));
    assert.deepEqual([usage.promptTokens, usage.cachedTokens, usage.completionTokens], [usageBefore.promptTokens, usageBefore.promptTokens, usageBefore.completionTokens]);
    assert.deepEqual([read.total, read.cached], [usage.promptTokens, usage.promptTokens]);
    assert.equal(timings.totalMs, timings.firstTokenMs);
  });
  assert.equal(second.list[5].partial, first.list[0].partial);
  assert.deepEqual([second.requests.done, second.requests.fromCache, first.requests.fromCache], [7, 5, 1]);
  assert.ok(second.tokens < first.tokens);
});

pageTest('another model, precision or context has its own answers; bounds are kept, the oldest goes first', async (page) => {
  const got = await page.evaluate(async (url) => {
    const isKept = async (/** @type {any} */ loadOptions, prompts = ['Hello'], address = url) => {
      const model = await lib.BitNet.load(address, { threads: 1, responseCache: true, ...loadOptions });
      const kept = [];
      for (const prompt of prompts) {
        const { entries } = await lib.BitNet.responses.usage();
        const { fromCache = false } = await model.complete(prompt, { maxTokens: 3 });
        kept.push(fromCache);
        // It is written behind the answer; where room is made for it, the number of answers stays.
        if (!fromCache) for (let i = 0; i < 40 && (await lib.BitNet.responses.usage()).entries === entries; i++) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await model.unload();
      return kept.join();
    };
    const apart = [
      await isKept({}), await isKept({ kernel: 'scalar' }), await isKept({ precision: 'exact' }), await isKept({ context: 50 }),
      await isKept({}, ['Hello'], url.replace('i2_s', 'tq2_0')), await isKept({}),
    ];
    await lib.BitNet.responses.clear();
    const cleared = await lib.BitNet.responses.usage();
    // Two answers: the one that was used last stays.
    const few = await isKept({ responseCache: { maxEntries: 2 } }, ['one', 'two', 'one', 'three', 'one', 'two']);
    const { entries } = await lib.BitNet.responses.usage();
    await lib.BitNet.responses.clear();
    const small = await isKept({ responseCache: { maxBytes: 10 } }, ['one', 'one']);
    const none = await lib.BitNet.responses.usage();
    const code = (/** @type {Promise<any>} */ call) => call.then(() => 'loaded', (error) => [error.code, error.details?.option].join());
    const bytes = await (await fetch(url)).arrayBuffer();
    const refused = [
      await code(lib.BitNet.load(url, { cache: false, responseCache: true })), await code(lib.BitNet.load(bytes, { responseCache: true })),
      await code(lib.BitNet.load(url, { responseCache: /** @type {any} */ ({ maxBytes: 0 }) })), await code(lib.BitNet.load(url, { responseCache: /** @type {any} */ ({ most: 1 }) })),
    ];
    const kept = (await lib.BitNet.cache.list()).length;
    // A storage that fails costs nothing but time.
    indexedDB.open = () => {
      throw new DOMException('no', 'SecurityError');
    };
    const without = await isKeptWithout();
    async function isKeptWithout() {
      const model = await lib.BitNet.load(url, { threads: 1, responseCache: true });
      const texts = [await model.complete('one', { maxTokens: 3 }), await model.complete('one', { maxTokens: 3 })];
      await model.unload();
      return texts.map(({ text, fromCache }) => [text.length > 0, fromCache]);
    }
    const failing = await lib.BitNet.responses.usage().catch(({ code }) => code);
    return { apart, cleared, few, entries, small, none, refused, kept, without, failing };
  }, MODEL);
  // The same weights in another file are the same model.
  assert.deepEqual(got.apart, ['false', 'true', 'false', 'false', 'true', 'true']);
  assert.deepEqual(got.cleared, { entries: 0, bytes: 0 });
  assert.equal(got.few, 'false,false,true,false,true,false');
  assert.equal(got.entries, 2);
  assert.deepEqual([got.small, got.none.entries], ['false,false', 0]);
  assert.deepEqual(got.refused, Array(4).fill('invalid_argument,responseCache'));
  assert.equal(got.kept, 2);
  assert.deepEqual(got.without, [[true, undefined], [true, undefined]]);
  assert.equal(got.failing, 'storage');
});
