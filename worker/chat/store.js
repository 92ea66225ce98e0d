// Conversations in the browser's storage, in a database of their own.
import { BitNetError } from '../error.js';

/** @import { Message } from '../protocol.js' */

/**
 * A conversation as plain data.
 * @typedef {object} SavedChat
 * @property {1} version
 * @property {Record<string, unknown>} options those of `model.chat` that are plain data
 * @property {Message[]} messages
 * @property {number} first the first message behind the system prompt that is in the prompt
 */

/**
 * What is told of a saved conversation without reading it.
 * @typedef {object} SavedChatEntry
 * @property {string} id
 * @property {number} saved milliseconds since 1970
 * @property {number} bytes of keys and values that are kept with it
 */

/** @typedef {{ id: string, saved: number, chat: SavedChat, prefix?: Blob }} Row */

const DATABASE = 'bitnet-web-chats';
const VERSION = 1;
const STORE = 'chats';

/**
 * @param {string | undefined} id one of its own where there is none
 * @param {SavedChat} chat
 * @param {Blob} [prefix] the keys and values of its prompt
 * @returns {Promise<string>}
 */
export async function saveChat(id, chat, prefix) {
  const key = id ?? newId();
  /** @type {Row} */
  const row = { id: key, saved: Date.now(), chat };
  try {
    await withStore('readwrite', (store) => store.put(prefix === undefined ? row : { ...row, prefix }));
  } catch (error) {
    // What was said is small, and worth more than the time to read it again.
    if (prefix === undefined || !isFull(/** @type {Error} */ (error).cause)) throw error;
    await withStore('readwrite', (store) => store.put(row));
  }
  return key;
}

/**
 * @param {string} id
 * @returns {Promise<Row>}
 */
export async function loadChat(id) {
  const row = await withStore('readonly', (store) => store.get(id));
  if (row === undefined) throw new BitNetError('not_found', `No conversation is saved as '${id}'.`, { details: { id } });
  return row;
}

/** The conversations that the browser's storage keeps. */
export class SavedChats {
  /**
   * All of them, the last saved first.
   * @returns {Promise<SavedChatEntry[]>}
   */
  async list() {
    /** @type {Row[]} */
    const rows = await withStore('readonly', (store) => store.getAll());
    const entries = rows.map(({ id, saved, prefix }) => ({ id, saved, bytes: prefix?.size ?? 0 }));
    return entries.sort((a, b) => b.saved - a.saved);
  }

  /** @param {string} id @returns {Promise<void>} */
  async delete(id) {
    await withStore('readwrite', (store) => store.delete(id));
  }

  /** @returns {Promise<void>} */
  async clear() {
    await withStore('readwrite', (store) => store.clear());
  }
}

/** A random id, on pages without a secure context as well. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * One request in a transaction of its own, which has committed when the promise resolves.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>}
 */
async function withStore(mode, ask) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode);
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } catch (cause) {
    throw refused(cause);
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  if (!('indexedDB' in globalThis)) {
    return Promise.reject(new BitNetError('unsupported', 'Conversations are kept in IndexedDB, and here there is none: call this in a browser.'));
  }
  return new Promise((resolve, reject) => {
    const fail = (/** @type {unknown} */ cause) => reject(refused(cause));
    try {
      const request = indexedDB.open(DATABASE, VERSION);
      request.onupgradeneeded = () => {
        if (!request.result.objectStoreNames.contains(STORE)) request.result.createObjectStore(STORE, { keyPath: 'id' });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => fail(request.error);
    } catch (cause) {
      fail(cause); // a frame that may not use it
    }
  });
}

/** @param {unknown} cause */
function isFull(cause) {
  return cause instanceof DOMException && cause.name === 'QuotaExceededError';
}

/** @param {unknown} cause */
function refused(cause) {
  if (cause instanceof BitNetError) return cause;
  const message = isFull(cause)
    ? "The conversation was not saved: the browser's storage is full. Delete models or conversations (BitNet.cache, BitNet.chats)."
    : `The browser's storage of conversations failed: ${cause}`;
  return new BitNetError('storage', message, { cause });
}
