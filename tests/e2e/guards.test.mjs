// Limits that an application sets: they hold for every way in, also where what they look for comes in pieces.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, pageTest } from './api-pages.mjs';
import { TextGuard } from '../../worker/guards/text-guard.js';
import { Patterns } from '../../worker/guards/pattern.js';
import { clean, inputLength, outputTokens, requestRate, wordFilter } from '../../worker/guards.js';

/** @import { Guard, GuardedRequest } from '../../worker/guards/guard.js' */

const seed = Number(process.env.SEED ?? Date.now() % 1e9);
let state = seed | 1;
const below = (/** @type {number} */ bound) => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % bound;
};

/**
 * What a guard lets through of a text in pieces; `|` stands where it was stopped.
 * @param {Guard} guard
 * @param {readonly string[]} pieces
 */
async function passed(guard, pieces) {
  const watch = new TextGuard(guard, { channel: 'text', clientId: undefined }, new AbortController().signal);
  let out = '';
  let most = 0;
  for (const [index, piece] of [...pieces, ''].entries()) {
    const { text, isStopped } = await watch.push(piece, index === pieces.length);
    out += text;
    most = Math.max(most, pieces.slice(0, index + 1).join('').length - out.length);
    if (isStopped) return { out: `${out}|`, most };
  }
  return { out, most };
}

