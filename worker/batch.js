// Many prompts, one after the other as places become free.

/** @import { BatchProgress, Completion, Prompt } from './protocol.js' */

/**
 * @param {readonly Prompt[]} prompts
 * @param {number} concurrent how many are under way at once
 * @param {(prompt: Prompt) => Promise<Completion>} complete waits where the queue is full
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

  const settle = (/** @type {number} */ index, /** @type {PromiseSettledResult<Completion>} */ result) => {
    results[index] = result;
    done += 1;
    if (result.status === 'rejected') failed += 1;
    try {
      onProgress?.({ index, result, done, failed, total: prompts.length });
    } catch (error) {
      reportError(error); // the caller's own fault does not lose the answers
    }
  };
  const work = async () => {
    while (next < prompts.length) {
      signal?.throwIfAborted();
      const index = next++;
      /** @type {PromiseSettledResult<Completion>} */
      const result = await complete(prompts[index]).then(
        (value) => ({ status: 'fulfilled', value }),
        (reason) => ({ status: 'rejected', reason }),
      );
      if (result.status === 'rejected' && signal?.aborted) throw signal.reason;
      settle(index, result);
    }
  };
  signal?.throwIfAborted();
  await Promise.all(Array.from({ length: Math.min(concurrent, prompts.length) }, work));
  return results;
}
