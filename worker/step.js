// What bounds the steps of a computation in the engine worker: between two of them the event loop turns, and a cancel can
// arrive.

/**
 * A prompt is computed in pieces of this many milliseconds and one block of the model more: half of what an abort may wait
 * for, as a block may take as long as all before it.
 */
export const PREFILL_LIMIT = 90;
/** A batch of a text whose logits are wanted may take this long, in milliseconds: an abort waits for it. */
const LIMIT = 180;
/** Or this many times as long as a single token, where one token alone takes long. */
const SINGLES = 1.25;
/** More tokens than this at once only cost memory. */
const MAX = 256;
/** So many batches later a size that took too long is tried again. */
const PATIENCE = 32;

/** How many tokens of a text to compute at once where their logits are wanted, learnt from the batches before. */
export class BatchSize {
  /** Tokens of the next batch. */
  tokens = 1;
  /** How long one token alone takes, in milliseconds, as far as it is known. @type {number | undefined} */
  #single;
  /** What a batch that took too long allows, for a while. */
  #most = MAX;
  #patience = 0;

  /**
   * A single token took this long: a step of an answer, or a batch of one.
   * @param {number} ms
   */
  singleTook(ms) {
    this.#single = this.#single === undefined ? ms : 0.7 * this.#single + 0.3 * ms;
  }

  /**
   * A batch of `tokens` took this long. A batch costs at least one pass over the weights, so its time hardly grows with
   * its size until arithmetic decides; the size therefore feels its way instead of following a straight line.
   * @param {number} ms
   */
  batchTook(ms) {
    const { tokens } = this;
    if (tokens === 1) this.singleTook(ms);
    const limit = Math.max(LIMIT, SINGLES * (this.#single ?? 0));
    if (this.#patience-- <= 0) this.#most = MAX;
    if (ms > limit) {
      this.tokens = Math.max(1, Math.min(tokens - 1, Math.floor((tokens * limit) / ms)));
      [this.#most, this.#patience] = [Math.max(1, tokens - 1), PATIENCE];
    } else if (ms < limit / 2) this.tokens = Math.min(tokens * 2, this.#most);
    else if (ms < limit * 0.9) this.tokens = Math.min(tokens + Math.ceil(tokens / 8), this.#most);
  }
}

const { port1, port2 } = new MessageChannel();
/** Who waits for a turn of the event loop, in the order of asking. @type {(() => void)[]} */
const breathing = [];

/**
 * One turn of the event loop. A timer would be clamped to 4 ms. Those who ask earlier go on earlier.
 * @returns {Promise<void>}
 */
export function breathe() {
  return new Promise((resolve) => {
    breathing.push(resolve);
    port1.onmessage = () => breathing.shift()?.();
    port2.postMessage(undefined);
  });
}
