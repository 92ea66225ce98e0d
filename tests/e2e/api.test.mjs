// The public API in a real browser, on small models: what it answers, what it refuses, and how it stops.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { MODEL, MODELS, pageTest, SHIPPED } from './api-pages.mjs';
import { ROOT } from './harness.mjs';

pageTest('a model loads, tells what it is, and streams what complete gives', async (page) => {
  const got = await page.evaluate(async (url) => {
    /** @type {import('../../worker/protocol.js').Progress[]} */
    const progress = [];
    const model = await lib.BitNet.load(url, { threads: 2, kernel: 'scalar', onProgress: (p) => progress.push(p) });
    const whole = await model.complete('Hello', { maxTokens: 12, temperature: 0 });
    const stream = model.generate('Hello', { maxTokens: 12, temperature: 0 });
    const tokens = [];
    for await (const token of stream) tokens.push(token);
    const ids = await model.tokenize('Hello, wörld! 🦀');
    const text = await model.detokenize(ids);
    const chat = await model.chatPrompt([{ role: 'user', content: 'Hi' }]);
    await model.unload();
    return { info: model.info, progress, whole, tokens, result: stream.result, ids, text, chat };
  }, MODEL);
  const { info, progress, whole, tokens, result } = got;
  assert.equal(info.architecture, 'bitnet-b1.58');
  assert.deepEqual([info.threads, info.kernel, info.variant, info.isolated], [2, 'scalar', 'relaxed', true]);
  assert.deepEqual([info.bytes, info.contextLength, info.quantization, info.vocabulary], [512512, 512, 'I2_S', 320]);
  assert.equal(progress.at(-1)?.loaded, 512512);
  assert.ok(progress.every((p, i) => i === 0 || p.loaded >= progress[i - 1].loaded));

  assert.equal(tokens.map(({ text }) => text).join(''), whole.text);
  assert.ok(whole.usage.completionTokens > 0 && whole.usage.completionTokens <= 12);
  assert.equal(whole.usage.cachedTokens, 0);
  assert.equal(result?.usage.cachedTokens, whole.usage.promptTokens - 1, 'the same prompt again is not computed again');
  assert.equal(result?.finishReason, whole.finishReason);
  for (const value of Object.values(whole.timings)) assert.ok(typeof value === 'number' && value >= 0 && Number.isFinite(value));
  assert.equal(got.text, 'Hello, wörld! 🦀');
  assert.ok(got.ids.every((id) => Number.isInteger(id)));
  assert.match(got.chat, /Hi/);
});

pageTest('one logits hash for every variant, kernel and thread count, and it is the native one', async (page) => {
  const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
  // Every fixture is in hashes.test.mjs; these two are of different shapes and storage types.
  for (const file of ['gqa1-i2_s.gguf', 'gqa4-hd128-tq1_0.gguf']) {
    const hashes = golden[file];
    const found = await page.evaluate(async (url) => {
      /** @type {Record<string, string>} */
      const hashes = {};
      /** @param {import('../../worker/schema.js').LoadOptions} options */
      const hash = async (options) => {
        const model = await lib.BitNet.load(url, options);
        hashes[JSON.stringify(options)] = await model.logitsHash();
        await model.unload();
      };
      const kernels = /** @type {const} */ ({ relaxed: ['scalar', 'mad', 'lut', 'relaxed', 'relaxed16'], simd128: ['scalar', 'mad', 'lut'] });
      for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
        for (const kernel of kernels[variant]) {
          for (const threads of [1, 2, 3]) await hash({ precision: 'exact', variant, kernel, threads });
          await hash({ precision: 'fast', variant, kernel, threads: 2 });
        }
      }
      return hashes;
    }, `/models/${file}`);
    for (const [options, hash] of Object.entries(found)) {
      assert.equal(hash, hashes[JSON.parse(options).precision], `${file} with ${options}`);
    }
  }
});

