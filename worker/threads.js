// How many threads to run with: pure functions of what is wished, reported and measured.

/** Beyond this many threads memory bandwidth, not arithmetic, decides. */
const MAX_AUTO_THREADS = 8;

/** Fewer threads are taken if they reach this share of the best speed: they leave cores to others and take less energy. */
const FAST_ENOUGH = 0.95;

/**
 * How many threads to start. A page that is not cross-origin isolated cannot share memory with workers.
 * @param {'auto' | number} wanted
 * @param {boolean} isolated
 * @param {number} cores as the browser reports them, which is a hint and not a fact
 * @returns {number}
 */
export function chooseThreads(wanted, isolated, cores) {
  if (!isolated) return 1;
  if (wanted !== 'auto') return wanted;
  return Math.max(1, Math.min(cores || 1, MAX_AUTO_THREADS));
}

/**
 * The counts worth measuring where `most` threads can be had: all, half of them, one.
 * @param {number} most
 * @returns {number[]}
 */
export function threadCounts(most) {
  return [...new Set([most, Math.ceil(most / 2), 1])];
}

/**
 * The fewest threads that are fast enough.
 * @param {Map<number, number>} speeds of each count
 * @returns {number}
 */
export function fewestOf(speeds) {
  const needed = FAST_ENOUGH * Math.max(...speeds.values());
  const enough = [...speeds].filter(([, speed]) => speed >= needed).map(([count]) => count);
  return Math.min(...enough);
}
