// Answers that must follow a schema, an expression or a grammar: in the browser, with the module that ships.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { MODEL, pageTest, SHIPPED } from './api-pages.mjs';
import { ROOT } from './harness.mjs';

/** A quick build makes one variant alone. */
const VARIANTS = /** @type {const} */ (['relaxed', 'simd128']).filter((variant) => existsSync(join(ROOT, `dist/wasm/${variant}/bitnet_web_bg.wasm`)));

const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { enum: ['a b', 'c', '🦀'] }, maxItems: 3 },
  },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
};

/** @param {string} text */
function checkPerson(text) {
  const { name, age, tags, ...rest } = JSON.parse(text);
  assert.deepEqual(rest, {});
  assert.ok([...name].length <= 12, text);
  assert.ok(Number.isInteger(age) && age >= 0 && age <= 150, text);
  assert.ok(tags.length <= 3 && tags.every((/** @type {string} */ tag) => ['a b', 'c', '🦀'].includes(tag)), text);
}

pageTest('an answer satisfies its schema, however it is sampled, in every build', async (page) => {
  for (const url of [SHIPPED, MODEL]) {
    const texts = await page.evaluate(
      async ([url, schema, variants]) => {
        const texts = [];
        for (const variant of variants) {
          const model = await lib.BitNet.load(url, { variant, threads: 2 });
          for (let seed = 0; seed < 6; seed += 1) {
            const options = { temperature: [0, 1, 3][seed % 3], repetitionPenalty: seed > 3 ? 1.5 : 1, seed, maxTokens: 400 };
            const result = await model.complete('Who is it?', { ...options, responseFormat: { type: 'json_schema', schema } });
            texts.push([result.text, result.finishReason, result.stoppedBy?.type]);
          }
          await model.unload();
        }
        return texts;
      },
      /** @type {const} */ ([url, PERSON, VARIANTS]),
    );
    assert.equal(texts.length, 6 * VARIANTS.length);
    for (const [text, reason, stoppedBy] of texts) {
      assert.deepEqual([reason, stoppedBy], ['stop', 'grammar'], text);
      checkPerson(/** @type {string} */ (text));
    }
    // The same seeds, the same texts in both builds.
    if (VARIANTS.length === 2) assert.deepEqual(texts.slice(0, 6), texts.slice(6));
  }
});

pageTest('every format holds, several at once, and the module is fetched with the first', async (page) => {
  /** @type {string[]} */
  const fetched = [];
  page.context().on('request', (request) => fetched.push(new URL(request.url()).pathname));
  const first = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    Object.assign(globalThis, { model });
    const options = { maxTokens: 5, temperature: 0 };
    const plain = await model.complete('Hello', options);
    const text = await model.complete('Hello', { ...options, responseFormat: { type: 'text' } });
    return [plain.text, text.text];
  }, SHIPPED);
  assert.equal(first[0], first[1]);
  const isModule = (/** @type {string} */ path) => path.endsWith('/bitnet_grammar_bg.wasm');
  assert.equal(fetched.filter(isModule).length, 0);
  const got = await page.evaluate(async () => {
    const model = /** @type {import('../../worker/model.js').Model} */ (Reflect.get(globalThis, 'model'));
    /** @type {import('../../worker/types.js').ResponseFormat[]} */
    const formats = [
      { type: 'regex', pattern: '[A-F]{2}-\\d{3}' },
      { type: 'regex', pattern: /(yes|no)\/(Zürich|東京)/u },
      { type: 'grammar', syntax: 'lark', grammar: 'start: "[" NUMBER ("," NUMBER){2} "]"\nNUMBER: /[1-9][0-9]?/' },
      { type: 'json_schema', schema: { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 4 } },
      { type: 'grammar', grammar: 'root ::= "(" root ")" | [0-9]{2,3}' },
      { type: 'json_schema', schema: { enum: ['red', 'green'] } },
      { type: 'regex', pattern: /^z[äß]ß.$/isu },
      // As Zod writes records and ids, with a field that is not there.
      { type: 'json_schema', schema: { type: 'object', propertyNames: { type: 'string', enum: ['a', 'b'] }, additionalProperties: { type: 'string', format: 'cuid', pattern: '^c[0-9]{3}$' }, required: ['a', 'b'], description: undefined } },
    ];
    const answers = formats.map((responseFormat, seed) => model.complete('Say it.', { responseFormat, temperature: 2, seed, maxTokens: 200 }));
    return (await Promise.all(answers)).map(({ text }) => text);
  });
  assert.match(got[0], /^[A-F]{2}-\d{3}$/);
  assert.match(got[1], /^(yes|no)\/(Zürich|東京)$/);
  assert.equal(JSON.parse(got[2]).length, 3);
  const flags = JSON.parse(got[3]);
  assert.ok(flags.length >= 2 && flags.length <= 4 && flags.every((/** @type {unknown} */ flag) => typeof flag === 'boolean'));
  assert.match(got[4], /^\(*\d{2,3}\)*$/);
  assert.equal(got[4].split('(').length, got[4].split(')').length);
  assert.ok(['red', 'green'].includes(JSON.parse(got[5])));
  assert.match(got[6], /^z[äß]ß.$/isu);
  assert.match(got[7], /^\{"a": ?"c\d{3}", ?"b": ?"c\d{3}"\}$/);
  assert.equal(fetched.filter(isModule).length, 1);
});

