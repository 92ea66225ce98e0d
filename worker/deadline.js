// The timeout of a call, before the engine has it.
import { BitNetError } from './error.js';

/**
 * Does what comes before an answer, within its timeout.
 * @template T
 * @param {number | undefined} timeout milliseconds
 * @param {AbortSignal} signal of the caller
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function inTime(timeout, signal, work) {
  // Awaited here as below, so that no call overtakes one that was made before it.
  if (timeout === undefined) return await work(signal);
  const end = new AbortController();
  const late = () => end.abort(new BitNetError('timeout', `The answer had not begun after ${timeout} ms, the call's timeout: allow more time.`, { details: { timeout } }));
  const timer = setTimeout(late, timeout);
  try {
    return await work(AbortSignal.any([signal, end.signal]));
  } finally {
    clearTimeout(timer);
  }
}
