// The Prompt API's shape, in front of a stand-in for a model.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { installPromptApi, promptApi } from '../../worker/adapters/prompt-api.js';
import { Letters } from './letters.mjs';

/** @param {Letters} model */
const apiOf = (model) => promptApi(/** @type {any} */ (model));

test('a session prompts, streams, and keeps what was said', async () => {
  const model = new Letters();
  const LanguageModel = apiOf(model);
  assert.equal(await LanguageModel.availability(), 'available');
  const session = await LanguageModel.create({
    initialPrompts: [{ role: 'system', content: 'Sys' }, { role: 'user', content: 'A' }, { role: 'assistant', content: [{ type: 'text', value: 'B' }] }],
    samplingMode: 'most-predictable',
  });
  assert.deepEqual([session.contextUsage, session.contextWindow], [8, 1000]);
  assert.equal(await session.prompt('Hi'), 're:Hi');
  assert.ok(session.contextUsage > 8);
  let text = '';
  for await (const piece of /** @type {any} */ (session.promptStreaming([{ role: 'user', content: 'You' }]))) text += piece;
  assert.equal(text, 're:You');
  assert.equal(model.prompts.at(-1), 's:Sys u:A a:B u:Hi a:re:Hi u:You');
  assert.equal(model.options[0].temperature, 0);
});

test('messages are appended and measured, and a prefix begins an answer', async () => {
  const model = new Letters();
  const session = await apiOf(model).create();
  await session.append([{ role: 'user', content: 'first' }, { role: 'assistant', content: 'yes' }]);
  assert.equal(session.contextUsage, 10);
  assert.equal(await session.measureContextUsage('four'), 5);
  assert.equal(session.contextUsage, 10, 'measuring changes nothing');
  assert.equal(await session.prompt([{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 're', prefix: true }]), ':Hi');
  assert.equal(model.options.at(-1).continueFinalMessage, true);
  await session.prompt('on');
  assert.equal(model.prompts.at(-1), 'u:first a:yes u:Hi a:re:Hi u:on');
});

test('a clone goes its own way, and a destroyed session is at its end', async () => {
  const model = new Letters();
  const LanguageModel = apiOf(model);
  const session = await LanguageModel.create();
  await session.prompt('one');
  const clone = await session.clone();
  assert.ok(clone instanceof /** @type {any} */ (LanguageModel));
  await clone.prompt('two');
  await session.prompt('three');
  assert.equal(model.prompts.at(-1), 'u:one a:re:one u:three');
  const running = session.prompt('x'.repeat(100));
  setImmediate(() => session.destroy());
  await assert.rejects(running, { name: 'AbortError' });
  await assert.rejects(session.prompt('x'), { name: 'AbortError' });
  await assert.rejects(session.append('x'), { name: 'AbortError' });
  await assert.rejects(session.measureContextUsage('x'), { name: 'AbortError' });
  await assert.rejects(session.clone(), { name: 'AbortError' });
  await assert.rejects(session.promptStreaming('x').getReader().read(), { name: 'AbortError' });
  assert.equal(await clone.prompt('four'), 're:four');
});

