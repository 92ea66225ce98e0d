// Calls that compute, one after the other, each of which may be cancelled before it begins or between its steps.

/** @import { WireError } from './error.js' */

/** Thrown by a cancelled call. The page has told its caller already, with the signal's own reason. @type {WireError} */
export const CANCELLED = { code: 'aborted', message: 'The call was cancelled.' };

/** The state of a call, which it reads and counts up between its steps. */
export class CallState {
  /** Set once the page wants no more of it. */
  cancelled = false;
  /** When the call arrived, in milliseconds as performance.now() tells. */
  arrived = performance.now();
  /** Steps that it has made: its sign of life. */
  steps = 0;
}

/** Runs calls in the order of their arrival. */
export class CallQueue {
  /** @type {Map<number, CallState>} */
  #states = new Map();
  /** The state of the call that runs. @type {CallState | undefined} */
  running;
  /** The end of the last call. @type {Promise<void>} */
  #last = Promise.resolve();

  /**
   * Waits for its turn, then runs `work`; a call that was cancelled while it waited is not run at all.
   * @template T
   * @param {number} id
   * @param {(state: CallState) => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(id, work) {
    const state = new CallState();
    this.#states.set(id, state);
    const before = this.#last;
    let end = () => {};
    this.#last = new Promise((resolve) => (end = resolve));
    try {
      await before;
      if (state.cancelled) throw CANCELLED;
      this.running = state;
      return await work(state);
    } finally {
      if (this.running === state) this.running = undefined;
      this.#states.delete(id);
      end();
    }
  }

  /** @param {number} id */
  cancel(id) {
    const state = this.#states.get(id);
    if (state) state.cancelled = true;
  }

  /** Cancels everything and waits until the last call has ended. */
  async close() {
    for (const state of this.#states.values()) state.cancelled = true;
    await this.#last;
  }
}
