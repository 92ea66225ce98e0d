// The parts of the API that need no browser: choices, checks, queues and clocks.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { BitNetError, toWire } from '../../worker/error.js';
import { checkGenerateOptions, checkIndices, checkLoadOptions, checkPrompt } from '../../worker/options.js';
import { CallQueue } from '../../worker/queue.js';
import { TokenStream } from '../../worker/stream.js';
import { chooseThreads } from '../../worker/threads.js';
import { chooseVariant, measureFeatures, sharesMemory } from '../../worker/variant.js';
import { Watchdog } from '../../worker/watchdog.js';
import { ROOT } from './harness.mjs';

const ALL = { simd128: true, relaxed: true, atomics: true };
const RESULT = /** @type {import('../../worker/protocol.js').GenerationResult} */ ({ finishReason: 'stop' });

test('the variant follows from the features, or is refused with what is missing', () => {
  assert.equal(chooseVariant(ALL, 'auto'), 'relaxed');
  assert.equal(chooseVariant({ ...ALL, relaxed: false }, 'auto'), 'simd128');
  assert.equal(chooseVariant(ALL, 'simd128'), 'simd128');
  const refused = (/** @type {any} */ features, /** @type {any} */ wanted) => {
    try {
      return chooseVariant(features, wanted);
    } catch (error) {
      assert.ok(error instanceof BitNetError);
      assert.equal(error.code, 'unsupported');
      return error.message;
    }
  };
  assert.match(refused({ ...ALL, relaxed: false }, 'relaxed'), /lacks relaxed SIMD;/);
  assert.match(refused({ simd128: false, relaxed: false, atomics: false }, 'auto'), /128-bit SIMD and shared memory/);
});

test('features are measured by modules that engines with them accept, and others refuse', () => {
  const measured = measureFeatures();
  assert.deepEqual({ ...measured, relaxed: true }, ALL); // Node 20 lacks relaxed SIMD, as WebKit does
  assert.equal(chooseVariant(measured, 'auto'), measured.relaxed ? 'relaxed' : 'simd128');
  const refuseAll = measureFeatures(() => false);
  assert.deepEqual(refuseAll, { simd128: false, relaxed: false, atomics: false });
  // Each probe depends on its instruction: spoiled, it is no valid module any more.
  const spoiled = measureFeatures((bytes) => {
    const copy = /** @type {Uint8Array<ArrayBuffer>} */ (bytes).slice();
    copy[copy.lastIndexOf(0x1a)] = 0x01; // a nop instead of the drop leaves a value behind
    return WebAssembly.validate(copy);
  });
  assert.deepEqual(spoiled, refuseAll);
});

test('threads: one without isolation, else as many as asked for or as there are cores, within reason', () => {
  assert.equal(sharesMemory({ crossOriginIsolated: false, SharedArrayBuffer }), false);
  assert.equal(sharesMemory({ crossOriginIsolated: true }), false, 'WebKitGTK isolates and does not share');
  assert.equal(sharesMemory({ crossOriginIsolated: true, SharedArrayBuffer }), true);
  assert.equal(chooseThreads(4, false, 8), 1);
  assert.equal(chooseThreads(4, true, 2), 4);
  assert.deepEqual([1, 2, 8, 128, 0, NaN].map((cores) => chooseThreads('auto', true, cores)), [1, 2, 8, 8, 1, 1]);
});

