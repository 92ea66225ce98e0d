/**
 * Turns the load events of the library into what a person wants to know: how much, how fast, how long.
 */

/**
 * @typedef {object} Progress
 * @property {import('./api.js').LoadProgress['phase']} phase
 * @property {boolean} fromCache whether the bytes come from this device
 * @property {number} loaded bytes
 * @property {number | null} total bytes
 * @property {number | null} fraction 0 to 1
 * @property {number | null} bytesPerSecond
 * @property {number | null} secondsLeft
 * @property {string} message why it waits, or why nothing is stored; else empty
 */

/** Speed is taken over this long, in milliseconds: short enough to follow the network, long enough to be calm. */
const WINDOW = 4000;

export class ProgressMeter {
  /** @type {{ time: number, loaded: number }[]} */
  #samples = [];

  /**
   * @param {import('./api.js').LoadProgress} event
   * @param {number} now milliseconds
   * @returns {Progress}
   */
  update(event, now) {
    const { phase, fromCache, loaded } = event;
    const total = event.total || null;
    const last = this.#samples.at(-1);
    // A second phase counts from its own start, so a step back begins a new measurement.
    if (last && loaded < last.loaded) this.#samples = [];
    this.#samples.push({ time: now, loaded });
    while (this.#samples.length > 2 && now - this.#samples[0].time > WINDOW) this.#samples.shift();

    const bytesPerSecond = event.bytesPerSecond || this.#speed();
    const secondsLeft =
      event.secondsLeft ?? (total && bytesPerSecond ? Math.max(0, total - loaded) / bytesPerSecond : null);
    return {
      phase,
      fromCache,
      loaded,
      total,
      fraction: total ? Math.min(1, loaded / total) : null,
      bytesPerSecond,
      secondsLeft,
      message: event.message ?? '',
    };
  }

  /** @returns {number | null} bytes per second, null until there is enough to tell */
  #speed() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.time - first.time < 250) return null;
    return ((last.loaded - first.loaded) / (last.time - first.time)) * 1000;
  }
}
