// Finds out that a worker no longer answers, without mistaking a sleeping machine or a throttled tab for a dead worker.

/** Milliseconds between two looks. */
const TICK = 1000;

/**
 * Counts ticks, not time: while the machine sleeps or the tab is throttled there are no ticks (or few), so only silence
 * that the page itself was awake for counts.
 */
export class Watchdog {
  #limit;
  #ping;
  #dead;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** Ticks since the last sign of life. */
  #silent = 0;
  /** Nothing is expected before the worker's first message: its script may still be on the way over a slow network. */
  #met = false;

  /**
   * @param {number} limit milliseconds of silence that are too many; 0: never
   * @param {{ ping: () => void, dead: (seconds: number) => void }} actions `ping` must make a live worker answer
   */
  constructor(limit, { ping, dead }) {
    this.#limit = limit;
    this.#ping = ping;
    this.#dead = dead;
  }

  /** An answer is expected from now on. */
  start() {
    if (this.#limit === 0 || this.#timer !== undefined) return;
    this.#silent = 0;
    this.#timer = setInterval(() => this.#tick(), Math.min(TICK, this.#limit / 2));
  }

  /** Nothing is expected any more. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The worker gave a sign of life. */
  alive() {
    this.#met = true;
    this.#silent = 0;
  }

  #tick() {
    if (!this.#met) return;
    const tick = Math.min(TICK, this.#limit / 2);
    this.#silent += 1;
    if (this.#silent * tick > this.#limit) this.#dead(Math.round(this.#limit / 100) / 10);
    else this.#ping();
  }
}