pageTest('what follows an expression matches it, in the browser that reads both', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const patterns = [/.{12}/, /[^a-z]{8}/i, /\s{6}\S{6}/, /\W{9}/iu, /[a&&b]{4}/, /^(yes|no|ß)$/im, /\p{L}{3}\P{L}{3}/u, new RegExp('[\\p{L}--[a-z]]{6}', 'v'), /.*!/s, '.{12}', '[\\w-.]{9}', '\\D{2}[\\s]{3}'];
    const misses = [];
    for (const pattern of patterns) {
      for (let seed = 0; seed < 4; seed += 1) {
        const { text, finishReason } = await model.complete('Say it.', { responseFormat: { type: 'regex', pattern }, temperature: 50, seed, maxTokens: 60 });
        const { source, flags } = typeof pattern === 'string' ? { source: pattern, flags: pattern.includes('-.') ? '' : 'u' } : pattern;
        if (finishReason === 'stop' && !new RegExp(`^(?:${source})$`, flags).test(text)) misses.push([String(pattern), text]);
      }
    }
    await model.unload();
    return { misses, last: 'fine' };
  }, SHIPPED);
  assert.deepEqual(got, { misses: [], last: 'fine' });
});

pageTest('what is cut off says so, what is aborted leaves nothing behind, and tokens stream', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    /** @type {import('../../worker/types.js').ResponseFormat} */
    const responseFormat = { type: 'json_schema', schema: { type: 'array', items: { const: 'abcdefgh' }, minItems: 20, maxItems: 24 } };
    const cut = await model.complete('Say it.', { responseFormat, maxTokens: 6 });
    const abort = new AbortController();
    let seen = 0;
    const aborted = await (async () => {
      for await (const _ of model.generate('Say it.', { responseFormat, signal: abort.signal })) if (++seen === 3) abort.abort();
    })().catch((error) => error.name);
    let text = '';
    const stream = model.generate('Say it.', { responseFormat, temperature: 1 });
    for await (const token of stream) text += token.text;
    const stopped = await model.complete('Say it.', { responseFormat, stop: 'd' });
    const banned = { bannedStrings: 'cat' };
    const round = await Promise.all([/(cat|cats|cow)/, /(cat|dog)/i].map((pattern, seed) => model.complete('Say it.', { ...banned, temperature: 3, seed, responseFormat: { type: 'regex', pattern } })));
    const blocked = model.generate('Say it.', { ...banned, responseFormat: { type: 'json_schema', schema: { const: 'cat' } } });
    const deadEnd = await (async () => { for await (const _ of blocked); })().catch(({ code, message }) => [code, message]);
    const none = await model.complete('Say it.', { ...banned, responseFormat: { type: 'regex', pattern: 'a?cat' } }).catch(({ code }) => code);
    return { cut, aborted, text, result: stream.result, stopped, round: round.map(({ text }) => text), deadEnd, partial: blocked.partial.text, none };
  }, SHIPPED);
  assert.equal(got.cut.finishReason, 'length');
  assert.throws(() => JSON.parse(got.cut.text));
  assert.equal(got.aborted, 'AbortError');
  assert.ok(JSON.parse(got.text).length >= 20);
  assert.equal(got.result?.finishReason, 'stop');
  assert.deepEqual([got.stopped.text, got.stopped.stoppedBy], ['["abc', { type: 'text', text: 'd' }]);
  assert.equal(got.round[0], 'cow');
  assert.match(got.round[1], /^(cat|dog)$/i);
  assert.notEqual(got.round[1], 'cat');
  assert.deepEqual([got.deadEnd?.[0], got.none], ['invalid_argument', 'invalid_grammar']);
  assert.match(got.deadEnd?.[1] ?? '', /bannedStrings/);
  assert.ok('"cat'.startsWith(got.partial), got.partial);
});

