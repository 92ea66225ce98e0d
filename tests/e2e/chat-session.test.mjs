// Conversations on a stand-in for a model, whose tokens are letters: history, order, what aborts and failures leave, and what
// happens where the context is full. tests/e2e/chat-api.test.mjs has them with a model in a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chat } from '../../worker/chat/chat.js';
import { History } from '../../worker/chat/history.js';
import { restoreChat } from '../../worker/chat/restore.js';
import { SavedChats } from '../../worker/chat/store.js';
import { Letters } from './letters.mjs';

/** @param {Letters} model @param {any} [options] */
const chatWith = (model, options) => new Chat(/** @type {any} */ (model), options ?? {});

/** @param {AsyncIterable<{ text: string }>} stream */
async function read(stream) {
  let text = '';
  for await (const token of stream) text += token.text;
  return text;
}

/** @param {Chat} chat */
const said = (chat) => chat.messages.map(({ role, content }) => `${role[0]}:${content}`).join(' ');

test('an answer joins the history, and the next prompt has both', async () => {
  const model = new Letters();
  const chat = chatWith(model, { system: 'Sys', temperature: 0.5 });
  const first = chat.send('Hi');
  assert.equal(said(chat), 's:Sys', 'nothing begins before it is read');
  assert.equal(await read(first), 're:Hi');
  assert.deepEqual(first.result?.message, { role: 'assistant', content: 're:Hi' });
  assert.deepEqual(first.result?.dropped, []);
  await read(chat.send({ role: 'user', content: 'You' }, { maxTokens: 3 }));
  assert.equal(said(chat), 's:Sys u:Hi a:re:Hi u:You a:re:');
  assert.deepEqual(model.prompts, ['s:Sys u:Hi', 's:Sys u:Hi a:re:Hi u:You']);
  assert.deepEqual(model.options.map(({ temperature, maxTokens }) => [temperature, maxTokens]), [[0.5, undefined], [0.5, 3]]);
  // A copy: what a caller does to it changes nothing.
  chat.messages[1].content = 'changed';
  assert.equal(chat.messages[1].content, 'Hi');
});

test('the meter counts what the answers have counted', async () => {
  const model = new Letters(100);
  const chat = chatWith(model, { system: 'Sys' });
  assert.deepEqual(chat.usage, { tokens: 0, contextLength: 100, room: 100 });
  await read(chat.send('Hi'));
  assert.deepEqual(chat.usage, { tokens: 4 + 3 + 5, contextLength: 100, room: 88 });
  await read(chat.send('You'));
  // The frame of the first answer has come with the second prompt.
  assert.equal(chat.usage.tokens, 4 + 3 + 6 + 4 + 6);
  assert.equal(model.counts, 0, 'nothing was counted twice');
  assert.equal(await chat.countTokens(), 4 + 3 + 6 + 4 + 7);
  chat.edit(3, 'Me');
  assert.equal(chat.usage.tokens, 4 + 3 + 5);
});

test('the meter says what the last prompt had, also where an answer is read back in fewer tokens than it was written in', () => {
  const history = History.of('Sys', []);
  const turn = (/** @type {number} */ promptTokens, /** @type {number} */ completionTokens) => {
    history.push({ role: 'user', content: 'Hi' });
    const usage = /** @type {any} */ ({ promptTokens, completionTokens });
    history.take(history.messages.length, { role: 'assistant', content: 'Yo' }, usage);
    assert.equal(history.countedTokens(), promptTokens + completionTokens);
  };
  turn(10, 60);
  turn(50, 5);
  turn(90, 7);
  history.dropTurn();
  turn(30, 1);
  turn(3, 2);
});

test('sends run one after the other, in the order in which they are read', async () => {
  const model = new Letters();
  const chat = chatWith(model);
  const [one, two, unread] = [chat.send('1'), chat.send('2'), chat.send('3')];
  const texts = await Promise.all([read(two), read(one)]);
  assert.deepEqual(texts, ['re:2', 're:1']);
  assert.deepEqual(model.prompts, ['u:2', 'u:2 a:re:2 u:1']);
  await unread.return();
  assert.equal(said(chat), 'u:2 a:re:2 u:1 a:re:1');
});

