// Splits a GGUF file as llama.cpp's gguf-split does: every part is a GGUF file with a directory of its own; the first has
// all metadata, and each says which part of how many it is.

import { padded, readDirectory } from './gguf.mjs';

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
  const { version, values, keysBegin, keysEnd, tensors: found, dataBegin } = readDirectory(file);
  const keys = file.subarray(keysBegin, keysEnd);
  const tensors = found.map((tensor) => ({ ...tensor, end: 0 }));
  const data = file.subarray(dataBegin);
  const byOffset = [...tensors].sort((a, b) => a.offset - b.offset);
  byOffset.forEach((tensor, i) => (tensor.end = byOffset[i + 1]?.offset ?? data.length));

  const each = Math.ceil(tensors.length / parts);
  return Array.from({ length: parts }, (_, part) => {
    const own = byOffset.slice(part * each, (part + 1) * each);
    const u16 = (/** @type {string} */ key, /** @type {number} */ value) =>
      Buffer.concat([string(key), u32(2), u32(value).subarray(0, 2)]);
    const split = [u16('split.no', part), u16('split.count', parts)];
    const head = [Buffer.from('GGUF'), u32(version), u64(own.length), u64(split.length + (part === 0 ? values.size : 0))];
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