pageTest('logits are those of the fixture, for any positions in any order', async (page) => {
  const fixture = JSON.parse(await readFile(join(MODELS, 'gqa1.json'), 'utf8'));
  const bytes = await readFile(join(MODELS, fixture.logits));
  const vocabulary = fixture.config.vocab_size;
  const want = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const ids = fixture.sequences[0].tokens;
  const got = await page.evaluate(
    async ([url, tokens]) => {
      const model = await lib.BitNet.load(url, { precision: 'exact', threads: 2 });
      const all = await model.logits(tokens);
      const some = await model.logits(tokens, { positions: [5, 0, 5] });
      const errors = [];
      for (const call of [() => model.logits([99999]), () => model.logits([1], { positions: [1] })]) {
        errors.push(await call().then(String, (error) => error.code));
      }
      await model.unload();
      return { all: Array.from(all), some: Array.from(some), errors };
    },
    /** @type {[string, number[]]} */ ([MODEL, ids]),
  );
  assert.equal(got.all.length, ids.length * vocabulary);
  const close = got.all.filter((value, i) => Math.abs(value - want[i]) < 1e-3).length;
  assert.ok(close > got.all.length * 0.9, `${close} of ${got.all.length} agree`);
  const row = (/** @type {number} */ i) => got.all.slice(i * vocabulary, (i + 1) * vocabulary);
  assert.deepEqual(got.some, [...row(5), ...row(0), ...row(5)]);
  assert.deepEqual(got.errors, ['invalid_argument', 'invalid_argument']);
});

pageTest('an abort rejects with its reason and stops the engine', async (page) => {
  const got = await page.evaluate(async ([slow, endless]) => {
    let model = await lib.BitNet.load(slow, { threads: 1, kernel: 'scalar' });
    const reason = new Error('enough');
    // A token a digit: many times what one step of a prompt may take, on any machine.
    const long = '1234567890'.repeat(45);

    const early = new AbortController();
    early.abort();
    const before = await model.complete('Hello', { signal: early.signal }).then(String, (error) => error.name);

    const during = new AbortController();
    const prefill = model.complete(long, { signal: during.signal, maxTokens: 5 }).then(() => 'no abort', (error) => error === reason);
    during.abort(reason);
    const stoppedPrefill = await prefill;
    const again = await model.complete(long, { maxTokens: 1, temperature: 0 });

    const ids = (await model.tokenize(long)).reverse();
    const quick = new AbortController();
    const all = model.logits(ids, { signal: quick.signal }).then(() => 'no abort', (error) => error === reason);
    setTimeout(() => quick.abort(reason), 50);
    const stoppedLogits = await all;
    const last = ids.length - 1;
    const [whole, anew] = [await model.logits(ids, { positions: [last] }), await model.logits(ids)];
    const sameLogits = whole.every((value, i) => value === anew[anew.length - whole.length + i]);

    await model.unload();

    model = await lib.BitNet.load(endless, { threads: 2, kernel: 'scalar' });
    const late = new AbortController();
    tap.turns = 0;
    let stoppedStream;
    try {
      for await (const { id } of model.generate('Hello', { signal: late.signal, maxTokens: 400 })) {
        if (id >= 0 && tap.turns >= 1) late.abort(reason);
      }
    } catch (error) {
      stoppedStream = error === reason;
    }
    const next = await model.complete('Hello', { maxTokens: 1 });
    const { turns } = tap;
    await model.unload();
    return { before, stoppedPrefill, stoppedLogits, sameLogits, again: again.usage, stoppedStream, next: next.usage, turns };
  }, [SHIPPED, MODEL]);
  assert.equal(got.before, 'AbortError');
  assert.equal(got.stoppedPrefill, true);
  assert.equal(got.stoppedLogits, true);
  assert.equal(got.sameLogits, true);
  assert.ok(got.again.cachedTokens < got.again.promptTokens - 1, 'the prompt was not run to its end');
  assert.equal(got.stoppedStream, true);
  assert.ok(got.turns < 40, `tokens of ${got.turns} turns came after all`);
  assert.equal(got.next.completionTokens, 1);
});

pageTest('a load can be aborted, and begun again', async (page) => {
  const got = await page.evaluate(async (url) => {
    const control = new AbortController();
    const load = lib.BitNet.load(url, { signal: control.signal, threads: 2, onProgress: () => control.abort('changed my mind') });
    const reason = await load.then(() => 'loaded', (error) => error);
    const ended = tap.ended;
    const model = await lib.BitNet.load(url, { threads: 1 });
    const { text } = await model.complete('Hello', { maxTokens: 3 });
    await model.unload();
    return { reason, ended, text };
  }, MODEL);
  assert.equal(got.reason, 'changed my mind');
  assert.equal(got.ended, 2);
  assert.equal(typeof got.text, 'string');
});

