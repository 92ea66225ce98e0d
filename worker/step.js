// What bounds the steps of a computation in the engine worker: between two of them the event loop turns, and a cancel can
// arrive.

/** A batch of the prompt should take about this long, in milliseconds; an abort waits for it at most. */
const TARGET = 120;
/** Tokens of the very first batch, before anything was measured. */
const FIRST = 4;
/** More tokens than this at once only cost memory. */
const MAX = 256;

/** How many tokens of a prompt to compute at once: learnt from the batches before. */
let size = FIRST;

/** @returns {number} tokens to compute at once */
export function batchSize() {
  return size;
}

/**
 * Learns from a batch of the size that was asked for.
 * @param {number} ms that it took
 */
export function batchTook(ms) {
  const fits = ms > 0 ? Math.floor((size * TARGET) / ms) : MAX;
  // Twofold growth at most: one lucky measurement must not make the next batch long.
  size = Math.max(1, Math.min(fits, size * 2, MAX));
}

const { port1, port2 } = new MessageChannel();

/** One turn of the event loop. A timer would be clamped to 4 ms. */
export function breathe() {
  return new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(undefined);
  });
}