/** A text in pieces of random lengths. @param {string} text */
function cut(text) {
  const pieces = [];
  for (let at = 0; at < text.length; ) {
    const end = at + 1 + below(4);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

/** @param {string | any[]} prompt @param {Partial<GuardedRequest>} [more] @returns {GuardedRequest} */
function request(prompt, more = {}) {
  return { prompt, options: {}, clientId: undefined, countTokens: async () => prompt.length, signal: new AbortController().signal, ...more };
}

/** @param {Guard} guard @param {GuardedRequest} asked */
async function decided(guard, asked) {
  return /** @type {any} */ (await guard.beforeGenerate?.(asked));
}

test('a word is found whatever its case, form and script, as a whole word, however the text is cut', async () => {
  console.log(`SEED=${seed}`);
  const filter = wordFilter({ words: ['bad', 'Straße', 'very  bad thing', 'é', 'плохо', '坏', 'ΣΊΣΥΦΟΣ', 'ไม่ดี', '@here', 'ﬁsh', 'ab'] });
  /** @type {[string, string][]} */
  const cases = [
    ['bad', '***'], ['Bad, BAD; bad.', '***, ***; ***.'], ['badly embad bad_ 4bad', 'badly embad bad_ 4bad'], ['(bad)', '(***)'],
    ['STRASSE straße Strasse', '******* ****** *******'], ['Straßen', 'Straßen'], ['a very bad thing', 'a **************'.slice(0, 2) + '*'.repeat(14)],
    ['very\n\tbad  thing!', `${'*'.repeat(14)}!`], ['very bad things', 'very *** things'], ['é e\u0301 e e\u0301\u0323', '* * e e\u0301\u0323'],
    ['ПЛОХО плохой', '***** плохой'], ['这是坏的', '这是*的'], ['σίσυφος', '*******'], ['อาหารไม่ดีมาก', `อาหาร${'*'.repeat(3)}มาก`],
    ['mail @here now', 'mail ***** now'], ['fish FISH ﬁsh', '**** **** ***'], ['b\u200Bad b\u00ADa\u2060d', '*** ***'], ['ｂａｄ', '***'], ['cab ab abc', 'cab ** abc'],
    ['bad\u0301', 'bad\u0301'], ['bad坏bad', '*******'], ['', ''], ['b', 'b'],
  ];
  for (const [text, wanted] of cases) {
    const whole = await passed(filter, [text]);
    assert.equal(whole.out, wanted, JSON.stringify(text));
    for (let i = 0; i < 20; i++) {
      const pieces = cut(text);
      assert.equal((await passed(filter, pieces)).out, wanted, JSON.stringify(pieces));
    }
  }
  const long = await passed(filter, cut('a long text in which nothing is wrong, and so hardly anything is held back. '.repeat(20)));
  assert.ok(long.most < 8, `${long.most} characters were held back`);
});

test('a filter of words masks, stops or refuses, in prompts of every shape', async () => {
  const words = ['bad'];
  assert.equal((await passed(wordFilter({ words, output: 'stop' }), cut('this is bad, or not'))).out, 'this is |');
  await assert.rejects(passed(wordFilter({ words, output: 'refuse', name: 'mine' }), cut('this is bad, or not')), { code: 'refused', details: { guard: 'mine', stage: 'text', reason: 'decided' } });
  assert.equal((await passed(wordFilter({ words, output: 'pass' }), cut('this is bad'))).out, 'this is bad');
  assert.equal((await passed(wordFilter({ words, mask: 'good' }), cut('bad is Bad'))).out, 'good is good');
  const messages = [
    { role: 'user', content: [{ type: 'text', text: 'so bad' }] },
    { role: 'assistant', content: null, tool_calls: [{ id: 'bad', function: { name: 'bad', arguments: { bad: 'bad', list: ['bad', 1, null] } } }] },
    { role: 'tool', content: 'fine', name: 'bad' },
  ];
  const masking = wordFilter({ words, input: 'mask' });
  const masked = await decided(masking, request(messages, { options: { documents: [{ title: 'bad', text: 'fine' }] } }));
  assert.deepEqual(masked.prompt.map((/** @type {any} */ { content }) => content), [[{ type: 'text', text: 'so ***' }], null, 'fine']);
  assert.deepEqual(masked.prompt[1].tool_calls[0], { id: 'bad', function: { name: 'bad', arguments: { bad: '***', list: ['***', 1, null] } } });
  assert.deepEqual(masked.options, { documents: [{ title: '***', text: 'fine' }] });
  assert.match((await decided(wordFilter({ words }), request('so BAD'))).refuse, /has a word/);
  assert.equal(await decided(wordFilter({ words }), request('badly')), undefined);
  assert.equal(await decided(wordFilter({ words, input: 'pass' }), request('bad')), undefined);
  for (const wrong of [undefined, [''], ['x'.repeat(201)], ['\u200B'], [7]]) assert.throws(() => wordFilter({ words: /** @type {any} */ (wrong) }), { code: 'invalid_argument' });
});

test('patterns match as in JavaScript, in pieces as in the whole, and cost no more for a bad one', async () => {
  console.log(`SEED=${seed}`);
  const atoms = ['a', 'b', '[ab]', '[^a]', '.', '\\d', '\\w', '\\bx', '(a|bc)', '(?:ab)', '(a*b)', 'x$', '^a', '\\x62', 'é', '\\.'];
  const repeats = ['', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}', '*?', '+?', '??', '{2,}'];
  let compared = 0;
  for (let round = 0; round < 3000; round++) {
    let source = '';
    for (let parts = 1 + below(4); parts > 0; parts--) {
      const atom = atoms[below(atoms.length)];
      source += atom + (/[\^$]|^\\b/.test(atom) && atom !== '[^a]' ? '' : repeats[below(repeats.length)]) + (below(6) === 0 ? '|' : '');
    }
    const expression = new RegExp(source, `g${['', 'i', 's', 'm'][below(4)]}`);
    const text = Array.from({ length: below(14) }, () => 'aabbcx1 \né'[below(10)]).join('');
    const machine = new Patterns([expression]);
    const whole = machine.matches(text, true, '').matches.map(({ start, end }) => text.slice(start, end));
    const native = [...text.matchAll(expression)].map(([match]) => match);
    // Empty matches are no business of a guard.
    if (!native.includes('') && !new RegExp(`^(?:${source})$`).test('')) {
      compared += 1;
      assert.deepEqual(whole, native, `${expression} ${JSON.stringify(text)}`);
    }
    const guard = clean({ controls: false, patterns: [{ pattern: expression, replacement: '<>' }] });
    const pieces = cut(text);
    assert.equal((await passed(guard, pieces)).out, (await passed(guard, [text])).out, `${expression} ${JSON.stringify(pieces)}`);
  }
  assert.ok(compared > 1000);
  // Any of these would take longer than the world has left with an engine that tries one way after the other.
  for (const evil of [/(a+)+b/, /(a|a)*b/, /(a*)*b/, /(.*)*x/, /([a-z]+)*!/]) new Patterns([evil]).matches('a'.repeat(2000), true, '');
  const { out, most } = await passed(clean({ patterns: [/a+b/] }), ['a'.repeat(3000), 'b and on']);
  assert.deepEqual([out.slice(-8), most <= 1024 + 3000], ['b and on', true], 'no more is held back than is allowed');
  for (const wrong of [/(a)\1/, /(?=a)b/, /(?<!a)b/, /(?<n>a)\k<n>/, /a{4000}b{4000}/]) assert.throws(() => clean({ patterns: [wrong] }), { code: 'invalid_argument' });
  assert.throws(() => clean({ patterns: [''] }), { code: 'invalid_argument' });
  assert.throws(() => clean({ controls: false }), { code: 'invalid_argument' });
  // A limit that is misspelt would hold nobody back.
  /** @type {[(options: any) => unknown, object][]} */
  const makers = [[clean, {}], [inputLength, { tokens: 5 }], [requestRate, { requests: 5 }], [wordFilter, { words: ['x'] }], [(options) => outputTokens(5, options), {}]];
  for (const [make, right] of makers) {
    assert.doesNotThrow(() => make(right));
    for (const wrong of [null, 5, [], { ...right, pattern: 'x' }, { ...right, name: 5 }, { ...right, name: '' }]) assert.throws(() => make(wrong), { code: 'invalid_argument' }, JSON.stringify(wrong));
  }
  for (const wrong of /** @type {any[]} */ ([{ patterns: 5 }, { patterns: 'x' }, { input: 'no' }, { controls: 1 }])) assert.throws(() => clean(wrong), { code: 'invalid_argument' });
  assert.throws(() => wordFilter(/** @type {any} */ ({ words: 'bad' })), { code: 'invalid_argument', message: /found "bad"/ });
});

test('text is cleaned of control characters and patterns', async () => {
  const guard = clean({ patterns: [{ pattern: /\b\d{3}-\d{4}\b/, replacement: '[number]' }, 'secret'] });
  const text = 'a\u0000b\u202Ec\td\r\n call 555-1234, 555-12345 or secret\u001B[31m';
  const wanted = 'abc\td\r\n call [number], 555-12345 or [31m';
  assert.equal((await passed(guard, cut(text))).out, wanted);
  assert.equal((await decided(guard, request(text))).prompt, wanted);
  assert.equal(await decided(guard, request('nothing to do')), undefined);
  assert.deepEqual([clean({ input: false }).beforeGenerate, clean({ output: false }).onText], [undefined, undefined]);
});

test('lengths and rates are counted', async (t) => {
  const length = inputLength({ characters: 4, messages: 2, tokens: 9 });
  assert.equal(await decided(length, request('👍👍👍👍')), undefined);
  assert.match((await decided(length, request('12345'))).refuse, /5 characters, and 4/);
  assert.match((await decided(length, request([1, 2, 3].map(() => ({ role: 'user', content: '' }))))).refuse, /3 messages, and 2/);
  assert.match((await decided(length, request('1', { countTokens: async () => 10 }))).refuse, /10 tokens, and 9/);
  const output = outputTokens(5);
  for (const [maxTokens, next] of [[undefined, 5], [9, 5], [5, undefined], [2, undefined]]) {
    assert.equal((await decided(output, request('', { options: { maxTokens } })))?.options.maxTokens, next);
  }
  t.mock.method(performance, 'now', () => now);
  let now = 1000;
  const rate = requestRate({ requests: 2, windowMs: 100, clients: 2 });
  const ask = async (/** @type {string | undefined} */ clientId) => (await decided(rate, request('', { clientId })))?.retryAfterMs;
  assert.deepEqual([await ask('a'), await ask('a'), await ask('a'), await ask('b'), await ask(undefined)], [undefined, undefined, 100, undefined, undefined]);
  now += 60;
  // The one that asked longest ago was forgotten, as there are three.
  assert.deepEqual([await ask('b'), await ask('b')], [undefined, 40]);
  now += 40;
  assert.deepEqual([await ask('b'), await ask('b')], [undefined, 60], 'the window slides');
  for (const wrong of [() => inputLength({}), () => inputLength({ tokens: 0 }), () => outputTokens(0.5), () => requestRate({ requests: -1 })]) {
    assert.throws(wrong, { code: 'invalid_argument' });
  }
});

test('a guard of an application gets whole words, or what it holds back', async () => {
  /** @type {string[]} */
  const seen = [];
  const spy = { name: 'spy', onText: (/** @type {any} */ { text }) => void seen.push(text) };
  assert.deepEqual(await passed(spy, ['one t', 'wo', ' thr', 'ee']), { out: 'one two three', most: 5 });
  assert.deepEqual(seen, ['one ', 'two ', 'three']);
  const holder = { name: 'holder', units: /** @type {const} */ ('pieces'), onText: (/** @type {any} */ { text, isEnd }) => (isEnd ? undefined : { hold: Math.min(3, text.length) }) };
  assert.deepEqual(await passed(holder, ['abcdef', 'g', 'hi']), { out: 'abcdefghi', most: 3 });
  assert.equal((await passed({ name: 'long', maxHold: 4, onText: ({ text }) => text.toUpperCase() }, ['abcdefgh', 'i'])).out, 'ABCDEFGHI');
  for (const wrong of [7, { hold: 99 }, { hold: -1 }, { text: 7 }]) {
    await assert.rejects(passed({ name: 'w', onText: () => /** @type {any} */ (wrong) }, ['a b ']), { code: 'refused', details: { guard: 'w', stage: 'text', reason: 'failed' } });
  }
});

/** Runs in the page. */
const SAYS = (/** @type {string} */ pattern) => ({ responseFormat: { type: 'regex', pattern }, maxTokens: 100 });

pageTest('guards hold for every way in, and their refusals have a code in every shape', async (page) => {
  const got = await page.evaluate(async ([url, says]) => {
    const { requestRate, wordFilter, inputLength, outputTokens } = await import(/** @type {string} */ ('/dist/guards.js'));
    const { bitnet } = await import(/** @type {string} */ ('/dist/ai-sdk.js'));
    const { promptApi } = await import(/** @type {string} */ ('/dist/prompt-api.js'));
    const format = /** @type {any} */ (says);
    const guards = [wordFilter({ words: ['bad'] }), inputLength({ tokens: 60 }), outputTokens(40), requestRate({ requests: 2, name: 'rate' })];
    const model = await lib.BitNet.load(/** @type {string} */ (url), { threads: 1, guards });
    const code = (/** @type {Promise<any>} */ call) => call.then((value) => value, (error) => [error.code ?? error.name, error.details ?? null]);
    /** @type {Record<string, any>} */
    const all = {};
    const once = (/** @type {string} */ id) => ({ clientId: id, maxTokens: 2 });
    all.generate = await code((async () => { for await (const _ of model.generate('so bad', once('1'))); })());
    all.complete = await code(model.complete('so bad', once('2')));
    all.batch = (await model.generateBatch(['so bad', 'fine'], once('3'))).map(({ status }) => status);
    const chat = model.chat(once('4'));
    all.chat = [await code((async () => { for await (const _ of chat.send('so bad')); })()), chat.messages];
    const create = (/** @type {any} */ params) => model.openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'so bad' }], user: '5', ...params });
    const thrown = (/** @type {Promise<any>} */ call) => call.then(() => 'answered', ({ status, error }) => ({ status, error }));
    all.openai = await thrown(create({}));
    all.openaiStream = await thrown(create({ stream: true }));
    all.openaiText = await thrown(model.openai.completions.create({ model: 'm', prompt: 'so bad' }));
    const response = await model.openai.fetch('/v1/chat/completions', { method: 'POST', body: JSON.stringify({ messages: [{ role: 'user', content: 'so bad' }] }) });
    all.fetch = [response.status, (await response.json()).error.code];
    all.sdk = await code(bitnet(model).doGenerate(/** @type {any} */ ({ prompt: [{ role: 'user', content: [{ type: 'text', text: 'so bad' }] }], providerOptions: { bitnet: once('6') } })));
    const session = await promptApi(model).create();
    all.promptApi = await code(session.prompt('so bad'));
    // What one client may do does not depend on the others.
    const ask = (/** @type {string} */ id) => code(model.complete('fine', once(id)).then(() => 'answered'));
    all.rate = [await ask('a'), await ask('a'), await ask('a'), await ask('b')];
    const limited = await model.openai.fetch('/v1/chat/completions', { method: 'POST', body: JSON.stringify({ messages: [{ role: 'user', content: 'a' }], user: 'a', max_tokens: 1 }) });
    all.limited = [limited.status, (await limited.json()).error.code, Number(limited.headers.get('Retry-After')) > 0];
    all.long = await code(model.complete('x '.repeat(100), once('7')));
    const uncap = model.guards.add(outputTokens(3));
    const capped = await model.complete('fine', { ...format, clientId: '8' });
    all.capped = [capped.usage.completionTokens, capped.finishReason];
    uncap();
    all.masked = (await model.complete('fine', { ...format, clientId: '9' })).text;
    const stopping = model.guards.add(wordFilter({ words: ['thing'], output: 'stop', name: 'stopper' }));
    const stopped = await model.complete('fine', { ...format, clientId: '10' });
    all.stopped = [stopped.text, stopped.finishReason, stopped.stoppedBy, stopped.usage.completionTokens > 0, stopped.timings.totalMs > 0];
    const choice = await model.openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'fine' }], user: '11', response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { const: 'a bad thing' } } } });
    all.filtered = [choice.choices[0].finish_reason, choice.choices[0].message.content];
    stopping();
    all.list = model.guards.list.map(({ name }) => name);
    const later = await model.complete('fine', { ...format, clientId: '12' });
    all.later = later.text;
    await model.unload();
    all.wrong = await code(lib.BitNet.load(/** @type {string} */ (url), { guards: /** @type {any} */ ([{ name: 'x' }]) }));
    return all;
  }, /** @type {[string, any]} */ ([MODEL, SAYS('it is a (BAD|bad) thing')]));
  const words = { guard: 'words', stage: 'request', reason: 'decided' };
  for (const way of ['generate', 'complete', 'sdk']) assert.deepEqual(got[way], ['refused', words], way);
  assert.deepEqual(got.batch, ['rejected', 'fulfilled']);
  assert.deepEqual(got.chat, [['refused', words], []]);
  const error = { message: "The request has a word that the guard 'words' does not allow.", type: 'invalid_request_error', param: 'messages', code: 'refused' };
  assert.deepEqual([got.openai, got.openaiStream], [{ status: 400, error }, { status: 400, error }]);
  assert.deepEqual(got.openaiText, { status: 400, error: { ...error, param: 'prompt' } });
  assert.deepEqual(got.fetch, [400, 'refused']);
  assert.deepEqual(got.promptApi[0], 0, 'a DOMException has a number as its code');
  assert.deepEqual([got.rate[0], got.rate[1], got.rate[2][0], got.rate[3]], ['answered', 'answered', 'refused', 'answered']);
  assert.ok(got.rate[2][1].retryAfterMs > 0 && got.rate[2][1].retryAfterMs <= 60_000);
  assert.deepEqual(got.limited, [429, 'rate_limit_exceeded', true]);
  assert.equal(got.long[1].guard, 'input-length');
  assert.deepEqual(got.capped, [3, 'length']);
  assert.equal(got.masked, 'it is a *** thing');
  assert.deepEqual(got.stopped, ['it is a *** ', 'stop', { type: 'guard', guard: 'stopper', text: '' }, true, true]);
  assert.deepEqual(got.filtered, ['content_filter', '"a *** ']);
  assert.deepEqual(got.list, ['words', 'input-length', 'output-tokens', 'rate']);
  assert.equal(got.later, 'it is a *** thing');
  assert.deepEqual(got.wrong, ['invalid_argument', { option: 'guards', expected: got.wrong[1].expected }]);
});