test('options are copied, completed and refused with a name, a value and a range', () => {
  assert.equal(checkLoadOptions({ kernel: 'auto' }).kernel, undefined);
  assert.deepEqual(checkGenerateOptions({ stop: 'x', seed: 3 }).stop, ['x']);
  assert.notEqual(checkGenerateOptions({}).seed, checkGenerateOptions({}).seed);
  assert.throws(() => checkGenerateOptions({ temperature: NaN }), /temperature: expected a number from 0 to 100, found NaN/);
  assert.throws(() => checkGenerateOptions(/** @type {any} */ ({ topP: 10n })), /topP: expected .*, found /);
  assert.throws(() => checkLoadOptions(/** @type {any} */ (null)), /load options: expected an object, found null/);
  assert.throws(() => checkLoadOptions(/** @type {any} */ ({ toString: 1 })), /no option 'toString'/);
  const messages = [{ role: 'user', content: 'Hi', name: 'Ada', nothing: undefined }];
  assert.deepEqual(checkPrompt(messages), [{ role: 'user', content: 'Hi', fields: { name: 'Ada' } }]);
  const parts = [{ role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }] }];
  assert.deepEqual(checkPrompt(parts), [{ role: 'user', content: ['a', 'b'], fields: {} }]);
  const calls = [{ role: 'assistant', content: null, tool_calls: [{ function: { name: 'f' } }] }];
  assert.deepEqual(checkPrompt(calls), [{ role: 'assistant', content: undefined, fields: { tool_calls: [{ function: { name: 'f' } }] } }]);
  assert.throws(() => checkPrompt([{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }]), /text only, found {"type":"image_url"/);
  assert.throws(() => checkPrompt([{ role: 'user', content: [{ type: 'text' }] }]), /found {"role":"user"/);
  assert.throws(() => checkPrompt([{ role: 'user', content: null }]), /found {"role":"user"/);
  assert.throws(() => checkPrompt([{ role: 'user', content: 'Hi', extra: new Map() }]), /plain data/);
  assert.throws(() => checkGenerateOptions(/** @type {any} */ ({ continueFinalMessage: 1 })), /continueFinalMessage: expected true or false, found 1/);
  assert.throws(() => checkGenerateOptions(/** @type {any} */ ({ tools: [() => 1] })), /tools: expected/);
  assert.throws(() => checkPrompt([{ role: 'user', content: 7 }]), /found {"role":"user","content":7}/);
  // A field that is undefined is one that is not there, however deep.
  const tool = { type: 'function', function: { name: 'f', description: undefined, parameters: { type: 'object', title: undefined } } };
  assert.deepEqual(checkGenerateOptions({ tools: [tool] }).chat?.tools, [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]);
  assert.deepEqual(checkPrompt([{ role: 'user', content: 'Hi', extra: { a: [{ b: undefined }] } }]), [{ role: 'user', content: 'Hi', fields: { extra: { a: [{}] } } }]);
  assert.throws(() => checkGenerateOptions({ templateVariables: { a: [undefined] } }), /templateVariables: expected/);
  // What has entries and no fields would be taken for nothing.
  for (const name of ['logitBias', 'templateVariables', 'responseFormat', 'toolChoice']) {
    assert.throws(() => checkGenerateOptions({ [name]: new Map([[1, 2]]) }), new RegExp(`${name}: expected`));
  }
  for (const name of ['network', 'metrics', 'responseCache', 'headers']) {
    assert.throws(() => checkLoadOptions({ [name]: new Map([['a', 1]]) }), new RegExp(`${name}: expected`));
  }
  assert.throws(() => checkLoadOptions(/** @type {any} */ (new Map([['threads', 1]]))), /load options: expected an object/);
  assert.deepEqual(checkLoadOptions({ headers: new Headers({ Authorization: 'Bearer x' }) }).headers, { authorization: 'Bearer x' });
  for (const headers of [{ 'bad name': 'x' }, { a: 'x\ny' }, { a: 'ł' }]) assert.throws(() => checkLoadOptions(/** @type {any} */ ({ headers })), /headers: expected Headers or an object of strings that may be sent/);
  const format = (/** @type {string | RegExp} */ pattern) => {
    const { pattern: source, flags } = JSON.parse(checkGenerateOptions({ responseFormat: { type: 'regex', pattern } }).responseFormat ?? '');
    return [source, flags];
  };
  assert.deepEqual([format('a|b'), format(/a|b/), format(/a|b/gsiu)], [['a|b', undefined], ['a|b', ''], ['a|b', 'gisu']]);
  assert.deepEqual([...checkIndices(new Uint8Array([1, 2]), 'ids')], [1, 2]);
  assert.throws(() => checkIndices([2 ** 32], 'ids'), /ids: expected .*, found 4294967296/);
  assert.throws(() => checkIndices('12', 'ids'), /ids: expected/);
});

test('anything thrown becomes a plain error', () => {
  assert.deepEqual(toWire({ code: 'network', message: 'gone', details: { status: 1 } }), { code: 'network', message: 'gone', details: { status: 1 } });
  assert.deepEqual(toWire(new TypeError('x')), { code: 'internal', message: 'TypeError: x' });
  assert.deepEqual(toWire(undefined), { code: 'internal', message: 'undefined' });
  const error = BitNetError.fromWire({ code: 'network', message: 'gone' });
  assert.ok(error instanceof Error);
  assert.equal(String(error), 'BitNetError: gone');
});

test('the types list every code of the engine, and those that its scripts tell', async () => {
  const rust = await readFile(join(ROOT, 'src/kernels/error.rs'), 'utf8');
  const script = await readFile(join(ROOT, 'worker/error.js'), 'utf8');
  const codes = [...rust.matchAll(/Self::\w+ => "(\w+)"/g)].map(([, code]) => code);
  const [, union] = /@typedef \{('invalid_gguf'[^}]*)\} ErrorCode/.exec(script) ?? [];
  const typed = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
  assert.ok(codes.length > 10);
  assert.deepEqual(typed.toSorted(), [...codes, 'leader_lost', 'refused', 'timeout', 'unloaded', 'worker_failed'].toSorted());
  for (const code of typed) assert.ok(script.includes(` * | \`${code}\` | `), code);
});

