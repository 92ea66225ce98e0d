// Files that are broken in one place each: every one is told by its code and a sentence, leaves nothing in the browser's
// storage, and the page goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { padded, readDirectory } from './gguf.mjs';
import { assertLoaded, hostile, model, Tab } from './loading.mjs';

const directory = readDirectory(model);
const [Q4_0, IQ2_XXS, I2_S, TL1, MXFP4] = [2, 16, 36, 38, 39];

/** @param {string} name */
function value(name) {
  const at = directory.values.get(name);
  assert.ok(at !== undefined, `the model has no ${name}`);
  return at;
}

/** @param {string} name */
function entry(name) {
  const tensor = directory.tensors.find((tensor) => tensor.name === name);
  assert.ok(tensor, `the model has no ${name}`);
  /** Where its dimensions begin. */
  const dims = tensor.at + 8 + Buffer.byteLength(name) + 4;
  return { ...tensor, dimsAt: dims, typeAt: dims + 8 * tensor.dims.length, offsetAt: dims + 8 * tensor.dims.length + 4 };
}

/** A copy with one change. @param {(bytes: Buffer) => void} change */
function broken(change) {
  const bytes = Buffer.from(model);
  change(bytes);
  return bytes;
}

/** @param {number} at @param {number | bigint} to */
const u32 = (at, to) => broken((bytes) => bytes.writeUInt32LE(Number(to), at));
/** @param {number} at @param {bigint} to */
const u64 = (at, to) => broken((bytes) => bytes.writeBigUInt64LE(to, at));
/** @param {number} at @param {string} to */
const text = (at, to) => broken((bytes) => bytes.write(to, at));

const query = entry('blk.0.attn_q.weight');
assert.equal(query.type, I2_S);
const weights = query.dims.reduce((product, dim) => product * dim);
const scaleAt = directory.dataBegin + query.offset + weights / 4;
const prefix = 'bitnet-b1.58';

/** Makes a vector all of one number. @param {Buffer} bytes @param {string} name @param {number} value */
function fill(bytes, name, value) {
  const { offset, dims } = entry(name);
  for (let i = 0; i < dims[0]; i++) bytes.writeFloatLE(value, directory.dataBegin + offset + 4 * i);
}

/** @type {[name: string, bytes: Buffer, code: string, words: RegExp][]} */
const FILES = [
  ['an empty file', Buffer.alloc(0), 'invalid_gguf', /an empty file/],
  ['another magic', text(0, 'GGML'), 'invalid_gguf', /GGUF/],
  ['version 1', u32(4, 1), 'unsupported', /found 1/],
  ['a version of the other byte order', u32(4, 0x03000000), 'invalid_gguf', /big-endian/],
  ['a damaged version', u32(4, 3435939462), 'invalid_gguf', /3435939462.*damaged/],
  ['2^60 tensors', u64(8, 1n << 60n), 'invalid_gguf', /tensors/],
  ['2^60 keys', u64(16, 1n << 60n), 'invalid_gguf', /keys|metadata/],
  ['a key of 2^62 bytes', u64(24, 1n << 62n), 'invalid_gguf', /bytes/],
  ['a list of 2^61 tokens', u64(value('tokenizer.ggml.tokens') + 4, 1n << 61n), 'invalid_gguf', /array|elements|items|tokens/],
  ['an unknown value type', u32(value('tokenizer.ggml.tokens') - 4, 77), 'invalid_gguf', /type 77/],
  ['another architecture', text(value('general.architecture') + 8, 'banana-b1.58'), 'unsupported', /banana-b1\.58/],
  ['no layers', u32(value(`${prefix}.block_count`), 0), 'invalid_model', /block_count is 0/],
  ['more layers than tensors', u32(value(`${prefix}.block_count`), 1000), 'invalid_model', /blk\.\d+\./],
  ['four billion layers', u32(value(`${prefix}.block_count`), 0xffffffff), 'invalid_model', /block_count is 4294967295/],
  ['another width', u32(value(`${prefix}.embedding_length`), 384), 'invalid_model', /expected|384/],
  ['no heads', u32(value(`${prefix}.attention.head_count`), 0), 'invalid_model', /head_count is 0/],
  ['a matrix of another shape', u64(query.dimsAt, 256n), 'invalid_model', /blk\.0\.attn_q\.weight/],
  ['a dimension of 2^62', u64(query.dimsAt, 1n << 62n), 'invalid_gguf', /blk\.0\.attn_q\.weight/],
  ['a type for other programs', u32(query.typeAt, IQ2_XXS), 'unsupported', /blk\.0\.attn_q\.weight.*IQ2_XXS/],
  ['a type that takes more bytes than there are', u32(query.typeAt, Q4_0), 'invalid_model', /blk\.0\.attn_q\.weight.*overlap/],
  ['a type without its tile sizes', u32(query.typeAt, TL1), 'unsupported', /TL1/],
  ['type 39, which two programs give two meanings', u32(query.typeAt, MXFP4), 'unsupported', /39|MXFP4|TL2/],
  ['a type that nobody knows', u32(query.typeAt, 9999), 'unsupported', /9999/],
  ['a tensor beyond the end', u64(query.offsetAt, 1n << 40n), 'truncated', /ends|bytes/],
  ['a tensor on a crooked place', u64(query.offsetAt, BigInt(query.offset + 1)), 'invalid_gguf', /align|multiple/],
  ['a scale that is no number', u32(scaleAt, 0x7fc00000), 'invalid_model', /blk\.0\.attn_q\.weight/],
  ['a scale of 1e38', broken((bytes) => bytes.writeFloatLE(1e38, scaleAt)), 'invalid_model', /blk\.0\.attn_q\.weight/],
  ['norms that overflow together', broken((bytes) => fill(bytes, 'output_norm.weight', 3e38)), 'invalid_model', /no finite numbers/],
  ['an infinite scale', u32(scaleAt, 0x7f800000), 'invalid_model', /blk\.0\.attn_q\.weight/],
];

