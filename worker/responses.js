// The response cache: answers that would be the same again, in a database of their own. What it cannot do it leaves undone: a storage
// that fails costs the time of an answer, never the answer.
import { BitNetError } from './error.js';

/** @import { GenerationResult, Methods, Token, WireGenerateOptions } from './protocol.js' */
/** @import { GenerateOptions } from './schema.js' */
/** @import { Engine } from './local-engine.js' */
/** @import { CallEvent } from './worker-group.js' */

/**
 * The bounds of the response cache, of all models together.
 * @typedef {object} ResponseCacheOptions
 * @property {number | undefined} [maxBytes] 16 MiB by default
 * @property {number | undefined} [maxEntries] answers; 1000 by default
 */

/**
 * What is kept.
 * @typedef {object} ResponseCacheUsage
 * @property {number} entries answers
 * @property {number} bytes
 */

/** @typedef {{ tokens: Token[], result: GenerationResult }} KeptResponse An answer as the engine told it. */

/** @typedef {{ key: string, used: number, bytes: number }} Entry `used`: milliseconds since 1970, with fractions. */

const DATABASE = 'bitnet-web-responses';
const VERSION = 1;
const ENTRIES = 'entries';
const ANSWERS = 'answers';

const MAX_BYTES = 16 << 20;
const MAX_ENTRIES = 1000;
/** How long the storage may take to find an answer, in milliseconds. */
const PATIENCE = 1000;

/** A part of every key: answers that were kept before the engine came to say something else are not told any more. */
const EDITION = 1;

/**
 * The options on which an answer depends, as text; undefined where it is another one each time.
 * @param {WireGenerateOptions} wire
 * @param {GenerateOptions} options as the caller gave them
 */
export function repeatable(wire, { temperature = 0, seed, timeParts, responseCache }) {
  if (responseCache === false || timeParts || (temperature !== 0 && seed === undefined)) return undefined;
  const { chat, priority, timeout, waited, speculative, timeParts: _, waitsForRoom, seed: drawn, ...rest } = wire;
  return JSON.stringify({ edition: EDITION, ...rest, ...(temperature !== 0 && { seed: drawn }) });
}

/** The answers that are kept, for one model. */
export class ResponseCache {
  #maxBytes;
  #maxEntries;

  /** @param {ResponseCacheOptions} [options] already checked */
  constructor({ maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES } = {}) {
    this.#maxBytes = maxBytes;
    this.#maxEntries = maxEntries;
  }

  /**
   * The engine's answer, or the kept one of a call like this, with the same events.
   * @param {Pick<Engine, 'call'>} engine
   * @param {Methods['generate']['args']} args
   * @param {string} options the text that {@link repeatable} gave
   * @param {{ signal: AbortSignal, stop: AbortSignal, onEvent: (event: CallEvent) => void, onRecalled: () => void }} more `onRecalled` is
   *   called before the events of a kept answer
   * @returns {Promise<GenerationResult>}
   */
  async answer(engine, args, options, { signal, stop, onEvent, onRecalled }) {
    const began = performance.now();
    const { prompt, options: { chat = {} } } = args;
    // What is wrong with the prompt, the generation itself tells.
    const key = await engine.call('responseKey', { prompt, chat, options }, { signal }).catch(() => undefined);
    const kept = key && (await this.find(key));
    signal.throwIfAborted();
    if (kept) {
      onRecalled();
      replay(kept, onEvent);
      return recalled(kept, performance.now() - began);
    }
    /** @type {Token[]} */
    const tokens = [];
    const result = await engine.call('generate', args, {
      signal,
      stop,
      onEvent: (event) => {
        if (event.type === 'token') tokens.push(event.token);
        onEvent(event);
      },
    });
    if (key && !stop.aborted) void this.keep(key, { tokens, result }).catch(() => {}); // the storage may be full, or forbidden
    return result;
  }

