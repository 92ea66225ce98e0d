// Many prompts, one after the other as places become free.
import { BitNetError } from './error.js';

/** @import { BatchProgress, Completion, Prompt } from './protocol.js' */

/**
 * @param {readonly Prompt[]} prompts
 * @param {number} concurrent how many are under way at once
 * @param {(prompt: Prompt) => Promise<Completion>} complete
 * @param {AbortSignal | undefined} signal
 * @param {((progress: BatchProgress) => void) | undefined} onProgress
 * @returns {Promise<PromiseSettledResult<Completion>[]>} in the order of the prompts
 */
export async function runBatch(prompts, concurrent, complete, signal, onProgress) {
  /** @type {PromiseSettledResult<Completion>[]} */
  const results = new Array(prompts.length);
  let next = 0;
  let done = 0;
  let failed = 0;
  /** Those of this batch that are under way. */
  let active = 0;
  /** Wakes those that wait for a place. @type {(() => void)[]} */
  let waiting = [];

  const settle = (/** @type {number} */ index, /** @type {PromiseSettledResult<Completion>} */ result) => {
    results[index] = result;
    done += 1;
    if (result.status === 'rejected') failed += 1;
    onProgress?.({ index, result, done, failed, total: prompts.length });
  };
  const answer = async (/** @type {number} */ index) => {
    for (;;) {
      active += 1;
      try {
        return settle(index, { status: 'fulfilled', value: await complete(prompts[index]) });
      } catch (reason) {
        if (signal?.aborted) throw signal.reason;
        // Others have filled the queue: when one of this batch has ended there is room again.
        const isFull = reason instanceof BitNetError && reason.code === 'queue_full';
        if (!isFull || active === 1) return settle(index, { status: 'rejected', reason });
      } finally {
        active -= 1;
        for (const wake of waiting.splice(0)) wake();
      }
      await new Promise((resolve) => waiting.push(() => resolve(undefined)));
    }
  };
  const work = async () => {
    while (next < prompts.length) {
      signal?.throwIfAborted();
      await answer(next++);
    }
  };
  signal?.throwIfAborted();
  await Promise.all(Array.from({ length: Math.min(concurrent, prompts.length) }, work));
  return results;
}