pageTest('leaving the loop stops the engine', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar' });
    const stream = model.generate('Hello', { maxTokens: 400 });
    tap.turns = 0;
    let taken = 0;
    for await (const _ of stream) if (++taken === 3) break;
    const after = await stream.next();
    await model.complete('Hello', { maxTokens: 1 });
    const { turns } = tap;

    // A reader that gives up while it waits must not wait for the token.
    const waiting = model.generate('Hello', { maxTokens: 400 });
    const pending = waiting.next();
    await waiting.return();
    const given = await pending;
    // One that never began costs nothing.
    const unused = model.generate('Hello', { maxTokens: 400 });
    await unused.return();
    await model.unload();
    return { taken, after, turns, given, result: stream.result };
  }, MODEL);
  assert.equal(got.taken, 3);
  assert.equal(got.after.done, true);
  assert.ok(got.turns < 40, `tokens of ${got.turns} turns came after all`);
  assert.equal(got.given.done, true);
  assert.equal(got.result, undefined);
});

pageTest('each of several calls gets its own answer; a cancelled one does not run', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2 });
    const options = { maxTokens: 20, temperature: 0 };
    const alone = [];
    for (const prompt of ['one', 'two', 'three']) alone.push((await model.complete(prompt, options)).text);

    /** @type {string[]} */
    const order = [];
    const control = new AbortController();
    const calls = [
      model.complete('one', options),
      model.complete('never', { ...options, signal: control.signal }),
      model.complete('two', options),
      model.complete('three', options),
    ];
    calls.forEach((call, i) => call.then(() => order.push(String(i)), () => order.push(`${i} aborted`)));
    control.abort();
    const ids = model.tokenize('one');
    await ids.then(() => order.push('tokenize'));
    const results = await Promise.allSettled(calls);
    await model.unload();
    return { alone, order, texts: results.map((r) => (r.status === 'fulfilled' ? r.value.text : r.reason.name)) };
  }, MODEL);
  assert.deepEqual(got.texts, [got.alone[0], 'AbortError', got.alone[1], got.alone[2]]);
  assert.deepEqual(got.order.filter((entry) => entry !== 'tokenize').sort(), ['0', '1 aborted', '2', '3']);
  assert.equal(got.order[0], '1 aborted');
});

pageTest('in a conversation only what is new is computed', async (page) => {
  const [first, second, third] = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const messages = [{ role: 'user', content: 'Hello! What can you do?' }];
    const usages = [];
    for (const next of ['What is 12 + 7?', 'Thanks.', '']) {
      const { text, finishReason, usage } = await model.complete(messages, { maxTokens: 100, temperature: 0 });
      usages.push({ text, finishReason, ...usage });
      messages.push({ role: 'assistant', content: text }, { role: 'user', content: next });
    }
    await model.unload();
    return usages;
  }, SHIPPED);
  assert.deepEqual([first.finishReason, second.finishReason], ['stop', 'stop']);
  // All but the end-of-turn token, which ends the answer without being run.
  assert.equal(second.cachedTokens, first.promptTokens + first.completionTokens - 1, JSON.stringify([first, second]));
  assert.equal(third.cachedTokens, second.promptTokens + second.completionTokens - 1, JSON.stringify([second, third]));
});

pageTest('every kind of source gives the same model', async (page) => {
  const hashes = await page.evaluate(async (url) => {
    const blob = await (await fetch(url)).blob();
    const buffer = await blob.arrayBuffer();
    const padded = new Uint8Array(buffer.byteLength + 7);
    padded.set(new Uint8Array(buffer), 7);
    const file = new File([blob], 'model.gguf');
    const sources = [url, new URL(url, location.href), `.${url}`, blob, file, buffer, padded.subarray(7), blob.stream()];
    const hashes = [];
    for (const source of sources) {
      const model = await lib.BitNet.load(source, { threads: 1, kernel: 'scalar' });
      hashes.push(await model.logitsHash());
      await model.unload();
    }
    return [...hashes, buffer.byteLength];
  }, MODEL);
  assert.equal(hashes.pop(), 512512, 'the buffer is still the caller\'s');
  assert.equal(new Set(hashes).size, 1, hashes.join());
});

