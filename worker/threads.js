// How many threads to run with: pure functions of what is wished, reported and measured.

/** Beyond this many threads memory bandwidth, not arithmetic, decides. */
const MAX_AUTO_THREADS = 8;

/**
 * Fewer threads are taken only if they are so many times as fast. The measurement sees a moment, often one in which the
 * page is still starting, and its answer stays for the life of the page: a program that had the second core for that moment
 * must not cost half the speed.
 */
const CLEARLY_FASTER = 1.1;

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
 * The most threads, or fewer that are clearly faster.
 * @param {Map<number, number>} speeds of each count, the largest count first
 * @returns {number}
 */
export function fastestOf(speeds) {
  const [[most, speed]] = speeds;
  let best = { count: most, speed: speed * CLEARLY_FASTER };
  for (const [count, speed] of speeds) if (speed > best.speed) best = { count, speed };
  return best.count;
}
