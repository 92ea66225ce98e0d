// What a constraint costs per token: the time of a mask over Llama 3's vocabulary, which BitNet b1.58 2B4T has too, and of the
// steps before the first one. It runs the module that ships, in Node.
//
//   node benches/grammar.mjs
import { readFile } from 'node:fs/promises';
import tokenizer from 'llama3-tokenizer-js';

import * as grammar from '../dist/wasm/grammar/bitnet_grammar.js';

const CONTROL = 0xff;
const END = 128009;
/** A token of BitNet b1.58 2B4T on one thread, in milliseconds; the bound is a twentieth of it. */
const TOKEN = 50;

/** Bytes by the characters of GPT-2's alphabet. */
const alphabet = new Map();
{
  const printed = [...Array(256).keys()].filter((byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173));
  printed.forEach((byte) => alphabet.set(String.fromCharCode(byte), byte));
  [...Array(256).keys()].filter((byte) => !printed.includes(byte)).forEach((byte, index) => alphabet.set(String.fromCharCode(256 + index), byte));
}

/** @param {string} token @param {number} id */
function bytesOf(token, id) {
  if (id >= 128000) return [CONTROL, ...Buffer.from(token)];
  return [...token].map((letter) => alphabet.get(letter));
}

const words = tokenizer.vocabById.map(bytesOf);
let length = 0;
const ends = Uint32Array.from(words, (word) => (length += word.length));

const { memory } = grammar.initSync({ module: await readFile(new URL('../dist/wasm/grammar/bitnet_grammar_bg.wasm', import.meta.url)) });
const began = performance.now();
const vocabulary = new grammar.GrammarVocabulary(Uint8Array.from(words.flat()), ends, Uint32Array.of(END));
console.log(`vocabulary of ${words.length} tokens, once: ${(performance.now() - began).toFixed(0)} ms, ${(memory.buffer.byteLength / 1e6).toFixed(0)} MB`);

const record = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 80 },
    email: { type: 'string', format: 'email' },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { enum: ['red', 'green', 'blue'] }, maxItems: 5 },
    notes: { type: 'string' },
  },
  required: ['name', 'email', 'age', 'tags', 'notes'],
  additionalProperties: false,
};
const text =
  '{"name": "Ada Lovelace of London", "email": "ada@example.org", "age": 36, "tags": ["red", "blue"], "notes": "She wrote, in the year 1843, what ' +
  'many call the first program; it was meant for a machine that was never built. \\"The engine weaves algebraic patterns.\\""}';
/** @type {[name: string, format: object, text: string][]} */
const cases = [
  ['JSON schema of a record', { type: 'json_schema', schema: record }, text],
  ['any JSON object', { type: 'json_object' }, text],
  ['expression (.|\\n)*', { type: 'regex', pattern: '(.|\\n)*' }, text],
  ['expression of a date', { type: 'regex', pattern: '\\d{4}-\\d{2}-\\d{2}' }, '2026-11-26'],
  ['grammar of sums', { type: 'grammar', grammar: 'start: NUMBER (" + " NUMBER)*\nNUMBER: /[1-9][0-9]*/' }, '1 + 22 + 333 + 4444'],
];
for (const [name, format, wanted] of cases) {
  const start = performance.now();
  const constraint = vocabulary.constrain(JSON.stringify(format));
  const compiled = performance.now() - start;
  const times = [];
  for (const id of tokenizer.encode(wanted, { bos: false, eos: false })) {
    const before = performance.now();
    const mask = constraint.mask();
    times.push(performance.now() - before);
    if (((mask[id >> 5] >>> (id & 31)) & 1) === 0) throw new Error(`${name}: ${id} is not allowed`);
    const after = performance.now();
    constraint.accept(id);
    times[times.length - 1] += performance.now() - after;
  }
  times.sort((a, b) => a - b);
  const [mean, median, most] = [times.reduce((sum, ms) => sum + ms, 0) / times.length, times[times.length >> 1], times.at(-1)];
  const share = ((100 * mean) / TOKEN).toFixed(1);
  console.log(`${name}: begun in ${compiled.toFixed(1)} ms; ${times.length} tokens, mean ${mean.toFixed(2)} ms (${share}% of a token), median ${median.toFixed(2)}, most ${most.toFixed(1)}`);
}
