// The source of a model. The page hands addresses and Blobs to the engine worker as they are, and sends the bytes of all others.
import { BitNetError } from './error.js';
import { serveStream } from './byte-stream.js';
import { serveHeaders } from './headers.js';
import { resolveAddress } from './options.js';

/** @import { HeaderFunction, HeaderRecord } from './headers.js' */
/** @import { WireSource } from './protocol.js' */

/**
 * An address, or bytes. An array of Files is a folder in the manner of Hugging Face, with its `config.json`.
 * @typedef {string | URL | Response | Blob | readonly File[] | FileList | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array>} Source
 */

/** Bytes of one piece that is cut from an ArrayBuffer. */
const PIECE = 4 * 1024 * 1024;

/** The protocols that a `fetch` of the engine can use, besides the page's own. */
const PROTOCOLS = ['http:', 'https:'];

/**
 * @typedef {object} Wired
 * @property {WireSource} wire
 * @property {{ headersPort?: MessagePort }} [ports] by which the engine asks the page
 * @property {Transferable[]} transfer
 * @property {() => void} release to be called when the load has ended, however it did: nothing stays open
 */

/**
 * @param {Source} source
 * @param {{ signal?: AbortSignal, headers?: HeaderRecord | HeaderFunction }} [options]
 * @returns {Promise<Wired>}
 */
export async function wireSource(source, { signal, headers } = {}) {
  const wired = await wireBytes(source, signal);
  if (typeof headers !== 'function') return wired;
  const { port, release } = serveHeaders(headers);
  return {
    wire: wired.wire,
    ports: { headersPort: port },
    transfer: [...wired.transfer, port],
    release: () => {
      wired.release();
      release();
    },
  };
}

/**
 * @param {Source} source
 * @param {AbortSignal} [signal]
 * @returns {Wired | Promise<Wired>}
 */
function wireBytes(source, signal) {
  if (typeof source === 'string' || source instanceof URL) return addressed(source, signal);
  if (source instanceof Blob) return whole(source);
  if (Array.isArray(source) || (typeof FileList !== 'undefined' && source instanceof FileList)) return folder([...source]);
  if (source instanceof Response) return answered(source);
  if (source instanceof ReadableStream) {
    if (source.locked) throw invalid('the ReadableStream is already being read. Pass one that nobody reads.');
    return streamed(source, undefined);
  }
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    const bytes = bytesOf(source);
    return streamed(piecesOf(bytes), bytes.length);
  }
  throw invalid('expected an address, a File, a Blob, an array of Files, a Response, an ArrayBuffer or a ReadableStream of bytes.');
}

/**
 * Whether a source is the address of a file on a server, which may be kept and loaded again.
 * @param {Source} source
 */
export function isAddressed(source) {
  return (typeof source === 'string' || source instanceof URL) && !/^(blob|data):/i.test(String(source).trim());
}

/** @param {string} what @param {ErrorOptions} [more] */
function invalid(what, more) {
  return new BitNetError('invalid_argument', `source: ${what}`, more);
}

/**
 * @param {Blob} blob
 * @returns {Wired}
 */
function whole(blob) {
  const name = 'name' in blob && typeof blob.name === 'string' ? blob.name : '';
  return { wire: { kind: 'blob', blob, name }, transfer: [], release: () => {} };
}

/**
 * @param {unknown[]} files
 * @returns {Wired}
 */
function folder(files) {
  const root = rootOf(files);
  const named = files.map((file) => {
    if (file instanceof File) return { name: isWithin(file, root) ? file.webkitRelativePath.slice(root.length) : file.name, blob: file };
    throw invalid('an array must hold the Files of a folder: config.json, tokenizer.json, model.safetensors and what lies beside them.');
  });
  return { wire: { kind: 'files', files: named }, transfer: [], release: () => {} };
}

/**
 * Of Files that were chosen as a folder, the path of the one that has the model's config.json: other files of that name lie in
 * folders below it.
 * @param {unknown[]} files
 */
function rootOf(files) {
  const paths = files.map((file) => (file instanceof File ? file.webkitRelativePath : ''));
  const roots = paths.filter((path) => path.endsWith('/config.json')).map((path) => path.slice(0, -'config.json'.length));
  return roots.sort((a, b) => a.length - b.length)[0] ?? '';
}

/** @param {File} file @param {string} root */
const isWithin = (file, root) => root !== '' && file.webkitRelativePath.startsWith(root);

