/** Few noisy numbers, told honestly: the middle one, and the ends. */

/**
 * @typedef {object} Spread
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {number} repetitions
 */

/**
 * @param {number[]} values at least one
 * @returns {Spread}
 */
export function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1], repetitions: sorted.length };
}

/** A speed is taken over at least this share of the whole time: tokens that arrive together would look endlessly fast. */
const LEAST_SPAN = 1 / 40;

/**
 * Speed at each token, over the tokens before it.
 * @param {readonly number[]} times of each token's arrival, milliseconds
 * @param {number} width how many intervals to take together at least
 * @returns {{ seconds: number, tokensPerSecond: number }[]}
 */
export function speeds(times, width) {
  const points = [];
  const least = (times[times.length - 1] - times[0]) * LEAST_SPAN;
  for (let i = width; i < times.length; i++) {
    let from = i - width;
    while (from > 0 && times[i] - times[from] < least) from -= 1;
    const span = times[i] - times[from];
    if (span > 0 && span >= least) points.push({ seconds: (times[i] - times[0]) / 1000, tokensPerSecond: ((i - from) * 1000) / span });
  }
  return points;
}
