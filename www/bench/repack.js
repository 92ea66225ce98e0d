/**
 * A copy of a model's file for wllama, which reads no I2_S: the same ternary weights in TQ2_0, and the name by which llama.cpp knows
 * the architecture. Both types hold 128 weights in 32 bytes, two bits each, I2_S from the upper bits down and TQ2_0 from the lower
 * ones up (ggml-common.h of llama.cpp, and bitnet.cpp's quantizer).
 */

const I2_S = 36;
const TQ2_0 = 35;
const ALIGNMENT = 32;
/** Weights and bytes of a block of TQ2_0: 64 bytes of weights and its scale in half precision. */
const BLOCK = 256;
const BLOCK_BYTES = 66;
/** A header is read in pieces that double. The first one is of so many bytes. */
const FIRST_READ = 1 << 20;
/** Blocks that are converted at a time. */
const BLOCKS_AT_ONCE = 1 << 16;

/** Bytes of the values that GGUF numbers 0 to 12; strings (8) and arrays (9) have lengths of their own. */
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const STRING = 8;
const ARRAY = 9;

/** Each byte with its four weights the other way round; the code that is none becomes 0, as everywhere. */
const TURNED = Uint8Array.from({ length: 256 }, (_, byte) =>
  [0, 2, 4, 6].reduce((turned, shift) => turned | (((byte >> shift) & 3) === 3 ? 1 : (byte >> shift) & 3) << (6 - shift), 0),
);

/** @typedef {{ name: string, dims: number[], type: number, offset: number }} Tensor */
/** @typedef {{ keys: { name: string, type: number, value: Uint8Array<ArrayBuffer> }[], tensors: Tensor[], dataBegin: number }} Header */

/**
 * @param {Blob} file
 * @returns {Promise<Blob>} the file itself, where nothing of it is in I2_S
 * @throws where it is no GGUF file, or has rows that TQ2_0 cannot hold
 */
export async function repacked(file) {
  const { keys, tensors, dataBegin } = await headerOf(file);
  if (!tensors.some(({ type }) => type === I2_S)) return file;
  const odd = tensors.find(({ type, dims }) => type === I2_S && dims[0] % BLOCK !== 0);
  if (odd) throw new Error(`${odd.name} has rows of ${odd.dims[0]} weights, TQ2_0 takes multiples of ${BLOCK}.`);
  const ends = endsOf(tensors, file.size - dataBegin);
  /** @type {(Blob | Uint8Array<ArrayBuffer>)[]} */
  const parts = [];
  const written = [];
  let offset = 0;
  for (const [i, tensor] of tensors.entries()) {
    const data = file.slice(dataBegin + tensor.offset, dataBegin + ends[i]);
    const isTernary = tensor.type === I2_S;
    const pieces = isTernary ? await ternary(data, tensor.dims.reduce((product, n) => product * n, 1)) : [data];
    const bytes = pieces.reduce((sum, { size }) => sum + size, 0);
    written.push({ ...tensor, type: isTernary ? TQ2_0 : tensor.type, offset });
    parts.push(...pieces, new Uint8Array(padding(bytes)));
    offset += bytes + padding(bytes);
  }
  const header = headerBytes(keys, written);
  return new Blob([header, new Uint8Array(padding(header.length)), ...parts]);
}

