// How many threads to start. With how many of them a model computes is its own choice: see src/threads.rs.

/**
 * With so many threads two channels of memory are what a token waits for (benches/README.md). Slow cores count like fast ones: work is
 * handed out in pieces, of which they take fewer.
 */
const MAX_AUTO_THREADS = 8;

/**
 * A page that is not cross-origin isolated cannot share memory with workers.
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