/** @param {string | URL} source @param {AbortSignal} [signal] @returns {Promise<Wired>} */
async function addressed(source, signal) {
  const url = checkAddress(source);
  // A blob: or data: address is no file of a server: the page reads it here, and it is not kept.
  if (!/^(blob|data):/i.test(url)) return { wire: { kind: 'url', url }, transfer: [], release: () => {} };
  try {
    return whole(await (await fetch(url, { signal })).blob());
  } catch (cause) {
    signal?.throwIfAborted();
    const shown = url.length > 60 ? `${url.slice(0, 60)}…` : url;
    throw new BitNetError('not_found', `source: '${shown}' cannot be read: it was revoked, is malformed, or the page's Content-Security-Policy does not allow it in connect-src.`, { cause });
  }
}

/**
 * Checks the address of a model, so that an address that can never be loaded is refused before anything starts.
 * @param {string | URL} source
 * @returns {string} absolute, or an `hf:` address as it is
 */
export function checkAddress(source) {
  const text = String(source).trim();
  if (text === '') throw invalid('the address is empty. Expected one like https://example.org/model.gguf.');
  if (/^hf:/i.test(text)) return `hf:${text.slice(3)}`;
  /** @type {URL} */
  let url;
  try {
    url = new URL(resolveAddress(text));
  } catch (cause) {
    throw invalid(`'${text}' is no valid address.`, { cause });
  }
  const { protocol, username, password } = url;
  if (username !== '' || password !== '') {
    Object.assign(url, { username: '', password: '' });
    throw invalid(
      `browsers send no request to an address with a user name or password in it. Use ${url.href} and ` +
        "headers: { Authorization: 'Basic …' }.",
    );
  }
  if (protocol === 'file:') {
    throw invalid('a page cannot read file: addresses. Pass the File from a file input or from drag and drop.');
  }
  const own = globalThis.location?.protocol;
  if (![...PROTOCOLS, 'blob:', 'data:', own].includes(protocol)) {
    throw invalid(`browsers cannot load from ${protocol} addresses. Expected http:, https:, hf:, blob: or data:.`);
  }
  return url.href;
}

/**
 * The body of an answer that the page has fetched.
 * @param {Response} response
 */
function answered(response) {
  const { status, type, url, body } = response;
  if (response.bodyUsed || body?.locked) {
    throw invalid('the body of the Response was read already, or is being read. Pass a fresh one, or a clone().');
  }
  if (type === 'opaque' || type === 'opaqueredirect' || type === 'error') {
    throw new BitNetError('network', `source: the Response is ${type}, so that its bytes cannot be read; fetch it with mode: 'cors'.`, { details: { status } });
  }
  if (!response.ok || status === 206) throw badStatus(status, url);
  if (body === null) throw invalid('the Response has no body.');
  // Content-Length is that of the encoded body, and only an answer of the page's own origin shows its encoding.
  const encoded = response.headers.get('content-encoding') ?? 'identity';
  const length = Number(response.headers.get('content-length') ?? NaN);
  return streamed(body, encoded === 'identity' && type === 'basic' && Number.isSafeInteger(length) ? length : undefined);
}

/**
 * @param {number} status
 * @param {string} url
 */
function badStatus(status, url) {
  /** @type {Record<number, import('./error.js').ErrorCode>} */
  const codes = { 401: 'unauthorized', 403: 'forbidden', 451: 'forbidden', 404: 'not_found', 410: 'not_found' };
  const what = status === 206 ? 'a part of the file alone (status 206)' : `status ${status}`;
  const from = url === '' ? '' : ` from ${url}`;
  return new BitNetError(codes[status] ?? 'network', `source: the Response${from} has ${what}; expected status 200 with the whole file.`, { details: { status } });
}

/**
 * @param {ArrayBuffer | ArrayBufferView} source
 * @returns {Uint8Array}
 */
function bytesOf(source) {
  // A detached buffer has no length, like an empty one; that no view of it can be made tells it apart everywhere.
  try {
    return ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
  } catch (cause) {
    throw invalid('the ArrayBuffer is detached: it was transferred elsewhere, for example to a worker, and its bytes with it.', { cause });
  }
}

/**
 * Neither a transferred buffer (its owner would lose it) nor a cloned one (twice the memory): copies of small pieces.
 * @param {Uint8Array} bytes
 * @returns {ReadableStream<Uint8Array>}
 */
function piecesOf(bytes) {
  const { length } = bytes;
  let offset = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (bytes.length < length) throw invalid('the ArrayBuffer was detached or shrunk while it was being loaded.');
        if (offset >= length) return controller.close();
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
function streamed(stream, length) {
  const { port, release } = serveStream(stream);
  return { wire: { kind: 'port', port, length }, transfer: [port], release };
}
