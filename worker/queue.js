// Calls that compute, one after the other, each of which may be cancelled before it begins or between its steps.

/** @import { WireError } from './error.js' */

/** What a cancelled call throws; the page has told its caller already, with the signal's own reason. @type {WireError} */
export const CANCELLED = { code: 'aborted', message: 'The call was cancelled.' };

/** What a running call looks at between its steps. */
export class Turn {
  /** Set once the page wants no more of it. */
  cancelled = false;
  /** When the call arrived, in milliseconds as performance.now() tells. */
  arrived = performance.now();
  /** Steps that it has made: its sign of life. */
  steps = 0;
}

/** Runs calls in the order of their arrival. */
export class CallQueue {
  /** @type {Map<number, Turn>} */
  #turns = new Map();
  /** The one that runs. @type {Turn | undefined} */
  running;
  /** The end of the last call. @type {Promise<void>} */
  #last = Promise.resolve();

  /**
   * Waits for its turn, then runs `work`; a call that was cancelled while it waited is not run at all.
   * @template T
   * @param {number} id
   * @param {(turn: Turn) => T | Promise<T>} work
   * @returns {Promise<T>}
   */
  async run(id, work) {
    const turn = new Turn();
    this.#turns.set(id, turn);
    const before = this.#last;
    let end = () => {};
    this.#last = new Promise((resolve) => (end = resolve));
    try {
      await before;
      if (turn.cancelled) throw CANCELLED;
      this.running = turn;
      return await work(turn);
    } finally {
      if (this.running === turn) this.running = undefined;
      this.#turns.delete(id);
      end();
    }
  }

  /** @param {number} id */
  cancel(id) {
    const turn = this.#turns.get(id);
    if (turn) turn.cancelled = true;
  }

  /** Cancels everything and waits until the last call has ended. */
  async close() {
    for (const turn of this.#turns.values()) turn.cancelled = true;
    await this.#last;
  }
}
