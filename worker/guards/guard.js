// What an application sets as limits: guards see a request before the model does, and the text of an answer before the caller
// does.
import { BitNetError } from '../error.js';

/** @import { Prompt } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */

/**
 * A request as a guard sees it: a copy.
 * @typedef {object} GuardedRequest
 * @property {Prompt} prompt
 * @property {Omit<GenerateOptions, 'signal' | 'onPrefill' | 'clientId'>} options
 * @property {string | undefined} clientId who asks, as the option of that name says
 * @property {() => Promise<number>} countTokens the tokens that the model would read
 * @property {AbortSignal} signal aborts when the caller wants no more, or the guard's time is up
 */

/**
 * What a guard makes of a request: nothing where it passes; what is to stand in place of the prompt or of some options; or a
 * sentence that tells the caller why it is refused, with the milliseconds after which it would pass, where that is known.
 * @typedef {void | { prompt?: Prompt | undefined, options?: GenerateOptions | undefined, refuse?: undefined }
 *   | { refuse: string, retryAfterMs?: number | undefined }} RequestDecision
 */

/**
 * A piece of an answer on its way to the caller.
 * @typedef {object} TextPiece
 * @property {string} text what was held back, and what has come
 * @property {boolean} isEnd nothing more comes, or no more can be held back: all of it must be decided now
 * @property {'text' | 'reasoning' | 'arguments'} channel whether it is said, thought, or a string among the arguments of a tool,
 *   each of which comes whole
 * @property {string | undefined} clientId as in the request
 * @property {Record<string, any>} state the guard's own for this answer and channel; empty at first
 */

/**
 * What a guard makes of a piece: nothing where it passes; another text; or more than that. `hold`: so many of the last characters
 * (UTF-16 units) of the piece are not decided yet and come again with the next piece, `text` stands for those before them. `stop`:
 * the answer ends behind `text`. `refuse`: the call rejects with this sentence.
 * @typedef {void | string | { text?: string | undefined, hold?: number | undefined, stop?: boolean | undefined, refuse?: string | undefined }} TextDecision
 */

/**
 * A limit of an application.
 * @typedef {object} Guard
 * @property {string} name by which errors and audit events tell of it
 * @property {((request: GuardedRequest) => RequestDecision | Promise<RequestDecision>) | undefined} [beforeGenerate] looks at a request
 * @property {((piece: TextPiece) => TextDecision | Promise<TextDecision>) | undefined} [onText] looks at an answer
 * @property {'words' | 'pieces' | undefined} [units] of what `onText` gets: `words` (default): a word that is not complete yet is held
 *   back; `pieces`: text as it comes, for a guard that only counts, or holds back by itself
 * @property {number | undefined} [maxHold] characters that are held back at most; 1024 by default
 * @property {number | undefined} [timeout] milliseconds for each call of it, 5000 by default. A call that takes longer refuses the
 *   request, as one that throws does
 */

/** Milliseconds for a guard's call. */
const TIMEOUT = 5000;

/** Why a guard refuses. @typedef {'decided' | 'failed' | 'timeout'} RefusalCause */

/**
 * @param {unknown} guard
 * @returns {Guard}
 * @throws {BitNetError} `invalid_argument`
 */
export function checkGuard(guard) {
  if (!isGuard(guard)) {
    const expected = GUARD_EXPECTED;
    throw new BitNetError('invalid_argument', `guard: expected ${expected}.`, { details: { option: 'guards', expected } });
  }
  return guard;
}

/** What a guard is, in words for an error. */
export const GUARD_EXPECTED = 'an object with a name, and beforeGenerate or onText as functions; timeout and maxHold above 0';

/**
 * @param {any} guard
 * @returns {guard is Guard}
 */
export function isGuard(guard) {
  if (typeof guard !== 'object' || guard === null || typeof guard.name !== 'string' || guard.name === '') return false;
  const { beforeGenerate, onText, units, maxHold, timeout } = guard;
  const isCallable = (/** @type {unknown} */ value) => value === undefined || typeof value === 'function';
  const isAbove = (/** @type {unknown} */ value) => value === undefined || (typeof value === 'number' && value > 0);
  const hasWork = beforeGenerate !== undefined || onText !== undefined;
  return hasWork && isCallable(beforeGenerate) && isCallable(onText) && [undefined, 'words', 'pieces'].includes(units) && isAbove(maxHold) && isAbove(timeout);
}

/**
 * The error of a request that a guard refuses.
 * @param {Guard} guard
 * @param {'request' | 'text'} stage
 * @param {string} sentence
 * @param {{ reason?: RefusalCause, retryAfterMs?: number | undefined, cause?: unknown }} [more]
 */
export function refusal({ name }, stage, sentence, { reason = 'decided', retryAfterMs, cause } = {}) {
  const details = { guard: name, stage, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return new BitNetError('refused', sentence === '' ? `The guard '${name}' has refused the request.` : sentence, { details, cause });
}

/**
 * Calls a guard, for as long as it may take. It fails closed: what throws or takes too long refuses the request.
 * @template T
 * @param {Guard} guard
 * @param {'request' | 'text'} stage
 * @param {AbortSignal} signal of the caller
 * @param {(signal: AbortSignal) => T | Promise<T>} ask
 * @returns {Promise<T>}
 */
export async function within(guard, stage, signal, ask) {
  const { name, timeout = TIMEOUT } = guard;
  signal.throwIfAborted();
  const control = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let onAbort = () => {};
  try {
    const answer = ask(control.signal);
    if (!(answer instanceof Object && 'then' in answer)) return answer;
    const ended = new Promise((_, reject) => {
      onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      timer = setTimeout(() => {
        const sentence = `The guard '${name}' has not answered within ${timeout} ms, its timeout, so that the request is refused.`;
        reject(refusal(guard, stage, sentence, { reason: 'timeout' }));
      }, timeout);
    });
    return await Promise.race([/** @type {Promise<T>} */ (answer), /** @type {Promise<never>} */ (ended)]);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof BitNetError && error.code === 'refused') throw error;
    throw failed(guard, stage, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    control.abort();
  }
}

/**
 * The error of a guard that failed.
 * @param {Guard} guard
 * @param {'request' | 'text'} stage
 * @param {unknown} cause
 */
export function failed(guard, stage, cause) {
  const sentence = `The guard '${guard.name}' has failed (${cause}), so that the request is refused.`;
  return refusal(guard, stage, sentence, { reason: 'failed', cause });
}
