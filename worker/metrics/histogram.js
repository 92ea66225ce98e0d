// How often durations of each length came: percentiles of any number of them, in little memory.

/** @typedef {{ count: number, p50: number, p90: number, p99: number }} Percentiles Milliseconds, within 2.5%; 0 where nothing was counted. */

/** The least duration that is told from 0, in milliseconds. */
const LEAST = 0.001;
/** Each bucket reaches 5% higher than the one below it, so that its middle is at most 2.5% off. */
const STEP = Math.log(1.05);

/** Durations by buckets whose bounds grow geometrically: some 500 of them reach from a microsecond to a day. */
export class Histogram {
  /** By the number of the bucket. @type {Map<number, number>} */
  #counts = new Map();
  count = 0;

  /** @param {number} ms */
  add(ms) {
    this.#put(ms > LEAST ? Math.ceil(Math.log(ms / LEAST) / STEP) : 0, 1);
  }

  /** @returns {Histogram} one of its own with the same content */
  copy() {
    return this.since(new Histogram());
  }

  /**
   * What was added since an earlier copy.
   * @param {Histogram} before
   */
  since(before) {
    const rest = new Histogram();
    for (const [bucket, count] of this.#counts) rest.#put(bucket, count - (before.#counts.get(bucket) ?? 0));
    return rest;
  }

  /** @returns {Percentiles} */
  percentiles() {
    const buckets = [...this.#counts].sort(([a], [b]) => a - b);
    const at = (/** @type {number} */ share) => {
      let left = Math.ceil(share * this.count);
      const bucket = buckets.find(([, count]) => (left -= count) <= 0)?.[0] ?? 0;
      return bucket === 0 ? 0 : LEAST * Math.exp((bucket - 0.5) * STEP);
    };
    return { count: this.count, p50: at(0.5), p90: at(0.9), p99: at(0.99) };
  }

  /** @param {number} bucket @param {number} count */
  #put(bucket, count) {
    if (count === 0) return;
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + count);
    this.count += count;
  }
}
