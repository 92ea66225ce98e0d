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

/**
 * Speed at each token, over the tokens around it.
 * @param {number[]} times of each token's arrival, milliseconds
 * @param {number} width how many intervals to take together
 * @returns {{ seconds: number, tokensPerSecond: number }[]}
 */
export function speeds(times, width) {
  const points = [];
  for (let i = width; i < times.length; i++) {
    const span = times[i] - times[i - width];
    if (span > 0) points.push({ seconds: (times[i] - times[0]) / 1000, tokensPerSecond: (width * 1000) / span });
  }
  return points;
}