pageTest('an application’s own guards change, refuse, stop, fail and take too long; the audit tells all without a text', async (page) => {
  const got = await page.evaluate(async ([url, says]) => {
    const format = /** @type {any} */ (says);
    const model = await lib.BitNet.load(/** @type {string} */ (url), { threads: 1 });
    /** @type {any[]} */
    const events = [];
    const end = model.on('audit', (event) => void events.push(event));
    model.on('audit', () => { throw new Error('a listener that fails'); });
    /** @type {string[]} */
    const reported = [];
    addEventListener('error', (event) => { event.preventDefault(); reported.push(event.message); });
    /** @type {Record<string, any>} */
    const all = {};
    const failure = (/** @type {Promise<any>} */ call) => call.then(() => 'answered', (error) => [error.code ?? String(error), error.details ?? null]);
    const withGuard = async (/** @type {any} */ guard, /** @type {() => Promise<any>} */ work) => {
      const remove = model.guards.add({ name: 'own', ...guard });
      try { return await work(); } finally { remove(); }
    };
    const plain = await model.complete('one', { maxTokens: 6, temperature: 0 });
    const other = await model.complete('two', { maxTokens: 3, temperature: 0 });
    const ask = (/** @type {any} */ options = {}) => model.complete('one', { maxTokens: 6, temperature: 0, clientId: 'me', ...options });
    all.changed = (await withGuard({ beforeGenerate: async (/** @type {any} */ r) => ({ prompt: 'two', options: { maxTokens: r.options.maxTokens - 3 } }) }, ask)).text === other.text;
    all.untouched = (await withGuard({ beforeGenerate: (/** @type {any} */ r) => { r.prompt = 'two'; r.options.maxTokens = 1; } }, ask)).text === plain.text;
    all.refused = await failure(withGuard({ beforeGenerate: () => ({ refuse: 'Not now.', retryAfterMs: 5 }) }, ask));
    all.failed = await failure(withGuard({ beforeGenerate: () => { throw new Error('oops'); } }, ask));
    all.wrong = await failure(withGuard({ beforeGenerate: () => ({ options: { maxTokens: -1 } }) }, ask));
    all.nonsense = await failure(withGuard({ beforeGenerate: () => 7 }, ask));
    let aborted = false;
    all.slow = await failure(withGuard({ timeout: 20, beforeGenerate: (/** @type {GuardedRequest} */ { signal }) => new Promise(() => signal.addEventListener('abort', () => (aborted = true))) }, ask));
    all.told = aborted;
    all.aborted = await failure(withGuard({ beforeGenerate: () => new Promise(() => {}) }, () => ask({ signal: AbortSignal.timeout(10) })));
    all.late = await failure(withGuard({ timeout: 60_000, beforeGenerate: () => new Promise(() => {}) }, () => ask({ timeout: 10 })));
    all.textFailed = await failure(withGuard({ onText: () => { throw new Error('oops'); } }, () => ask(format)));
    all.textSlow = await failure(withGuard({ timeout: 20, onText: () => new Promise(() => {}) }, () => ask(format)));
    const shout = { onText: async (/** @type {any} */ { text }) => text.toUpperCase() };
    all.upper = (await withGuard(shout, () => ask(format))).text;
    /** @type {any[]} */
    const tokens = [];
    const stop = { onText: (/** @type {any} */ { text }) => (text.includes('a ') ? { text: 'THE END', stop: true } : undefined) };
    const [result, partial] = await withGuard(stop, async () => {
      const stream = model.generate('one', { ...format, logprobs: 1 });
      for await (const token of stream) tokens.push(token);
      return [stream.result, stream.partial];
    });
    all.stopped = [tokens.map(({ text }) => text).join(''), result.stoppedBy, partial.text, result.usage.completionTokens >= partial.usage.completionTokens];
    all.logprobs = [tokens[0].logprob !== undefined, tokens.at(-1).logprob, tokens.at(-1).topLogprobs];
    // Held back and let through unchanged: every token as it was.
    /** @type {any[]} */
    const own = [];
    /** @type {any[]} */
    const kept = [];
    for await (const token of model.generate('one', { ...format, logprobs: 1, seed: 3 })) own.push(token);
    await withGuard({ onText: () => undefined }, async () => { for await (const token of model.generate('one', { ...format, logprobs: 1, seed: 3 })) kept.push(token); });
    all.same = JSON.stringify(own) === JSON.stringify(kept);
    // After all of that the model is as before.
    all.after = (await ask()).text === plain.text;
    await new Promise((resolve) => setTimeout(resolve, 50));
    end();
    await model.unload();
    all.events = events;
    all.reported = reported.length;
    return all;
  }, /** @type {[string, any]} */ ([MODEL, SAYS('it is a secret thing')]));
  const of = (/** @type {string} */ stage, /** @type {string} */ reason) => ['refused', { guard: 'own', stage, reason }];
  assert.deepEqual([got.changed, got.untouched, got.same, got.after, got.told], [true, true, true, true, true]);
  assert.deepEqual(got.refused, ['refused', { guard: 'own', stage: 'request', reason: 'decided', retryAfterMs: 5 }]);
  for (const name of ['failed', 'wrong', 'nonsense']) assert.deepEqual(got[name], of('request', 'failed'), name);
  assert.deepEqual([got.slow, got.textFailed, got.textSlow], [of('request', 'timeout'), of('text', 'failed'), of('text', 'timeout')]);
  assert.match(String(got.aborted[0]), /TimeoutError|23/);
  assert.deepEqual(got.late, ['timeout', { timeout: 10 }], 'the timeout of a call counts what its guards take');
  assert.equal(got.upper, 'IT IS A SECRET THING');
  assert.deepEqual(got.stopped, ['it is THE END', { type: 'guard', guard: 'own', text: '' }, 'it is THE END', true]);
  assert.equal(got.logprobs[0], true);
  assert.ok(got.logprobs.slice(1).every((/** @type {unknown} */ value) => value === null || value === undefined), 'a token that was changed tells nothing of what it was');
  const { events } = got;
  assert.equal(got.reported, events.length, 'the listener that fails stops nobody');
  const decisions = events.map((/** @type {any} */ { stage, decision, reason }) => [stage, decision, ...(reason ? [reason] : [])].join(' '));
  assert.deepEqual(decisions, [
    'request changed', 'request passed', 'request refused decided', 'request refused failed', 'request refused failed', 'request refused failed',
    'request refused timeout', 'text refused failed', 'text refused timeout', 'text changed', 'text stopped', 'text passed',
  ]);
  for (const { hash, time, clientId, counts, guard } of events) {
    assert.match(hash, /^[0-9a-f]{64}$/);
    assert.ok(Math.abs(Date.now() - time) < 3_600_000 && [undefined, null, 'me'].includes(clientId) && counts.characters >= 0 && guard === 'own');
  }
  assert.equal(events[2].hash, events[3].hash, 'the same prompt has the same hash');
  assert.doesNotMatch(JSON.stringify(events), /secret|one|two/);
});

