// Where a model comes from: what the page can hand to the engine worker as it is, and what it must feed piece by piece.
import { BitNetError } from './error.js';
import { feed } from './feed.js';
import { resolveAddress } from './options.js';

/** @import { WireSource } from './protocol.js' */

/** @typedef {string | URL | Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array>} Source */

/** Bytes of one piece that is cut from an ArrayBuffer. */
const PIECE = 4 * 1024 * 1024;

/**
 * @typedef {object} Wired
 * @property {WireSource} wire
 * @property {Transferable[]} transfer
 * @property {() => void} release to be called when the load has ended, however it did: nothing stays open
 */

/**
 * @param {Source} source
 * @returns {Wired}
 */
export function wireSource(source) {
  if (typeof source === 'string' || source instanceof URL) {
    return { wire: { kind: 'url', url: address(source) }, transfer: [], release: () => {} };
  }
  if (source instanceof Blob) {
    const name = 'name' in source && typeof source.name === 'string' ? source.name : '';
    return { wire: { kind: 'blob', blob: source, name }, transfer: [], release: () => {} };
  }
  if (source instanceof ReadableStream) {
    if (source.locked) throw new BitNetError('invalid_argument', 'source: the ReadableStream is already being read.');
    return fed(source, undefined);
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    return fed(piecesOf(bytes), bytes.length);
  }
  throw new BitNetError(
    'invalid_argument',
    'source: expected an address, a File, a Blob, an ArrayBuffer or a ReadableStream of bytes.',
  );
}

/** @param {string | URL} source */
function address(source) {
  if (String(source).startsWith('hf:')) return String(source);
  try {
    return resolveAddress(source);
  } catch (cause) {
    throw new BitNetError('invalid_argument', `source: '${source}' is no valid address.`, { cause });
  }
}

/**
 * Neither a transferred buffer (its owner would lose it) nor a cloned one (twice the memory): copies of small pieces.
 * @param {Uint8Array} bytes
 * @returns {ReadableStream<Uint8Array>}
 */
function piecesOf(bytes) {
  let offset = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (offset >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(offset, offset + PIECE));
        offset += PIECE;
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @param {number | undefined} length
 * @returns {Wired}
 */
function fed(stream, length) {
  const { port, release } = feed(stream);
  return { wire: { kind: 'port', port, length }, transfer: [port], release };
}
