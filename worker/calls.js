// The calls of an engine that are under way: each is there until it is answered or its caller gives it up.

/** @import { Watchdog } from './watchdog.js' */

/**
 * A call that has begun: `forget` before it is resolved or rejected.
 * @typedef {object} Call
 * @property {number} id
 * @property {(value: any) => void} resolve
 * @property {(reason: unknown) => void} reject
 * @property {() => void} forget
 */

/** @template Entry */
export class Calls {
  #watchdog;
  #tell;
  /** @type {Map<number, Entry>} */
  #entries = new Map();
  #lastId = 0;
  #onIdle = () => {};

  /**
   * @param {Watchdog} watchdog is awake while there is a call
   * @param {(message: { type: 'cancel' | 'stop', id: number }) => void} tell a caller wants no more of a call, or its end
   */
  constructor(watchdog, tell) {
    this.#watchdog = watchdog;
    this.#tell = tell;
  }

  /**
   * Begins a call. It rejects with the signal's reason as soon as that aborts.
   * @param {{ signal?: AbortSignal | undefined, stop?: AbortSignal | undefined }} signals
   * @param {(call: Call) => Entry} entryOf
   * @param {(entry: Entry) => void} send
   * @returns {Promise<any>}
   */
  begin({ signal, stop }, entryOf, send) {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        forget();
        this.#tell({ type: 'cancel', id });
        reject(signal?.reason);
      };
      const onStop = () => this.#tell({ type: 'stop', id });
      const forget = () => {
        signal?.removeEventListener('abort', onAbort);
        stop?.removeEventListener('abort', onStop);
        this.#entries.delete(id);
        if (this.#entries.size > 0) return;
        this.#watchdog.stop();
        this.#onIdle();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      stop?.addEventListener('abort', onStop, { once: true });
      const entry = entryOf({ id, resolve, reject, forget });
      this.#entries.set(id, entry);
      this.#watchdog.start();
      send(entry);
    });
  }

  /** @param {number} id @returns {Entry | undefined} undefined: it was given up meanwhile */
  get(id) {
    return this.#entries.get(id);
  }

  /** Those under way, which may end while one looks at them. */
  all() {
    return [...this.#entries.values()];
  }

  get size() {
    return this.#entries.size;
  }

  /** Calls `action` as soon as no call is under way, and whenever that is so again. @param {() => void} action */
  whenIdle(action) {
    this.#onIdle = action;
    if (this.#entries.size === 0) action();
  }
}