/** @param {number} bytes to the next multiple of the alignment */
function padding(bytes) {
  return (ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT;
}

/**
 * Where the data of each tensor ends, with what follows it up to the next one.
 * @param {Tensor[]} tensors
 * @param {number} size of all data
 */
function endsOf(tensors, size) {
  const begins = [...tensors.map(({ offset }) => offset), size].sort((a, b) => a - b);
  return tensors.map(({ offset }) => begins[begins.lastIndexOf(offset) + 1] ?? size);
}

/**
 * @param {Blob} data I2_S: two bits a weight, then the scale of all
 * @param {number} count weights
 * @returns {Promise<Blob[]>} TQ2_0
 */
async function ternary(data, count) {
  const bytes = count / 4;
  const scale = halfOf(new DataView(await data.slice(bytes, bytes + 4).arrayBuffer()).getFloat32(0, true));
  const pieces = [];
  for (let begin = 0; begin < bytes; begin += BLOCKS_AT_ONCE * 64) {
    const from = new Uint8Array(await data.slice(begin, Math.min(begin + BLOCKS_AT_ONCE * 64, bytes)).arrayBuffer());
    const to = new Uint8Array((from.length / 64) * BLOCK_BYTES);
    for (let block = 0; block * 64 < from.length; block++) {
      const at = block * BLOCK_BYTES;
      for (let i = 0; i < 64; i++) to[at + i] = TURNED[from[block * 64 + i]];
      to[at + 64] = scale & 255;
      to[at + 65] = scale >> 8;
    }
    // The browser may keep it elsewhere than in memory.
    pieces.push(new Blob([to]));
  }
  return pieces;
}

/**
 * The bits of the nearest number in half precision, of one that is normal there, as scales are.
 * @param {number} value
 */
function halfOf(value) {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const exponent = ((bits >> 23) & 255) - 112;
  if (exponent <= 0) return (bits >> 16) & 0x8000;
  if (exponent >= 31) return ((bits >> 16) & 0x8000) | 0x7c00;
  // A carry out of the fraction raises the exponent, which is right.
  return ((bits >> 16) & 0x8000) + (exponent << 10) + (((bits & 0x7fffff) + 0x1000) >> 13);
}

/** @param {Blob} file @returns {Promise<Header>} */
async function headerOf(file) {
  for (let bytes = FIRST_READ; ; bytes *= 2) {
    const piece = await file.slice(0, bytes).arrayBuffer();
    try {
      return parsed(new DataView(piece));
    } catch (error) {
      if (!(error instanceof RangeError) || piece.byteLength === file.size) throw error;
    }
  }
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @returns {Header}
 * @throws {RangeError} where it goes on behind the view
 */
function parsed(view) {
  let at = 0;
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const bytesOf = (/** @type {number} */ length) => {
    if (at + length > view.byteLength) throw new RangeError('behind the end');
    return new Uint8Array(view.buffer, (at += length) - length, length);
  };
  const text = () => new TextDecoder().decode(bytesOf(u64()));
  const skip = (/** @type {number} */ type) => {
    if (type === STRING) bytesOf(u64());
    else if (type === ARRAY) {
      const [inner, count] = [u32(), u64()];
      if (inner === STRING || inner === ARRAY) for (let i = 0; i < count; i++) skip(inner);
      else bytesOf(VALUE_BYTES[inner] * count);
    } else bytesOf(VALUE_BYTES[type]);
  };
  if (u32() !== 0x46554747) throw new Error('This is no GGUF file.');
  u32();
  const [tensorCount, keyCount] = [u64(), u64()];
  const keys = Array.from({ length: keyCount }, () => {
    const [name, type] = [text(), u32()];
    const begin = at;
    skip(type);
    return { name, type, value: new Uint8Array(view.buffer, begin, at - begin) };
  });
  const tensors = Array.from({ length: tensorCount }, () => {
    const name = text();
    const dims = Array.from({ length: u32() }, u64);
    return { name, dims, type: u32(), offset: u64() };
  });
  const alignment = keys.find(({ name }) => name === 'general.alignment');
  if (alignment && alignment.value[0] !== ALIGNMENT) throw new Error('This file has an alignment of its own.');
  return { keys, tensors, dataBegin: at + padding(at) };
}

/**
 * @param {Header['keys']} keys
 * @param {Tensor[]} tensors
 * @returns {Uint8Array<ArrayBuffer>}
 */
function headerBytes(keys, tensors) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const parts = [];
  const number = (/** @type {number} */ value, /** @type {4 | 8} */ bytes) => {
    const view = new DataView(new ArrayBuffer(bytes));
    if (bytes === 4) view.setUint32(0, value, true);
    else view.setBigUint64(0, BigInt(value), true);
    parts.push(new Uint8Array(view.buffer));
  };
  const text = (/** @type {string} */ value) => {
    const bytes = new TextEncoder().encode(value);
    number(bytes.length, 8);
    parts.push(bytes);
  };
  number(0x46554747, 4);
  number(3, 4);
  number(tensors.length, 8);
  number(keys.length, 8);
  for (const { name, type, value } of keys) {
    text(name.replace(/^bitnet-[\w.]+?\.(?=[a-z])/, 'bitnet.'));
    number(type, 4);
    if (name === 'general.architecture' && new TextDecoder().decode(value.subarray(8)).startsWith('bitnet')) text('bitnet');
    else parts.push(value);
  }
  for (const { name, dims, type, offset } of tensors) {
    text(name);
    number(dims.length, 4);
    for (const n of dims) number(n, 8);
    number(type, 4);
    number(offset, 8);
  }
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
