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
  await assert.rejects(session.prompt('x'), { name: 'InvalidStateError' });
  await assert.rejects(session.clone(), { name: 'InvalidStateError' });
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
  assert.deepEqual([loads, progress.at(-1), await LanguageModel.availability()], [2, 1, 'available']);
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
  const session = await LanguageModel.create({ topK: 3, temperature: 0.5 });
  await assert.rejects(session.prompt([{ role: 'system', content: 'x' }]), TypeError);
  await assert.rejects(session.prompt([{ role: 'user', content: 'x', prefix: true }]), TypeError);
  await assert.rejects(session.prompt([{ role: 'user', content: [/** @type {any} */ ({ type: 'image', value: 1 })] }]), { name: 'NotSupportedError' });
});

test('the names are those of the specification, and the browser\'s own class stays', async () => {
  const LanguageModel = apiOf(new Letters());
  /** @type {(keyof import('../../worker/adapters/prompt-api.js').Session)[]} */
  const members = ['prompt', 'promptStreaming', 'append', 'measureContextUsage', 'contextUsage', 'contextWindow', 'oncontextoverflow', 'clone', 'destroy'];
  const session = await LanguageModel.create();
  assert.ok(members.every((name) => name in session) && session instanceof EventTarget);
  assert.equal(installPromptApi(/** @type {any} */ (new Letters())), true);
  assert.equal(typeof Reflect.get(globalThis, 'LanguageModel').create, 'function');
  assert.equal(installPromptApi(/** @type {any} */ (new Letters())), false);
  Reflect.deleteProperty(globalThis, 'LanguageModel');
});
