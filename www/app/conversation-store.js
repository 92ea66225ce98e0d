/**
 * Conversations in IndexedDB. A turn is a record of its own, so two tabs that write at once lose nothing of each other; what is
 * changed of a conversation's head is read and written in one transaction. Other tabs are told over a channel.
 */
import { Conversation, messagesOf, MOST_TITLE } from './conversation.js';
import { bytes } from './format.js';

/** @typedef {import('./conversation.js').Head} Head */
/** @typedef {import('./conversation.js').Turn} Turn */
/** @typedef {{ head: Head, turns: Turn[] }} Stored */

const NAME = 'bitnet-web.conversations';
const VERSION = 1;
/** Marks an exported file. */
const FORMAT = 'bitnet-web.conversations.1';
/** Bytes of an exported file at most: a text of more is longer than a string may be in some browsers once it is parsed. */
const MOST_BYTES = 200e6;

/** What speaks against a file that is to be imported: a text of the interface, and what stands in it. */
export class ImportError extends Error {
  /** @param {string} key of the text @param {Record<string, string | number>} [values] */
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}

export class ConversationStore {
  /** @type {Promise<IDBDatabase> | null} */
  #database = null;
  #channel = 'BroadcastChannel' in self ? new BroadcastChannel(NAME) : null;

  /** @param {(id: string) => void} onChange told of a conversation that another tab has changed */
  constructor(onChange) {
    this.#channel?.addEventListener('message', ({ data }) => onChange(String(data)));
  }

  /** The heads of all, the newest first. @returns {Promise<Head[]>} */
  async heads() {
    const heads = /** @type {Head[]} */ (await this.#read('heads', (store) => store.getAll()));
    return heads.sort((a, b) => b.updated - a.updated);
  }

  /** @param {string} id @returns {Promise<Conversation | null>} */
  async open(id) {
    const stored = await this.#stored(id);
    if (!stored) return null;
    const conversation = new Conversation(stored.head);
    for (const turn of stored.turns) conversation.turns.set(turn.id, turn);
    return conversation;
  }

  /**
   * Writes turns, and what `change` makes of the head as it is stored now.
   * @param {Head} head as this tab knows it
   * @param {readonly Turn[]} turns
   * @param {(stored: Head) => Head} [change]
   * @param {Iterable<Turn>} [all] of the conversation: written where none of it is stored, because another tab has deleted it
   */
  async write(head, turns, change = (stored) => stored, all = turns) {
    await this.#write(async (heads, store) => {
      const stored = /** @type {Head | undefined} */ (await done(heads.get(head.id)));
      const changed = change(stored ?? head);
      heads.put({ ...changed, title: changed.title || head.title, updated: turns.length ? Date.now() : changed.updated });
      for (const turn of stored ? turns : all) store.put(turn);
    });
    this.#channel?.postMessage(head.id);
  }

  /**
   * @param {string} id
   * @returns {Promise<Stored | null>} what is gone, for `restore`
   */
  async remove(id) {
    const stored = await this.#stored(id);
    if (!stored) return null;
    await this.#write(async (heads, turns) => {
      heads.delete(id);
      for (const turn of stored.turns) turns.delete(turn.id);
    });
    this.#channel?.postMessage(id);
    return stored;
  }

  /** @param {readonly string[]} ids of turns that go */
  async forget(ids) {
    await this.#write(async (_, turns) => {
      for (const id of ids) turns.delete(id);
    });
  }

  /** @param {readonly Stored[]} all conversations that were removed, or come from a file */
  async restore(all) {
    await this.#write(async (heads, store) => {
      for (const { head, turns } of all) {
        heads.put(head);
        for (const turn of turns) store.put(turn);
      }
    });
    for (const { head } of all) this.#channel?.postMessage(head.id);
  }

  /** @param {string} wanted text in titles and turns @returns {Promise<Set<string>>} ids of the conversations that hold it */
  async search(wanted) {
    const text = wanted.toLocaleLowerCase();
    const found = new Set();
    for (const head of await this.heads()) if (head.title.toLocaleLowerCase().includes(text)) found.add(head.id);
    for (const turn of await this.#read('turns', (store) => store.getAll()))
      if (turn.content.toLocaleLowerCase().includes(text)) found.add(turn.conversation);
    return found;
  }

  /** Everything, as the text of a file. */
  async exportAll() {
    const heads = await this.heads();
    const stored = await Promise.all(heads.map(({ id }) => this.#stored(id)));
    return JSON.stringify({ format: FORMAT, conversations: stored.filter(Boolean) }, null, 1);
  }

  /**
   * Imports an exported file, all of it or nothing. A conversation that is here already gets the turns that it lacks; nothing is
   * overwritten.
   * @param {Blob} file
   * @returns {Promise<number>} conversations
   * @throws {ImportError}
   */
  async importAll(file) {
    if (file.size > MOST_BYTES) throw new ImportError('import.tooLarge', { size: bytes(file.size), most: bytes(MOST_BYTES) });
    const text = await file.text().catch(() => Promise.reject(new ImportError('import.notRead')));
    const all = parseFile(text);
    const written = this.#write(async (heads, store) => {
      for (const { head, turns } of all) {
        if ((await done(heads.getKey(head.id))) === undefined) heads.put(head);
        for (const turn of turns) if ((await done(store.getKey(turn.id))) === undefined) store.put(turn);
      }
    });
    await written.catch(() => Promise.reject(new ImportError('import.notStored')));
    for (const { head } of all) this.#channel?.postMessage(head.id);
    return all.length;
  }

  /** @param {string} id @returns {Promise<Stored | null>} */
  async #stored(id) {
    const head = await this.#read('heads', (store) => store.get(id));
    if (!head) return null;
    return { head, turns: await this.#read('turns', (store) => store.index('conversation').getAll(id)) };
  }

  /**
   * @param {'heads' | 'turns'} name
   * @param {(store: IDBObjectStore) => IDBRequest<any>} ask
   * @returns {Promise<any>}
   */
  async #read(name, ask) {
    const database = await this.#open();
    return done(ask(database.transaction(name).objectStore(name)));
  }

  /** @param {(heads: IDBObjectStore, turns: IDBObjectStore) => Promise<void>} work only waits for its own requests */
  async #write(work) {
    const database = await this.#open();
    const transaction = database.transaction(['heads', 'turns'], 'readwrite');
    const ended = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      // A full disk aborts without an error event.
      transaction.onabort = () => reject(transaction.error ?? new Error('The browser did not store the conversation.'));
    });
    await Promise.all([work(transaction.objectStore('heads'), transaction.objectStore('turns')), ended]);
  }

  #open() {
    this.#database ??= new Promise((/** @type {(database: IDBDatabase) => void} */ resolve, reject) => {
      const request = indexedDB.open(NAME, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('heads', { keyPath: 'id' });
        request.result.createObjectStore('turns', { keyPath: 'id' }).createIndex('conversation', 'conversation');
      };
      request.onsuccess = () => {
        // A newer version of the page in another tab must not wait for this one.
        request.result.onversionchange = () => request.result.close();
        request.result.onclose = () => (this.#database = null);
        resolve(request.result);
      };
      request.onerror = () => reject(request.error);
    });
    this.#database.catch(() => (this.#database = null));
    return this.#database;
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Checks a file, because it may come from anywhere.
 * @param {string} text
 * @returns {Stored[]}
 * @throws {ImportError}
 */
