// Splits a GGUF file as llama.cpp's gguf-split does: every part is a GGUF file with a directory of its own; the first has
// all metadata, and each says which part of how many it is.

/** Bytes of a metadata value by its type id; strings (8) and arrays (9) have their own lengths. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

const ALIGNMENT = 32;

/** @param {number} n */
const padded = (n) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/** Reads a GGUF header from its start. */
class Reader {
  at = 4;

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }

  u32() {
    return this.bytes.readUInt32LE((this.at += 4) - 4);
  }

  u64() {
    return Number(this.bytes.readBigUInt64LE((this.at += 8) - 8));
  }

  string() {
    const length = this.u64();
    return this.bytes.toString('utf8', this.at, (this.at += length));
  }

  /** @param {number} type */
  skip(type) {
    if (type === 8) this.string();
    else if (type === 9) {
      const [inner, count] = [this.u32(), this.u64()];
      for (let i = 0; i < count; i++) this.skip(inner);
    } else this.at += SIZES[type];
  }
}

/** @param {number} value */
function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** @param {number} value */
function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** @param {string} text */
const string = (text) => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);

/**
 * @param {Buffer} file
 * @param {number} parts
 * @returns {Buffer[]}
 */
export function splitGguf(file, parts) {
  const reader = new Reader(file);
  const version = reader.u32();
  const [tensorCount, keyCount] = [reader.u64(), reader.u64()];
  const keysBegin = reader.at;
  for (let i = 0; i < keyCount; i++) {
    reader.string();
    reader.skip(reader.u32());
  }
  const keys = file.subarray(keysBegin, reader.at);
  const tensors = Array.from({ length: tensorCount }, () => {
    const name = reader.string();
    const dims = Array.from({ length: reader.u32() }, () => reader.u64());
    return { name, dims, type: reader.u32(), offset: reader.u64(), end: 0 };
  });
  const data = file.subarray(padded(reader.at));
  const byOffset = [...tensors].sort((a, b) => a.offset - b.offset);
  byOffset.forEach((tensor, i) => (tensor.end = byOffset[i + 1]?.offset ?? data.length));

  const each = Math.ceil(tensorCount / parts);
  return Array.from({ length: parts }, (_, part) => {
    const own = byOffset.slice(part * each, (part + 1) * each);
    const u16 = (/** @type {string} */ key, /** @type {number} */ value) =>
      Buffer.concat([string(key), u32(2), u32(value).subarray(0, 2)]);
    const split = [u16('split.no', part), u16('split.count', parts)];
    const head = [Buffer.from('GGUF'), u32(version), u64(own.length), u64(split.length + (part === 0 ? keyCount : 0))];
    const directory = [...head, ...(part === 0 ? [keys] : []), ...split];
    let offset = 0;
    for (const { name, dims, type, offset: begin, end } of own) {
      directory.push(string(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset));
      offset += padded(end - begin);
    }
    const front = Buffer.concat(directory);
    const bodies = own.map(({ offset: begin, end }) => {
      const body = Buffer.alloc(padded(end - begin));
      data.copy(body, 0, begin, end);
      return body;
    });
    return Buffer.concat([front, Buffer.alloc(padded(front.length) - front.length), ...bodies]);
  });
}
