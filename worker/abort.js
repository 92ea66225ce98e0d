// Waiting that an AbortSignal ends.

/**
 * Waits for `promise`, or rejects with the signal's reason.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<T>}
 */
export async function unlessAborted(promise, signal) {
  if (signal === undefined) return promise;
  promise.catch(() => {}); // where the signal comes first, nobody hears of it
  signal.throwIfAborted();
  let onAbort = () => {};
  try {
    return await Promise.race([promise, new Promise((_, reject) => signal.addEventListener('abort', (onAbort = () => reject(signal.reason))))]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
