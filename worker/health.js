// `model.health`: whether the workers live and the model still answers, found out within a time limit whatever has happened.
import { BitNetError, toWire } from './error.js';

/** @import { WireError } from './error.js' */
/** @import { ModelInfo } from './protocol.js' */
/** @import { Engine } from './local-engine.js' */

/**
 * How one part does.
 * @typedef {{ ok: true, ms: number, error?: undefined } | { ok: false, ms: number, error: WireError }} HealthOfPart `ms`: how long it took to find out
 */

/**
 * How a model does. `engine`: its worker answers; `threads`: every thread of it does a task; `generation`: a short generation
 * comes to its end with finite numbers.
 * @typedef {object} Health
 * @property {boolean} ok all parts are
 * @property {number} time milliseconds since 1970
 * @property {{ engine: HealthOfPart, threads: HealthOfPart, generation: HealthOfPart }} parts
 */

/**
 * @typedef {object} HealthOptions
 * @property {number | undefined} [timeout] milliseconds for all of it, 10000 by default: what has not answered by then has failed with
 *   the code `timeout`
 * @property {AbortSignal | undefined} [signal]
 */

const TIMEOUT = 10_000;
/** A timer takes no more. */
const MOST_TIMEOUT = 2 ** 31 - 1;
/** Tokens that the generation writes: the second one reads the first one's keys and values. */
const TOKENS = 2;
/** Of a generation that makes a fresh model ready: passes of many tokens, then of one. */
const WARM_UP = { prompt: 'a '.repeat(24), tokens: 8, context: 256 };

/**
 * @param {Pick<Engine, 'call'>} engine
 * @param {HealthOptions} [options]
 * @returns {Promise<Health>}
 */
export async function checkHealth(engine, { timeout = TIMEOUT, signal } = {}) {
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout <= MOST_TIMEOUT)) {
    const expected = 'a number of milliseconds above 0';
    throw new BitNetError('invalid_argument', `timeout: expected ${expected}, found ${String(timeout)}.`, { details: { option: 'timeout', expected } });
  }
  signal?.throwIfAborted();
  const control = new AbortController();
  const late = setTimeout(() => control.abort(new BitNetError('timeout', `No answer within ${timeout} ms.`, { details: { timeout } })), timeout);
  const limits = { signal: signal ? AbortSignal.any([control.signal, signal]) : control.signal };
  try {
    const [worker, threads, generation] = await Promise.all([
      partOf(engine.call('stats', {}, limits)),
      partOf(engine.call('wakeThreads', {}, limits)),
      partOf(engine.call('trial', { tokens: TOKENS }, limits)),
    ]);
    signal?.throwIfAborted();
    return { ok: worker.ok && threads.ok && generation.ok, time: Date.now(), parts: { engine: worker, threads, generation } };
  } finally {
    clearTimeout(late);
  }
}

/**
 * @param {Promise<unknown>} answer
 * @returns {Promise<HealthOfPart>}
 */
async function partOf(answer) {
  const began = performance.now();
  try {
    await answer;
    return { ok: true, ms: performance.now() - began };
  } catch (error) {
    return { ok: false, ms: performance.now() - began, error: toWire(error) };
  }
}

/**
 * Writes a few tokens with a model that has just been loaded and keeps nothing of them: threads are awake, the number of them is
 * measured, and the code is compiled for good where the browser does that while it runs.
 * @param {Pick<Engine, 'call'>} engine
 * @param {ModelInfo} info
 * @param {AbortSignal | undefined} signal
 */
export async function warmUp(engine, { contextLength, embeddingDimensions }, signal) {
  const { prompt, tokens, context } = WARM_UP;
  if (embeddingDimensions !== undefined || contextLength < context) {
    await engine.call('trial', { tokens }, { signal });
    return;
  }
  // Behind made-up tokens, which the next request does not find in memory.
  const options = { maxTokens: tokens, temperature: 0, seed: 0, syntheticContext: 1 };
  await engine.call('generate', { prompt, options }, { signal });
}

/**
 * As `warmUp`, of an engine that other tabs use: it takes nothing away from what they have in memory, and waits for none of them.
 * @param {Pick<Engine, 'call'>} engine
 * @param {AbortSignal | undefined} signal
 */
export async function warmUpShared(engine, signal) {
  await engine.call('trial', { tokens: WARM_UP.tokens }, { signal });
}