  /**
   * @param {string} key
   * @returns {Promise<KeptResponse | undefined>}
   */
  async find(key) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)));
    const bytes = await Promise.race([read(key).catch(() => {}), late]);
    clearTimeout(timer);
    if (!(bytes instanceof Uint8Array)) return undefined;
    touch(key).catch(() => {});
    try {
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return undefined;
    }
  }

  /**
   * Keeps an answer, and drops those that were not used for the longest time until all fit.
   * @param {string} key
   * @param {KeptResponse} response
   */
  async keep(key, response) {
    const bytes = new TextEncoder().encode(JSON.stringify(response));
    if (bytes.length > this.#maxBytes) return;
    await transact('readwrite', (entries, answers) => {
      entries.put(/** @type {Entry} */ ({ key, used: now(), bytes: bytes.length }));
      answers.put(bytes, key);
      const request = entries.getAll();
      request.onsuccess = () => {
        /** @type {Entry[]} */
        const kept = request.result.sort((a, b) => b.used - a.used);
        let left = this.#maxBytes;
        kept.forEach((entry, index) => {
          left -= entry.bytes;
          if (left >= 0 && index < this.#maxEntries) return;
          entries.delete(entry.key);
          answers.delete(entry.key);
        });
      };
    });
  }
}

/**
 * The answers that the browser's storage keeps.
 * @hideconstructor
 */
export class Responses {
  /** @returns {Promise<ResponseCacheUsage>} */
  async usage() {
    /** @type {IDBRequest<Entry[]> | undefined} */
    let request;
    await transact('readonly', (entries) => void (request = entries.getAll())).catch(storage);
    const all = request?.result ?? [];
    return { entries: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Forgets all of them. @returns {Promise<void>} */
  async clear() {
    await transact('readwrite', (entries, answers) => {
      entries.clear();
      answers.clear();
    }).catch(storage);
  }
}

/**
 * @param {KeptResponse} response
 * @param {(event: CallEvent) => void} tell
 */
function replay({ tokens, result }, tell) {
  const { promptTokens } = result.usage;
  tell({ type: 'begun', id: 0, cached: promptTokens });
  tell({ type: 'prefill', id: 0, prefill: { done: promptTokens, total: promptTokens, cached: promptTokens } });
  for (const token of tokens) tell({ type: 'token', id: 0, token, turn: { place: 0, tokens: 1 } });
}

/**
 * The result of a kept answer: the words are those of then, the times those of now.
 * @param {KeptResponse} response
 * @param {number} ms that it took to find it
 * @returns {GenerationResult}
 */
function recalled({ result }, ms) {
  const { promptTokens, completionTokens } = result.usage;
  const usage = { promptTokens, cachedTokens: promptTokens, completionTokens };
  const { threads } = result.timings;
  const timings = { queueMs: 0, prefillMs: ms, decodeMs: 0, firstTokenMs: ms, totalMs: ms, threads, prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 };
  return { ...result, usage, timings, fromCache: true };
}

/** Milliseconds since 1970, finer than Date.now() where the browser allows it. */
function now() {
  return performance.timeOrigin + performance.now();
}

/**
 * @param {string} key
 * @returns {Promise<unknown>}
 */
async function read(key) {
  /** @type {IDBRequest | undefined} */
  let request;
  await transact('readonly', (_, answers) => void (request = answers.get(key)));
  return request?.result;
}

/** Notes that an answer was used. @param {string} key */
async function touch(key) {
  await transact('readwrite', (entries) => {
    const request = entries.get(key);
    request.onsuccess = () => void (request.result && entries.put({ ...request.result, used: now() }));
  });
}

/**
 * One transaction, which has committed when the promise resolves.
 * @param {IDBTransactionMode} mode
 * @param {(entries: IDBObjectStore, answers: IDBObjectStore) => void} work
 * @returns {Promise<void>}
 */
async function transact(mode, work) {
  const database = await open();
  try {
    await new Promise((resolve, reject) => {
      const transaction = database.transaction([ENTRIES, ANSWERS], mode);
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => reject(transaction.error);
      work(transaction.objectStore(ENTRIES), transaction.objectStore(ANSWERS));
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  if (!('indexedDB' in globalThis)) {
    return Promise.reject(new BitNetError('unsupported', 'Answers are kept in IndexedDB, and here there is none: call this in a browser.'));
  }
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(ENTRIES, { keyPath: 'key' });
      request.result.createObjectStore(ANSWERS);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {unknown} cause @returns {never} */
function storage(cause) {
  if (cause instanceof BitNetError) throw cause;
  throw new BitNetError('storage', `The browser's storage of answers failed: ${cause}`, { cause });
}
