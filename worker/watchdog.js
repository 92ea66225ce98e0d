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
  #late;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** Ticks since the last sign of life. */
  #silent = 0;
  /** Ticks since the worker said that it works on every call. */
  #idle = 0;
  /** Nothing is expected before every worker's first message: a script may still be on the way over a slow network. */
  #met = false;

  /**
   * @param {number} limit milliseconds of silence that are too many; 0: never
   * @param {{ ping: () => void, dead: (seconds: number, answers: boolean) => void, late: () => void }} actions `ping` must
   *   make a live worker answer; `answers` says whether it does, without working on its calls; `late` looks for a reason
   */
  constructor(limit, { ping, dead, late }) {
    this.#limit = limit;
    this.#ping = ping;
    this.#dead = dead;
    this.#late = late;
  }

  /** An answer is expected from now on. */
  start() {
    if (this.#limit === 0 || this.#timer !== undefined) return;
    this.#silent = 0;
    this.#idle = 0;
    this.#timer = setInterval(() => this.#tick(), Math.min(TICK, this.#limit / 2));
  }

  /** Nothing is expected any more. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Every worker's script runs. */
  met() {
    this.#met = true;
    this.#silent = 0;
    this.#idle = 0;
  }

  /** The worker gave a sign of life. */
  alive() {
    this.#silent = 0;
  }

  /** The worker answered, and works on every call. */
  working() {
    this.alive();
    this.#idle = 0;
  }

  #tick() {
    const tick = Math.min(TICK, this.#limit / 2);
    this.#silent += 1;
    if (!this.#met) {
      if (this.#silent * tick <= this.#limit) return;
      this.#silent = 0;
      return this.#late();
    }
    this.#idle += 1;
    const [isSilent, isIdle] = [this.#silent * tick > this.#limit, this.#idle * tick > this.#limit];
    if (isSilent || isIdle) this.#dead(Math.round(this.#limit / 100) / 10, !isSilent);
    else this.#ping();
  }
}