test('the watchdog counts silence while it is awake, and only after every first word', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  /** @type {string[]} */
  const events = [];
  const dog = new Watchdog(3000, {
    ping: () => events.push('ping'),
    dead: (seconds, answers) => events.push(`dead ${seconds} ${answers}`),
    late: () => events.push('late'),
  });
  dog.start();
  t.mock.timers.tick(3000);
  assert.equal(events.length, 0, 'a script that is still on its way');
  t.mock.timers.tick(5000);
  assert.equal(events.splice(0).join(), 'late,late', 'it is looked for again and again, and not dead');
  dog.met();
  t.mock.timers.tick(3000);
  assert.equal(events.join(), 'ping,ping,ping');
  dog.working();
  t.mock.timers.tick(3000);
  assert.equal(events.at(-1), 'ping');
  t.mock.timers.tick(1000);
  assert.equal(events.at(-1), 'dead 3 false');
  dog.working();
  for (let i = 0; i < 3; i++) {
    t.mock.timers.tick(1000);
    dog.alive(); // it answers, and says that a call is lost
  }
  assert.equal(events.at(-1), 'ping');
  t.mock.timers.tick(1000);
  assert.equal(events.at(-1), 'dead 3 true');
  dog.stop();
  const { length } = events;
  new Watchdog(0, { ping: () => events.push('ping'), dead: () => events.push('dead'), late: () => events.push('late') }).start();
  t.mock.timers.tick(60_000);
  assert.equal(events.length, length, 'it was stopped, and the other one never watches');
});

test('the queue runs one call at a time, drops cancelled ones, and survives failures', async () => {
  const queue = new CallQueue();
  /** @type {string[]} */
  const log = [];
  let release = () => {};
  const first = queue.run(1, () => new Promise((resolve) => (release = () => resolve('first'))));
  const second = queue.run(2, () => log.push('second ran'));
  const third = queue.run(3, () => {
    log.push('third ran');
    throw new Error('broken');
  });
  const fourth = queue.run(4, (turn) => turn.cancelled);
  queue.cancel(2);
  queue.cancel(77);
  await Promise.resolve();
  assert.deepEqual(log, []);
  release();
  assert.equal(await first, 'first');
  await assert.rejects(second, (/** @type {any} */ error) => error.code === 'aborted');
  await assert.rejects(third, /broken/);
  assert.equal(await fourth, false);
  assert.deepEqual(log, ['third ran']);

  const running = queue.run(5, async (turn) => {
    while (!turn.cancelled) await new Promise((resolve) => setImmediate(resolve));
    return 'stopped';
  });
  await Promise.resolve();
  await queue.close();
  assert.equal(await running, 'stopped');
});

test('tokens of one step are told in one message, the rest of the text and the result after them', async (t) => {
  // Its channel would keep this process running.
  const { MessageChannel } = globalThis;
  t.mock.method(globalThis, 'MessageChannel', class extends MessageChannel {
    constructor() {
      super();
      t.after(() => this.port1.close());
    }
  });
  // Named so that tsc, which checks the workers as a project of their own, does not follow it.
  const { Generations } = await import(/** @type {string} */ ('../../worker/generation.js'));
  const usage = { promptTokens: 2, cachedTokens: 0, completionTokens: 4 };
  const token = (/** @type {number} */ id) => ({ id: 7, event: { type: 'token', id, text: `t${id}` } });
  const steps = [
    [{ id: 7, event: { type: 'begun', cached: 0 } }],
    [{ id: 7, event: { type: 'prefill', done: 2, total: 2 } }, token(1)],
    [token(2), token(3)],
    [token(4), { id: 7, event: { type: 'done', finishReason: 'stop', usage, threads: 1, text: '!' } }],
  ];
  const model = { submit() {}, step: () => steps.shift() ?? [], setPaused() {}, takeParts() {} };
  const generations = new Generations(model, {});
  /** @type {any[]} */
  const told = [];
  const result = await generations.run(7, { prompt: 'x', options: {} }, (/** @type {any} */ message) => told.push(message));
  const shown = told.map(({ type, tokens }) => (tokens ? tokens.map((/** @type {any} */ { text }) => text) : type));
  assert.deepEqual(shown, ['begun', 'prefill', ['t1'], ['t2', 't3'], ['t4', '!']]);
  assert.deepEqual([result.finishReason, generations.steps > 0, generations.isBusy], ['stop', true, false]);
});

