// One model of ours in the page: loaded, measured step by step from outside, unloaded. Runs in the browser.
import { BitNet } from '/dist/index.js';
import { decodeAtDepth, memoryBytes, readLimit } from '/dist/bench.js';
import { promptOf } from './prompt.js';

/** @import { Model } from '../../worker/model.js' */
/** @import { LoadOptions } from '../../worker/schema.js' */

/** @type {Model | undefined} */
let model;
let seed = 1;

/** The model that was loaded last. */
export function loaded() {
  if (model === undefined) throw new Error('no model is loaded');
  return model;
}

/**
 * @param {string} url
 * @param {LoadOptions} options
 */
export async function load(url, options) {
  const began = performance.now();
  model = await BitNet.load(url, options);
  const loadMs = performance.now() - began;
  return { info: model.info, loadMs, wasmBytes: await memoryBytes(model) };
}

/** Bytes of the whole page as the browser counts them; null where it does not tell. */
export async function pageBytes() {
  const measure = /** @type {any} */ (performance).measureUserAgentSpecificMemory;
  return measure ? (await measure.call(performance)).bytes : null;
}

/** A short answer, so that nothing is done for the first time when it is timed. */
export async function warmUp() {
  await loaded().complete(promptOf(16, seed++), { maxTokens: 4, temperature: 0 });
}

export const hash = () => loaded().logitsHash();
export const limit = () => readLimit(loaded());

/** @param {number} tokens */
export async function prefill(tokens) {
  const { usage, timings } = await loaded().complete(promptOf(tokens, seed++), {
    maxTokens: 1, temperature: 0, timeParts: true,
  });
  const computed = usage.promptTokens - usage.cachedTokens;
  return {
    tokens: computed,
    perSecond: (computed * 1000) / timings.prefillMs,
    firstTokenMs: timings.firstTokenMs,
    parts: perToken(timings.parts?.prefill, computed),
  };
}

/**
 * The logits after every token of a text that shares nothing with the one before.
 * @param {number} tokens
 */
export async function logits(tokens) {
  const { vocabulary } = loaded().info;
  const [first, step] = [seed++, 7919];
  const ids = Uint32Array.from({ length: tokens }, (_, i) => (first + i * step) % vocabulary);
  const began = performance.now();
  await loaded().logits(ids);
  return { tokens, perSecond: (tokens * 1000) / (performance.now() - began) };
}

/** @param {number} context @param {number} tokens */
export async function decode(context, tokens) {
  const { usage, timings, weightBytesPerToken } = await decodeAtDepth(loaded(), { context, tokens });
  const written = usage.completionTokens - 1;
  return {
    tokens: written,
    weightBytesPerToken,
    perSecond: timings.decodeTokensPerSecond,
    parts: perToken(timings.parts?.decode, written),
  };
}

/** A greedy answer past every end, and what it chose. @param {number} tokens */
export async function answer(tokens) {
  const { timings } = await decodeAtDepth(loaded(), { context: 0, tokens });
  return { threads: timings.threads, perSecond: timings.decodeTokensPerSecond };
}

export async function unload() {
  await loaded().unload();
  model = undefined;
}

/** @param {object} [options] */
export const selfTest = (options) => BitNet.selfTest(options);

/**
 * @param {object | undefined} parts milliseconds
 * @param {number} tokens
 * @returns {Record<string, number>} milliseconds a token
 */
function perToken(parts = {}, tokens) {
  return Object.fromEntries(Object.entries(parts).map(([name, ms]) => [name, ms / tokens]));
}