pageTest('what cannot be enforced is refused before anything is generated', async (page) => {
  const errors = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    /** @type {any[]} */
    const formats = [
      { type: 'json_schema', schema: { type: 'array', uniqueItems: true } },
      { type: 'json_schema', schema: { properties: { a: { not: { minLength: 1 } } } } },
      { type: 'json_schema', schema: false },
      { type: 'json_schema', schema: { type: 'strnig' } },
      { type: 'regex', pattern: '(?=a)b' },
      { type: 'grammar', syntax: 'lark', grammar: 'start: nothing' },
      { type: 'grammar', syntax: 'gbnf', grammar: 'root ::= "a" <think>' },
      { type: 'grammar', syntax: 'bnf', grammar: 'root ::= "a"' },
      { type: 'json_schema' },
      { type: 'yaml' },
      'json',
    ];
    const errors = [];
    for (const responseFormat of formats) {
      const error = await model.complete('Say it.', { responseFormat, maxTokens: 2 }).catch((error) => error);
      errors.push([error.code, error.message]);
    }
    const { text } = await model.complete('Say it.', { responseFormat: { type: 'regex', pattern: 'fine' } });
    return [...errors, ['fine', text]];
  }, SHIPPED);
  assert.deepEqual(errors.map(([code]) => code), [
    ...Array(7).fill('invalid_grammar'),
    ...Array(4).fill('invalid_argument'),
    'fine',
  ]);
  assert.match(errors[0][1], /uniqueItems/);
  assert.match(errors[1][1], /not/);
  assert.equal(errors.at(-1)?.[1], 'fine');
});

pageTest('the timeout of a call counts what it waits for the module of grammars', async (page) => {
  await page.context().route('**/bitnet_grammar_bg.wasm', () => {}); // never answered
  const error = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const { code, details } = await model.complete('Say it.', { responseFormat: { type: 'regex', pattern: 'a' }, timeout: 20 }).catch((error) => error);
    await model.unload();
    return [code, details];
  }, SHIPPED);
  assert.deepEqual(error, ['timeout', { timeout: 20, usage: { promptTokens: 0, cachedTokens: 0, completionTokens: 0 } }]);
});

pageTest('a trap in the module of grammars ends one answer, and the next gets a new instance', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, workerUrl: '/e2e/grammar-fuse-engine.js', wasmBase: '/dist/wasm/' });
    /** @type {import('../../worker/types.js').ResponseFormat} */
    const responseFormat = { type: 'regex', pattern: '[a-c]{3}' };
    const broken = await model.complete('Say it.', { responseFormat }).catch((error) => error);
    const { text } = await model.complete('Say it.', { responseFormat });
    const plain = await model.complete('Say it.', { maxTokens: 3, temperature: 0 });
    return { code: broken.code, message: broken.message, text, tokens: plain.usage.completionTokens };
  }, SHIPPED);
  assert.equal(got.code, 'internal');
  assert.match(got.message, /module of grammars.*unreachable/);
  assert.match(got.text, /^[a-c]{3}$/);
  assert.ok(got.tokens > 0);
});