test('every broken file is told by its code and a sentence, and leaves nothing behind', { timeout: 300_000 }, async (t) => {
  const tab = await Tab.open();
  let count = 0;
  /** @param {Buffer} bytes */
  const load = (bytes) => tab.load(hostile.host(`/bad/${++count}.gguf`, { bytes, cors: true, expose: '*' }));
  try {
    for (const [name, bytes, code, words] of FILES) {
      await t.test(name, async () => {
        const { error } = await load(bytes);
        assert.equal(error?.code, code, error?.message);
        assert.match(error?.message ?? '', words);
        assert.deepEqual(await tab.kept(), []);
      });
    }
    await t.test('cut off anywhere', async () => {
      const { keysEnd, dataBegin } = directory;
      const places = [1, 3, 4, 7, 8, 23, 24, 31, 100, keysEnd - 1, keysEnd, keysEnd + 9, dataBegin - 1, dataBegin, dataBegin + 1];
      for (const length of [...places, model.length >> 1, model.length - 4000]) {
        const { error } = await load(model.subarray(0, length));
        // A file that is shorter than the magic number is of no known format.
        assert.equal(error?.code, length < 4 ? 'invalid_gguf' : 'truncated', `${length} bytes: ${error?.message}`);
        assert.match(error?.message ?? '', length < 4 ? /begins with/ : /\d+ bytes/);
        assert.deepEqual(await tab.kept(), [], `${length} bytes`);
      }
    });
    assertLoaded(await load(model));
  } finally {
    await tab.close();
  }
});

test('metadata that says nothing, or is for others, changes nothing', { timeout: 120_000 }, async () => {
  const tab = await Tab.open();
  const key = (/** @type {string} */ name, /** @type {Buffer} */ value) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(name)));
    return Buffer.concat([length, Buffer.from(name), value]);
  };
  const id = (/** @type {number} */ value) => Buffer.from(Uint32Array.of(4, value).buffer);
  const odd = [
    key('general.description', Buffer.from([8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe])),
    key('foreign.nested', Buffer.from([9, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7])),
    key('tokenizer.ggml.eom_token_id', id(0xffffffff)),
    key('tokenizer.ggml.mask_token_id', id(320)),
    key(`${prefix}.rope.scaling.factor`, Buffer.concat([Buffer.from([6, 0, 0, 0]), Buffer.from(Float32Array.of(1).buffer)])),
  ];
  try {
    const { keysBegin, keysEnd, dataBegin } = directory;
    const counted = Buffer.from(model.subarray(0, keysBegin));
    counted.writeBigUInt64LE(counted.readBigUInt64LE(16) + BigInt(odd.length), 16);
    const end = directory.tensors.at(-1);
    assert.ok(end);
    const tensorsEnd = end.at + 8 + Buffer.byteLength(end.name) + 4 + 8 * end.dims.length + 4 + 8;
    const header = Buffer.concat([counted, ...odd, model.subarray(keysBegin, keysEnd), model.subarray(keysEnd, tensorsEnd)]);
    const padding = Buffer.alloc(padded(header.length) - header.length);
    const bytes = Buffer.concat([header, padding, model.subarray(dataBegin)]);
    assertLoaded(await tab.load(hostile.host('/odd.gguf', { bytes, cors: true, expose: '*' })));
  } finally {
    await tab.close();
  }
});

test('a hostile chat template ends in an error, and the model goes on', { timeout: 120_000 }, async () => {
  const tab = await Tab.open();
  try {
    const url = hostile.host('/bad/template.gguf', { bytes: model, cors: true, expose: '*' });
    const templates = [
      '{% for i in range(99999) %}{% for j in range(99999) %}{% set x = i * j %}{% endfor %}{% endfor %}',
      "{% for i in range(90) %}{{ 'x' * 999999 }}{% endfor %}",
      '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}',
      '{{ messages[0].nothing.at.all }}',
    ];
    const outcomes = await tab.page.evaluate(
      async ([url, templates]) => {
        const outcomes = [];
        for (const chatTemplate of templates) {
          const model = await lib.BitNet.load(url, { threads: 1, kernel: 'mad', chatTemplate });
          const asked = model.complete([{ role: 'user', content: 'Hi' }], { maxTokens: 2 });
          const error = await asked.then(() => undefined, (error) => error);
          const raw = await model.complete('Hi', { maxTokens: 2, temperature: 0 });
          outcomes.push({ code: error?.code, message: error?.message ?? '', tokens: raw.usage.completionTokens });
          await model.unload();
        }
        return outcomes;
      },
      /** @type {[string, string[]]} */ ([url, templates]),
    );
    assert.deepEqual(outcomes.map(({ code, tokens }) => [code, tokens]), templates.map(() => ['chat_template', 2]));
    assert.match(outcomes[0].message, /does not end within [0-9]+ steps/);
    assert.match(outcomes[1].message, /writes more than \d+ characters/);
  } finally {
    await tab.close();
  }
});
