// Where things lie in a GGUF file, for tests that take one apart or break it.

/** Bytes of a metadata value by its type id; strings (8) and arrays (9) have their own lengths. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

const ALIGNMENT = 32;

/** @param {number} n */
export const padded = (n) => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/**
 * @typedef {object} Tensor
 * @property {string} name
 * @property {number[]} dims
 * @property {number} type
 * @property {number} offset from the start of the data
 * @property {number} at where in the file its entry stands: its name's length
 */

/**
 * @typedef {object} Directory
 * @property {number} version
 * @property {Map<string, number>} values where in the file each key's value begins, behind its type
 * @property {number} keysBegin
 * @property {number} keysEnd
 * @property {Tensor[]} tensors
 * @property {number} dataBegin
 */

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

/**
 * @param {Buffer} file
 * @returns {Directory}
 */
export function readDirectory(file) {
  const reader = new Reader(file);
  const version = reader.u32();
  const [tensorCount, keyCount] = [reader.u64(), reader.u64()];
  const keysBegin = reader.at;
  /** @type {Map<string, number>} */
  const values = new Map();
  for (let i = 0; i < keyCount; i++) {
    const name = reader.string();
    const type = reader.u32();
    values.set(name, reader.at);
    reader.skip(type);
  }
  const keysEnd = reader.at;
  const tensors = Array.from({ length: tensorCount }, () => {
    const at = reader.at;
    const name = reader.string();
    const dims = Array.from({ length: reader.u32() }, () => reader.u64());
    return { name, dims, type: reader.u32(), offset: reader.u64(), at };
  });
  return { version, values, keysBegin, keysEnd, tensors, dataBegin: padded(reader.at) };
}