test('a stream gives tokens in order to readers before and after them, then its result', async () => {
  /** @type {(token: import('../../worker/protocol.js').Token) => void} */
  let push = () => {};
  /** @type {(result: import('../../worker/protocol.js').GenerationResult) => void} */
  let end = () => {};
  let runs = 0;
  const stream = new TokenStream((onToken) => {
    runs += 1;
    push = onToken;
    return new Promise((resolve) => (end = resolve));
  });
  assert.equal(runs, 0, 'nothing begins before it is asked for');
  const early = [stream.next(), stream.next()];
  push({ id: 1, text: 'a' });
  push({ id: 2, text: 'b' });
  push({ id: 3, text: 'c' });
  assert.deepEqual((await Promise.all(early)).map(({ value }) => value), [{ id: 1, text: 'a' }, { id: 2, text: 'b' }]);
  end(RESULT);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await stream.next(), { done: false, value: { id: 3, text: 'c' } });
  assert.deepEqual(await stream.next(), { done: true, value: RESULT });
  assert.deepEqual(await stream.next(), { done: true, value: RESULT });
  assert.equal(stream.result, RESULT);
  assert.equal(runs, 1);
});

test('a stream that fails rejects once and drops what nobody took; one that is left stops its source', async () => {
  const failing = new TokenStream(async (onToken) => {
    onToken({ id: 1, text: 'a' });
    onToken({ id: 2, text: 'b' });
    throw new Error('broken');
  });
  const first = await failing.next();
  assert.deepEqual(first.value, { id: 1, text: 'a' });
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(failing.next(), /broken/);
  assert.deepEqual(await failing.next(), { done: true, value: undefined });

  /** @type {AbortSignal | undefined} */
  let signal;
  const left = new TokenStream((onToken, stopped) => {
    signal = stopped;
    onToken({ id: 1, text: 'a' });
    onToken({ id: 2, text: 'b' });
    return new Promise((_, reject) => stopped.addEventListener('abort', () => reject(stopped.reason)));
  });
  for await (const token of left) {
    assert.equal(token.id, 1);
    break;
  }
  assert.equal(signal?.aborted, true);
  assert.deepEqual(await left.next(), { done: true, value: undefined });
  await assert.rejects(left.throw(new Error('mine')), /mine/);

  let began = false;
  const unused = new TokenStream(async () => {
    began = true;
    return RESULT;
  });
  await unused.return();
  assert.deepEqual(await unused.next(), { done: true, value: undefined });
  assert.equal(began, false);
});

const READ = { done: 4, total: 6, cached: 2 };

test('a stream tells what there is after it was left, after a failure and at its end', async () => {
  /** @param {import('../../worker/stream.js').Run} run */
  const took = async (run, most = 9) => {
    const stream = new TokenStream(run);
    const failure = await (async () => {
      for await (const _ of stream) if (--most === 0) break;
    })().catch((error) => error.message);
    return [stream.partial, failure, stream.result];
  };
  /** @type {import('../../worker/stream.js').Run} */
  const two = async (onToken, _stopped, onPrefill) => {
    onPrefill(READ);
    onPrefill({ ...READ, done: 6 });
    for (const [i, text] of ['a', 'b'].entries()) {
      onToken({ id: i, text });
      await new Promise((resolve) => setImmediate(resolve));
    }
    return RESULT;
  };
  const usage = { promptTokens: 6, cachedTokens: 2 };
  assert.deepEqual(await took(two, 1), [{ text: 'a', usage: { ...usage, completionTokens: 1 } }, undefined, undefined]);
  const result = { ...RESULT, usage: { ...usage, completionTokens: 3 } };
  const ended = await took(async (...args) => (await two(...args), result));
  assert.deepEqual(ended, [{ text: 'ab', usage: result.usage }, undefined, result]);
  const broken = await took(async (...args) => {
    await two(...args);
    throw new Error('broken');
  });
  assert.deepEqual(broken, [{ text: 'ab', usage: { ...usage, completionTokens: 2 } }, 'broken', undefined]);
});

test('the events of a stream are the prompt being read, the tokens, and the end', async () => {
  /** @type {import('../../worker/stream.js').Run} */
  const run = async (onToken, stopped, onPrefill) => {
    onPrefill(READ);
    await new Promise((resolve) => setImmediate(resolve));
    onPrefill({ ...READ, done: 6 });
    onToken({ id: 1, text: 'a' });
    await new Promise((resolve) => setImmediate(resolve));
    if (!stopped.aborted) onToken({ id: 2, text: 'b' });
    return RESULT;
  };
  const all = [];
  for await (const event of new TokenStream(run).events()) all.push(event);
  assert.deepEqual(all, [
    { type: 'prefill', ...READ }, { type: 'prefill', ...READ, done: 6 }, { type: 'token', id: 1, text: 'a' },
    { type: 'token', id: 2, text: 'b' }, { type: 'done', result: RESULT },
  ]);
  const stream = new TokenStream(run);
  for await (const event of stream.events()) if (event.type === 'token') break;
  assert.deepEqual([stream.partial.text, await stream.next()], ['a', { done: true, value: undefined }]);
});