test('an answer that is left or aborted stays as far as it was read; one without a letter is taken back', async () => {
  const chat = chatWith(new Letters());
  let text = '';
  for await (const token of chat.send('Hello')) {
    text += token.text;
    if (text.length === 4) break;
  }
  assert.equal(said(chat), 'u:Hello a:re:H', 'right behind the loop');

  const control = new AbortController();
  const stream = chat.send('World', { signal: control.signal });
  await assert.rejects(async () => {
    for await (const _ of stream) if (stream.partial.text.length === 5) control.abort(new Error('enough'));
  }, /enough/);
  assert.equal(said(chat), 'u:Hello a:re:H u:World a:re:Wo');

  const before = said(chat);
  const aborted = new AbortController();
  aborted.abort(new Error('never'));
  await assert.rejects(read(chat.send('No', { signal: aborted.signal })), /never/);
  assert.equal(said(chat), before);
  const waiting = chat.send('Wait');
  const next = waiting.next();
  await waiting.return();
  await next;
  assert.equal(said(chat), before);

  // All that run and wait.
  const streams = [chat.send('a'), chat.send('b')];
  const all = Promise.allSettled(streams.map(read));
  chat.abort(new Error('all of it'));
  assert.deepEqual((await all).map((outcome) => outcome.status === 'rejected' && outcome.reason.message), ['all of it', 'all of it']);
  assert.equal(said(chat), before);
  assert.equal(await read(chat.send('on')), 're:on');
});

test('a failure leaves a consistent history', async () => {
  const chat = chatWith(new Letters(40));
  await assert.rejects(read(chat.send('a!')), { code: 'crashed' });
  assert.equal(said(chat), 'u:a! a:re:a');
  await assert.rejects(read(chat.send('x'.repeat(50))), { code: 'context_overflow' });
  assert.equal(said(chat), 'u:a! a:re:a');
  assert.equal(await read(chat.send('b')), 're:b');
});

test('regenerate, edit and fork', async () => {
  const model = new Letters();
  const chat = chatWith(model, { system: 'S' });
  await read(chat.send('one'));
  await read(chat.send('two'));
  assert.equal(await read(chat.regenerate({ maxTokens: 4 })), 're:t');
  assert.equal(said(chat), 's:S u:one a:re:one u:two a:re:t');
  const fork = chat.fork();
  chat.edit(1, 'uno');
  assert.equal(said(chat), 's:S u:uno');
  assert.equal(await read(chat.regenerate()), 're:uno');
  assert.equal(said(fork), 's:S u:one a:re:one u:two a:re:t');
  await read(fork.send('three'));
  assert.equal(said(chat), 's:S u:uno a:re:uno');
  // An answer that is not rewritten after all stays.
  await assert.rejects(read(chat.regenerate({ signal: AbortSignal.abort(new Error('no')) })), /no/);
  assert.equal(said(chat), 's:S u:uno a:re:uno');
  await assert.rejects(read(chatWith(model).regenerate()), { code: 'invalid_argument' });
  assert.throws(() => chat.edit(9, 'x'), { code: 'invalid_argument' });
  assert.throws(() => chat.edit(1, /** @type {any} */ (7)), { code: 'invalid_argument' });
  const running = chat.send('x');
  const next = running.next();
  assert.throws(() => chat.edit(1, 'x'), /being answered/);
  assert.throws(() => chat.fork(), /being answered/);
  await next;
  await running.return();
});

test('truncate drops the oldest turns, keeps the system prompt, and says what it dropped', async () => {
  const model = new Letters(60);
  const chat = chatWith(model, { system: 'Sys', onFull: 'truncate', reserve: 10 });
  const dropped = [];
  for (const text of ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd']) {
    const stream = chat.send(text);
    await read(stream);
    dropped.push(stream.result?.dropped.map(({ content }) => content));
  }
  // Each turn has 7 and 10 tokens, the system prompt 4: of 50 two turns and a question fit.
  assert.deepEqual(dropped, [[], [], [], ['aaaaaa', 're:aaaaaa']]);
  assert.equal(model.prompts.at(-1), 's:Sys u:bbbbbb a:re:bbbbbb u:cccccc a:re:cccccc u:dddddd');
  assert.equal(chat.messages.length, 9, 'the history has everything');
  assert.ok(chat.usage.tokens <= 60);
  // What does not fit alone is an error, and changes nothing.
  await assert.rejects(read(chat.send('x'.repeat(70))), { code: 'context_overflow' });
  assert.equal(chat.messages.length, 9);
  assert.equal(await read(chat.send('ee')), 're:ee');
  assert.equal(model.prompts.at(-1), 's:Sys u:cccccc a:re:cccccc u:dddddd a:re:dddddd u:ee');
  // A message that was dropped and is edited is there again.
  chat.edit(1, 'a');
  assert.equal(await read(chat.regenerate()), 're:a');
  assert.equal(model.prompts.at(-1), 's:Sys u:a');
});