pageTest('what a model thinks and the arguments of its calls pass the guards too', async (page) => {
  const got = await page.evaluate(async (url) => {
    const { wordFilter } = await import(/** @type {string} */ ('/dist/guards.js'));
    const model = await lib.BitNet.load(url, { threads: 1, guards: [wordFilter({ words: ['bad'] })] });
    const tools = [{ type: 'function', function: { name: 'say', parameters: { type: 'object', properties: { bad: { const: 'so bad' } }, required: ['bad'], additionalProperties: false } } }];
    const prompt = [{ role: 'user', content: 'Hi' }];
    const stream = model.generate(prompt, { tools, toolChoice: 'required', parallelToolCalls: false, maxTokens: 200 });
    /** @type {any[]} */
    const deltas = [];
    for await (const { toolCalls = [] } of stream) deltas.push(...toolCalls);
    const { toolCalls, finishReason } = /** @type {any} */ (stream.result);
    await model.unload();
    return { deltas, calls: toolCalls.map((/** @type {any} */ { name, arguments: values }) => ({ name, values })), finishReason };
  }, MODEL);
  assert.deepEqual(got.calls, [{ name: 'say', values: { '***': 'so ***' } }]);
  assert.equal(got.deltas.map((/** @type {any} */ { arguments: text }) => text).join(''), '{"***":"so ***"}');
  assert.equal(got.finishReason, 'tool_calls');
});