export function parseFile(text) {
  /** @type {any} */
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new ImportError('import.notJson');
  }
  if (file?.format !== FORMAT || !Array.isArray(file.conversations)) throw new ImportError('import.notOurs');
  return file.conversations.map((/** @type {any} */ one, /** @type {number} */ i) => {
    const { head, turns } = one ?? {};
    if (typeof head?.id !== 'string' || !Array.isArray(turns)) throw new ImportError('import.conversation', { i: i + 1 });
    const parents = new Map(turns.map((turn) => [turn?.id, turn?.parent]));
    return {
      head: {
        id: head.id,
        title: textOf(head.title).slice(0, MOST_TITLE),
        named: head.named === true,
        created: Number(head.created) || Date.now(),
        updated: Number(head.updated) || Date.now(),
        system: textOf(head.system),
        chosen: Object.fromEntries(Object.entries(head.chosen ?? {}).map(([parent, child]) => [parent, String(child)])),
      },
      turns: turns.map((/** @type {any} */ turn) => {
        const isWhole = typeof turn?.id === 'string' && typeof turn.content === 'string' && ['user', 'assistant'].includes(turn.role);
        if (!isWhole || !hasBeginning(turn.id, parents)) throw new ImportError('import.turn', { i: i + 1 });
        return {
          id: turn.id,
          conversation: head.id,
          parent: typeof turn.parent === 'string' ? turn.parent : null,
          role: turn.role,
          content: turn.content,
          state: ['done', 'stopped', 'failed'].includes(turn.state) ? turn.state : turn.role === 'user' ? 'done' : 'stopped',
          created: Number(turn.created) || 0,
          stats: statsOf(turn.stats),
          byDemo: turn.byDemo === true,
          model: textOf(turn.model),
          error: null,
        };
      }),
    };
  });
}

/** @param {unknown} value */
function textOf(value) {
  return typeof value === 'string' ? value : '';
}

/**
 * Whether the turns before a turn lead to a first one, and not around in a circle.
 * @param {string} id
 * @param {Map<string, unknown>} parents
 */
function hasBeginning(id, parents) {
  let steps = 0;
  for (let at = /** @type {unknown} */ (id); typeof at === 'string'; at = parents.get(at)) if (++steps > parents.size + 1) return false;
  return true;
}

/**
 * Figures of an answer: numbers, and why it ended.
 * @param {any} stats
 * @returns {import('./answer.js').AnswerStats | null}
 */
function statsOf(stats) {
  if (!Number.isFinite(stats?.completionTokens)) return null;
  const numbers = Object.entries(stats).filter(([, value]) => Number.isFinite(value));
  const none = { promptTokens: null, cachedTokens: null, firstTokenMs: null, prefillPerSecond: null, decodePerSecond: null };
  const { completionTokens, finishReason } = stats;
  return { ...none, ...Object.fromEntries(numbers), completionTokens, finishReason: ['stop', 'length', 'tool_calls'].includes(finishReason) ? finishReason : null };
}

/**
 * A conversation as it is read, in Markdown.
 * @param {Conversation} conversation
 */
export function toMarkdown(conversation) {
  const turns = messagesOf(conversation.path(), conversation.head.system);
  const parts = turns.map(({ role, content }) => `## ${role}\n\n${String(content).trim()}`);
  return `# ${conversation.head.title}\n\n${parts.join('\n\n')}\n`;
}