pageTest('bad options and arguments are told at once, with their name and range', async (page) => {
  const got = await page.evaluate(async (url) => {
    /** @type {[string, any][]} */
    const rows = [];
    /** @param {string} what @param {() => Promise<unknown>} call */
    const refused = async (what, call) => {
      rows.push([what, await call().then(() => 'accepted', (e) => ({ name: e.name, code: e.code, message: e.message, option: e.details?.option }))]);
    };
    const load = {
      threads: [0, 65, 1.5, '2', null], context: [0, -1, NaN], kernel: ['fastest'], precision: ['double'], variant: ['wasm64'],
      onProgress: ['x'], signal: [{}], integrity: ['md5-x'], headers: [{ a: 1 }], watchdog: [-1, Infinity], thread: [1],
    };
    for (const [option, values] of Object.entries(load)) {
      for (const value of values) {
        const options = /** @type {any} */ ({ [option]: value });
        await refused(`load ${option} ${value}`, () => lib.BitNet.load(url, options));
      }
    }
    const started = tap.workers.length;
    const model = await lib.BitNet.load(url, { threads: 1 });
    const generate = {
      maxTokens: [0, 2.5, '3'], temperature: [-1, NaN], topK: [-1], topP: [-0.1, 1.1], minP: [1.1], repetitionPenalty: [0, 1e-60], frequencyPenalty: [101], presencePenalty: [NaN],
      typicalP: [2], topNSigma: [-1], xtcProbability: [1.5], xtcThreshold: ['0.1'], mirostatTau: [-1], mirostatEta: [2], penaltyWindow: [1.5], dryMultiplier: [-1],
      dryBase: [0.5], dryAllowedLength: [-1], dryWindow: [0.5], dryBreakers: [''], bannedStrings: [[1], Array(65).fill('a')], logprobs: [101, -1, '3'], onPrefill: [1],
      logitBias: [{ a: 1 }, { 1: '2' }, { 1: 1001 }, [1], { '-1': 1 }, { 1: NaN }], seed: [-1, 2 ** 53],
      stop: ['', ['a', 1], Array(65).fill('a')], stopTokens: ['', [1.5], [-1], {}], signal: [1], max_tokens: [3],
    };
    for (const [option, values] of Object.entries(generate)) {
      for (const value of values) {
        const options = /** @type {any} */ ({ [option]: value });
        await refused(`complete ${option} ${value}`, () => model.complete('x', options));
        // At the call, not at the first token.
        await refused(`generate ${option} ${value}`, async () => model.generate('x', options));
      }
    }
    /** @type {any} */
    const any = model;
    await refused('prompt 7', () => any.complete(7));
    await refused('prompt 7 of generate', async () => any.generate(7));
    await refused('a stop token that does not exist', () => any.complete('x', { stopTokens: [320] }));
    await refused('a stop token without such a name', () => any.complete('x', { stopTokens: ['<no such>'] }));
    await refused('prompt []', () => any.complete([]));
    await refused('prompt [{}]', () => any.complete([{ role: 'user' }]));
    await refused('prompt too long', () => any.complete('x '.repeat(5000)));
    await refused('tokenize 7', () => any.tokenize(7));
    await refused('detokenize [-1]', () => any.detokenize([-1]));
    await refused('detokenize [99999]', () => any.detokenize([99999]));
    await refused('source 7', () => lib.BitNet.load(/** @type {any} */ (7)));
    await refused('source http://[', () => lib.BitNet.load('http://['));
    await refused('context beyond the model', () => lib.BitNet.load(url, { context: 1_000_000, threads: 1 }));
    await refused('kernel of the other build', () => lib.BitNet.load(url, { kernel: 'relaxed', variant: 'simd128', threads: 1 }));
    const { text } = await model.complete('still here', { maxTokens: 2 });
    await model.unload();
    return { rows, started, text };
  }, MODEL);
  assert.equal(got.started, 0, 'no worker is started for nothing');
  for (const [what, error] of got.rows) {
    assert.equal(error.name, 'BitNetError', `${what}: ${JSON.stringify(error)}`);
    assert.equal(error.code, what === 'prompt too long' ? 'context_overflow' : 'invalid_argument', `${what}: ${error.message}`);
    assert.ok(error.message.length > 20, `${what}: ${error.message}`);
    if (/^(load|complete|generate) /.test(what)) assert.equal(error.option, what.split(' ')[1], what);
  }
});