test('signals abort, and leaving a stream stops the model', async () => {
  const model = new Letters();
  const session = await apiOf(model).create();
  const control = new AbortController();
  const prompt = session.prompt('x'.repeat(100), { signal: control.signal });
  setImmediate(() => control.abort());
  await assert.rejects(prompt, { name: 'AbortError' });
  for await (const _ of /** @type {any} */ (session.promptStreaming('x'.repeat(100)))) break;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(model.running, 0);
  await assert.rejects(apiOf(model).create({ signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('what is aborted or fails leaves the session as it was, with the reason that was given', async () => {
  const model = new Letters();
  const session = await apiOf(model).create();
  await session.prompt('one');
  const usage = session.contextUsage;
  const control = new AbortController();
  let text = '';
  await assert.rejects(async () => {
    for await (const piece of /** @type {any} */ (session.promptStreaming('x'.repeat(100), { signal: control.signal }))) {
      if ((text += piece).length === 5) control.abort(new Error('enough'));
    }
  }, /enough/);
  assert.equal(session.contextUsage, usage);
  await assert.rejects(session.prompt('ab!'), { name: 'OperationError' });
  const early = session.promptStreaming('x'.repeat(100)).getReader();
  await early.read();
  await early.cancel();
  await session.prompt('two');
  assert.equal(model.prompts.at(-1), 'u:one a:re:one u:two');
});

test('operations run one behind the other, read or not, and a waiting one can be aborted', async () => {
  const model = new Letters();
  /** @type {(value: string) => void} */
  let answer = () => {};
  const session = await apiOf(model).create({
    tools: [{ name: 'add', description: 'Adds', inputSchema: { type: 'object' }, execute: () => new Promise((resolve) => (answer = resolve)) }],
  });
  const first = session.prompt('call');
  const control = new AbortController();
  const aborted = session.prompt('never', { signal: control.signal });
  const appended = session.append('more');
  session.promptStreaming('unread');
  const last = session.prompt('last');
  control.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  answer('sum 3');
  assert.deepEqual([await first, await appended, await last], ['re:sum 3', undefined, 're:last']);
  assert.equal(model.prompts.at(-1), 'u:call a: t:sum 3 a:re:sum 3 u:more u:unread a:re:unread u:last');
  // A tool that never answers does not keep a prompt from its end.
  const giveUp = new AbortController();
  setTimeout(() => giveUp.abort(), 20);
  await assert.rejects(session.prompt('call', { signal: giveUp.signal }), { name: 'AbortError' });
  assert.equal(await session.prompt('on'), 're:on');
});

test('the signal of a session\'s creation destroys it, and one creation does not abort another', async () => {
  const model = new Letters();
  const control = new AbortController();
  const session = await apiOf(model).create({ signal: control.signal });
  const running = session.prompt('x'.repeat(100));
  setImmediate(() => control.abort(new Error('gone')));
  await assert.rejects(running, /gone/);
  await assert.rejects(session.prompt('x'), /gone/);

  /** @type {{ signal: AbortSignal, done: (model: any) => void }[]} */
  const loads = [];
  const LanguageModel = promptApi((_, signal) => new Promise((resolve, reject) => {
    loads.push({ signal, done: resolve });
    signal.addEventListener('abort', () => reject(signal.reason));
  }));
  const [one, both] = [new AbortController(), new AbortController()];
  const [lost, kept] = [LanguageModel.create({ signal: one.signal }), LanguageModel.create({ signal: both.signal })];
  one.abort();
  await assert.rejects(lost, { name: 'AbortError' });
  assert.deepEqual([loads.length, loads[0].signal.aborted, await LanguageModel.availability()], [1, false, 'downloading']);
  both.abort();
  await assert.rejects(kept, { name: 'AbortError' });
  assert.deepEqual([loads[0].signal.aborted, await LanguageModel.availability()], [true, 'downloadable']);
  const again = LanguageModel.create();
  loads[1].done(model);
  assert.equal(await (await again).prompt('Hi'), 're:Hi');
});

test('a full context drops what is oldest and says so; what does not fit at all is an error', async () => {
  const session = await apiOf(new Letters(60)).create({ initialPrompts: [{ role: 'system', content: 'S' }] });
  let overflows = 0;
  let told = 0;
  session.addEventListener('contextoverflow', () => overflows++);
  session.oncontextoverflow = () => told++;
  for (const text of ['aaaaaaaa', 'bbbbbbbb', 'cccccccc']) await session.prompt(text);
  assert.ok(overflows > 0 && told === overflows, `${overflows}`);
  await assert.rejects(session.prompt('x'.repeat(80)), { name: 'QuotaExceededError', requested: 83 });
});

test('the initial prompts stay, and an input that is too long for them is told', async () => {
  const model = new Letters(60);
  const LanguageModel = apiOf(model);
  /** @type {import('../../worker/adapters/prompt-api.js').PromptMessage[]} */
  const initialPrompts = [{ role: 'system', content: 'S' }, { role: 'user', content: 'A' }, { role: 'assistant', content: 'B' }];
  const session = await LanguageModel.create({ initialPrompts });
  let overflows = 0;
  session.oncontextoverflow = () => overflows++;
  for (const text of ['aaaaaaaa', 'bbbbbbbb', 'cccccccc']) await session.prompt(text);
  assert.equal(overflows, 1);
  assert.equal(model.prompts.at(-1), 's:S u:A a:B u:bbbbbbbb a:re:bbbbbbbb u:cccccccc');
  const clone = await session.clone();
  await clone.append('d'.repeat(40));
  assert.ok(clone.contextUsage <= clone.contextWindow);
  await assert.rejects(clone.append('e'.repeat(60)), { name: 'QuotaExceededError', quota: 60 });
  await clone.append('f');
  await assert.rejects(LanguageModel.create({ initialPrompts: [{ role: 'user', content: 'x'.repeat(80) }] }), { name: 'QuotaExceededError', requested: 81, quota: 60 });
});

test('a model is loaded with the first session, and its progress is told', async () => {
  let loads = 0;
  const LanguageModel = promptApi(async (onProgress) => {
    loads += 1;
    onProgress(0.5);
    await new Promise((resolve) => setImmediate(resolve));
    if (loads === 1) throw new Error('no network');
    return /** @type {any} */ (new Letters());
  });
  assert.equal(await LanguageModel.availability(), 'downloadable');
  const first = LanguageModel.create();
  assert.equal(await LanguageModel.availability(), 'downloading');
  await assert.rejects(first, /no network/);
  /** @type {number[]} */
  const progress = [];
  /** @param {EventTarget} target */
  const monitor = (target) => target.addEventListener('downloadprogress', (event) => progress.push(/** @type {any} */ (event).loaded));
  const [session] = await Promise.all([LanguageModel.create({ monitor }), LanguageModel.create()]);
  assert.equal(await session.prompt('Hi'), 're:Hi');
  assert.deepEqual([loads, progress, await LanguageModel.availability()], [2, [0, 0.5, 1], 'available']);
  progress.length = 0;
  await LanguageModel.create({ monitor });
  assert.deepEqual(progress, [0, 1]);
});

test('tools run, and their results go back', async () => {
  const model = new Letters();
  /** @type {any[]} */
  const calls = [];
  const session = await apiOf(model).create({
    tools: [{ name: 'add', description: 'Adds', inputSchema: { type: 'object' }, execute: async (values) => (calls.push(values), 'sum 3') }],
  });
  assert.equal(await session.prompt('call'), 're:sum 3');
  assert.deepEqual(calls, [{ a: 1 }]);
  assert.equal(model.prompts.at(-1), 'u:call a: t:sum 3');
});

test('a constraint reaches the model, and so do the words for it', async () => {
  const model = new Letters();
  const session = await apiOf(model).create();
  const schema = { type: 'boolean' };
  await session.prompt('yes?', { responseConstraint: schema });
  assert.deepEqual(model.options[0].responseFormat, { type: 'json_schema', schema });
  assert.match(model.prompts[0], /^u:yes\?\n\nAnswer with JSON .*boolean/);
  await session.prompt('no?', { responseConstraint: /a+/, omitResponseConstraintInput: true });
  assert.equal(model.options[1].responseFormat.type, 'regex');
  assert.match(model.prompts[1], /u:no\?$/);
  const counts = await Promise.all([{}, { responseConstraint: schema }, { responseConstraint: schema, omitResponseConstraintInput: true }].map((options) => session.measureContextUsage('x', options)));
  assert.ok(counts[1] > counts[0] && counts[2] === counts[0], String(counts));
});

test('inputs are read as the specification has it', async () => {
  const model = new Letters();
  const LanguageModel = apiOf(model);
  const session = await LanguageModel.create();
  await session.prompt([{ role: 'system', content: 'S' }, { role: 'user', content: [{ type: 'text', value: 'a' }, { type: 'text', value: 'b' }] }]);
  assert.equal(model.prompts.at(-1), 's:S u:ab');
  await session.prompt([]);
  await session.prompt([{ role: 'user', content: [] }]);
  await session.prompt([{ role: 'assistant', content: 'said' }]);
  assert.equal(model.prompts.at(-1), 's:S u:ab a:re:ab u: a:re: u: a:re: a:said');
  assert.equal(model.options.at(-1).continueFinalMessage, false);
  const wrong = /** @type {any[]} */ ([undefined, null, 5, {}, { role: 'user', content: 'x' }, ['x'], [{ content: 'x' }], [{ role: 'tool', content: 'x' }], [{ role: 'user' }], [{ role: 'user', content: 5 }],
    [{ role: 'user', content: [{ type: 'text', text: 'x' }] }], [{ role: 'user', content: [{ type: 'smell', value: 'x' }] }], [{ role: 'system', content: 'late' }]]);
  for (const input of wrong) await assert.rejects(session.prompt(input), TypeError, JSON.stringify(input));
  for (const options of /** @type {any[]} */ ([{ responseConstraint: null }, { responseConstraint: 'yes' }, { omitResponseConstraintInput: true }])) {
    await assert.rejects(session.prompt('x', options), TypeError);
  }
  assert.throws(() => promptApi(/** @type {any} */ (Promise.resolve(model))), { code: 'invalid_argument', message: /await/ });
});

test('what is wrong is the error that the specification names', async () => {
  const LanguageModel = apiOf(new Letters());
  const image = [{ type: 'image' }];
  assert.equal(await LanguageModel.availability({ expectedInputs: image }), 'unavailable');
  await assert.rejects(LanguageModel.create({ expectedInputs: image }), { name: 'NotSupportedError' });
  const user = /** @type {const} */ ({ role: 'user', content: 'x' });
  await assert.rejects(LanguageModel.create({ initialPrompts: [user, { role: 'system', content: 'late' }] }), TypeError);
  for (const options of [{ topK: 3 }, { temperature: 1 }, { samplingMode: /** @type {const} */ ('balanced'), topK: 3, temperature: 1 }, { samplingMode: /** @type {any} */ ('wild') }]) {
    await assert.rejects(LanguageModel.create(options), TypeError, JSON.stringify(options));
  }
  const session = await LanguageModel.create({ topK: 3, temperature: 0.5, initialPrompts: [user] });
  await assert.rejects(session.prompt([{ role: 'system', content: 'x' }]), TypeError);
  await assert.rejects(session.prompt([{ role: 'user', content: 'x', prefix: true }]), { name: 'SyntaxError' });
  await assert.rejects(session.prompt([{ role: 'assistant', content: 'x', prefix: true }, user]), { name: 'SyntaxError' });
  for (const options of [{ topK: 0, temperature: 1 }, { topK: 3, temperature: -1 }, { topK: NaN, temperature: 1 }]) await assert.rejects(LanguageModel.create(options), RangeError);
  assert.deepEqual(((got) => [got.topK, got.temperature])(await LanguageModel.create({ topK: Infinity, temperature: 9 })), [128, 2]);
  await assert.rejects(session.prompt([{ role: 'user', content: [/** @type {any} */ ({ type: 'image', value: 1 })] }]), { name: 'NotSupportedError' });
});

test('the names are those of the specification, and the browser\'s own class stays', async () => {
  const LanguageModel = apiOf(new Letters());
  /** @type {(keyof import('../../worker/adapters/prompt-api.js').Session)[]} */
  const members = [
    'prompt', 'promptStreaming', 'append', 'measureContextUsage', 'contextUsage', 'contextWindow', 'oncontextoverflow', 'samplingMode', 'clone', 'destroy',
    // What is named in it as deprecated, or as experimental.
    'measureInputUsage', 'inputUsage', 'inputQuota', 'onquotaoverflow', 'topK', 'temperature',
  ];
  const session = await LanguageModel.create();
  assert.ok(members.every((name) => name in session) && session instanceof EventTarget);
  assert.deepEqual([session.samplingMode, session.topK, session.temperature], ['balanced', 40, 0.7]);
  assert.deepEqual(Object.keys(await LanguageModel.params()), ['defaultTopK', 'maxTopK', 'defaultTemperature', 'maxTemperature']);
  assert.equal(await session.measureInputUsage('four'), 5);
  assert.throws(() => Reflect.construct(/** @type {any} */ (LanguageModel), []), TypeError);
  assert.equal(installPromptApi(/** @type {any} */ (new Letters())), true);
  assert.equal(typeof Reflect.get(globalThis, 'LanguageModel').create, 'function');
  assert.equal(installPromptApi(/** @type {any} */ (new Letters())), false);
  Reflect.deleteProperty(globalThis, 'LanguageModel');
});
