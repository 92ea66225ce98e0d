/**
 * What a model remembers of conversations (keys and values), kept on this device, so that one that is opened again goes on without
 * being read again. Only as much as a bound allows: the longest unused goes first. Losing it costs time, nothing else.
 */

/** @typedef {import('./api.js').Model} Model */
/** @typedef {{ id: string, model: string, bytes: Blob, size: number, used: number }} Kept `id` of the conversation */
/** @typedef {Omit<Kept, 'bytes'>} Entry */

const NAME = 'bitnet-web.prefixes';
/** Bytes of all conversations together. */
const MOST_BYTES = 512e6;
/** Below so many tokens reading again takes no time worth storing anything for. */
const LEAST_TOKENS = 64;
/** After an answer so long is waited, milliseconds, and longer for what is large: at most so many bytes a second are written. */
const PAUSE = 3000;
const BYTES_PER_SECOND = 2e6;

/**
 * @typedef {object} Sources
 * @property {() => Model | null} model
 * @property {() => string} modelName
 * @property {import('./chat.js').Chat} chat
 */

export class KeptPrefixes {
  #timer = 0;
  /** Sizes that were last written, by conversation. @type {Map<string, number>} */
  #sizes = new Map();
  /** Conversations that were deleted: what is under way of them is not kept. @type {Set<string>} */
  #gone = new Set();
  /** What is taken back, or was, for the model in use. @type {WeakMap<Model, Map<string, Promise<void>>>} */
  #taken = new WeakMap();

  /** @param {Sources} sources */
  constructor(sources) {
    this.sources = sources;
  }

  /** An answer has ended: its conversation is kept in a while. */
  schedule() {
    clearTimeout(this.#timer);
    const { id } = this.sources.chat.conversation.head;
    this.#gone.delete(id);
    const size = this.#sizes.get(id) ?? 0;
    this.#timer = window.setTimeout(() => void this.keep(), Math.max(PAUSE, (1000 * size) / BYTES_PER_SECOND));
  }

  /** Keeps the open conversation now, where something of it has changed. */
  async keep() {
    clearTimeout(this.#timer);
    if (this.#timer === 0) return;
    this.#timer = 0;
    const { chat } = this.sources;
    const model = this.sources.model();
    const { conversation } = chat;
    const last = chat.turns.at(-1);
    if (!model || conversation.isTemporary || chat.isRunning || last?.role !== 'assistant' || !last.content) return;
    const tokens = (last.stats?.promptTokens ?? 0) + (last.stats?.completionTokens ?? 0);
    if (tokens < LEAST_TOKENS) return;
    const { id } = conversation.head;
    const messages = [...(await chat.messagesBefore(model, last)), { role: 'assistant', content: last.content }];
    try {
      const { exportPrefix } = await import('../dist/prefix.js');
      const bytes = new Blob([/** @type {BlobPart} */ (await exportPrefix(model, messages, { continueFinalMessage: true }))]);
      this.#sizes.set(id, bytes.size);
      if (bytes.size > MOST_BYTES) return;
      await makeRoom(bytes.size, id);
      if (this.#gone.has(id)) return;
      await transact('readwrite', (store) => store.put({ id, model: this.#key(model), bytes, size: bytes.size, used: Date.now() }));
    } catch {
      // The model is gone, or there is no room: then it will be read again.
    }
  }

  /** @param {string} id of a conversation that is deleted */
  async forget(id) {
    this.#gone.add(id);
    await forgetPrefix(id);
  }

  /**
   * Gives a model back what it had computed of a conversation. Never rejects; asked again it waits for the same.
   * @param {Model} model
   * @param {string} id
   * @returns {Promise<void>}
   */
  takeBack(model, id) {
    let taken = this.#taken.get(model);
    if (!taken) this.#taken.set(model, (taken = new Map()));
    let done = taken.get(id);
    if (!done) taken.set(id, (done = this.#takeBack(model, id)));
    return done;
  }

  /** @param {Model} model @param {string} id */
  async #takeBack(model, id) {
    try {
      const kept = /** @type {Kept | undefined} */ (await transact('readonly', (store) => store.get(id)));
      if (kept?.model !== this.#key(model)) return;
      this.#sizes.set(id, kept.size);
      const { importPrefix } = await import('../dist/prefix.js');
      await importPrefix(model, new Uint8Array(await kept.bytes.arrayBuffer()));
      await transact('readwrite', (store) => store.put({ ...kept, used: Date.now() }));
    } catch {
      await forgetPrefix(id); // another version of the engine wrote it, or it is damaged
    }
  }

  /** A model that is loaded in another way computes other keys and values. @param {Model} model */
  #key({ info: { bytes, precision, architecture } }) {
    return [this.sources.modelName(), architecture, bytes, precision].join(' ');
  }
}

/** @param {string} id of a conversation */
async function forgetPrefix(id) {
  await transact('readwrite', (store) => store.delete(id)).catch(() => {});
}

/** @returns {Promise<void>} */
export async function forgetAllPrefixes() {
  await transact('readwrite', (store) => store.clear()).catch(() => {});
}

/** Bytes of all that is kept. */
export async function prefixBytes() {
  const entries = await list().catch(() => []);
  return entries.reduce((sum, { size }) => sum + size, 0);
}

/**
 * Deletes what was not used for the longest time.
 * @param {number} bytes that are to be added
 * @param {string} id whose old ones are replaced
 */
async function makeRoom(bytes, id) {
  for (const gone of tooMuch(await list(), bytes, id)) await forgetPrefix(gone);
}

/**
 * @param {readonly Entry[]} entries
 * @param {number} bytes that are to be added
 * @param {string} id whose old ones are replaced
 * @param {number} [most]
 * @returns {string[]} ids that have to go
 */
export function tooMuch(entries, bytes, id, most = MOST_BYTES) {
  const others = entries.filter((entry) => entry.id !== id).sort((a, b) => a.used - b.used);
  let sum = others.reduce((all, { size }) => all + size, bytes);
  const gone = [];
  for (const entry of others) {
    if (sum <= most) break;
    sum -= entry.size;
    gone.push(entry.id);
  }
  return gone;
}

/** What is kept, without the bytes, which stay in the browser's storage. @returns {Promise<Entry[]>} */
async function list() {
  const all = /** @type {Kept[]} */ (await transact('readonly', (store) => store.getAll()));
  return all.map(({ id, model, size, used }) => ({ id, model, size, used }));
}

/**
 * One request in a transaction of its own.
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} ask
 * @returns {Promise<any>}
 */
async function transact(mode, ask) {
  const database = await new Promise((/** @type {(database: IDBDatabase) => void} */ resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore('prefixes', { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction('prefixes', mode);
      const request = ask(transaction.objectStore('prefixes'));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error('The browser did not store what the model remembers.'));
    });
  } finally {
    database.close();
  }
}