test('messages that are kept stay with the system prompt, in forks and after a save too', async () => {
  const model = new Letters(36);
  const messages = [{ role: 'user', content: 'ex' }, { role: 'assistant', content: 'am' }];
  const chat = chatWith(model, { system: 'S', messages, keep: 2, onFull: 'truncate', reserve: 5 });
  for (const text of ['aaaaaa', 'bbbbbb', 'cccccc']) await read(chat.send(text, { maxTokens: 5 }));
  assert.equal(model.prompts.at(-1), 's:S u:ex a:am u:bbbbbb a:re:bb u:cccccc');
  const again = await restoreChat(/** @type {any} */ (model), JSON.parse(JSON.stringify(chat)), {});
  for (const other of [chat.fork(), again]) {
    await read(other.send('ddddddddddd', { maxTokens: 5 }));
    assert.match(model.prompts.at(-1) ?? '', /^s:S u:ex a:am u:d/);
  }
});

test('by default a full context is an error', async () => {
  const chat = chatWith(new Letters(30));
  await read(chat.send('aaaaaaaa'));
  await assert.rejects(read(chat.send('bbbbbbbb')), { code: 'context_overflow' });
  assert.equal(said(chat), 'u:aaaaaaaa a:re:aaaaaaaa');
});

test('shift goes on with an answer that fills the context', async () => {
  const model = new Letters(40);
  const chat = chatWith(model, { onFull: 'shift', reserve: 2 });
  await read(chat.send('aaaa'));
  const stream = chat.send('b'.repeat(17));
  assert.equal(await read(stream), `re:${'b'.repeat(17)}`);
  assert.deepEqual(stream.result?.dropped.map(({ content }) => content), ['aaaa', 're:aaaa']);
  assert.equal(stream.result?.usage.completionTokens, 20);
  assert.equal(model.options.at(-1).continueFinalMessage, true);
  assert.match(model.prompts.at(-1) ?? '', /^u:b{17} a:re:b+$/);
  // Where nothing can be dropped, the answer ends.
  const long = chatWith(model, { onFull: 'shift', reserve: 1 });
  const full = long.send('c'.repeat(30));
  await read(full);
  assert.equal(full.result?.finishReason, 'length');
});

test('a conversation goes through JSON and goes on', async () => {
  const model = new Letters(60);
  const chat = chatWith(model, { system: 'Sys', onFull: 'truncate', reserve: 10, topK: 3, onPrefill: () => {}, signal: new AbortController().signal });
  for (const text of ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd']) await read(chat.send(text));
  const saved = JSON.parse(JSON.stringify(chat));
  const again = await restoreChat(/** @type {any} */ (model), saved, { minP: 0.5 });
  assert.deepEqual(again.messages, chat.messages);
  await read(again.send('e'));
  assert.equal(model.prompts.at(-1), 's:Sys u:cccccc a:re:cccccc u:dddddd a:re:dddddd u:e');
  assert.deepEqual([model.options.at(-1).topK, model.options.at(-1).minP], [3, 0.5]);
  for (const bad of [{ ...saved, version: 2 }, { ...saved, messages: [{ role: 1 }] }, { ...saved, first: 'x' }, null]) {
    await assert.rejects(restoreChat(/** @type {any} */ (model), /** @type {any} */ (bad), {}), { code: 'invalid_argument' });
  }
  await assert.rejects(restoreChat(/** @type {any} */ (model), saved, { system: 'Other' }), { code: 'invalid_argument' });
});

test('what is wrong is told at the call', async () => {
  const model = new Letters();
  for (const options of [null, 5, [], { messages: 'x' }, { messages: null }, { keep: -1 }, { keep: 'x' }, { system: 'A', messages: [{ role: 'system', content: 'B' }] }]) {
    assert.throws(() => new Chat(/** @type {any} */ (model), /** @type {any} */ (options)), { code: 'invalid_argument' }, JSON.stringify(options));
  }
  for (const options of [{ system: 1 }, { onFull: 'drop' }, { reserve: 0 }, { topP: 2 }, { maxtokens: 1 }, { messages: [{}] }]) {
    assert.throws(() => chatWith(model, options), { code: 'invalid_argument' }, JSON.stringify(options));
  }
  const chat = chatWith(model);
  for (const input of [undefined, 1, [], [{ role: 'user' }]]) {
    assert.throws(() => chat.send(/** @type {any} */ (input)), { code: 'invalid_argument' }, JSON.stringify(input));
  }
  assert.throws(() => chat.send('x', { topP: 2 }), { code: 'invalid_argument' });
  // Where there is no storage at all, as on a server.
  await assert.rejects(chat.save({ kv: false }), { code: 'unsupported' });
  await assert.rejects(new SavedChats().list(), { code: 'unsupported' });
  for (const options of [null, 5, { id: 5 }, { id: '' }, { kv: 'x' }, { name: 'x' }]) {
    await assert.rejects(chat.save(/** @type {any} */ (options)), { code: 'invalid_argument' }, JSON.stringify(options));
  }
});
