// Functions for benchmarks alone. They are not part of the API, and may change or go with any version.
import { BitNetError } from './error.js';
import { engines } from './model.js';
import { KERNELS } from './schema.js';
import { measureFeatures } from './variant.js';

/** @import { GenerationResult, ReadLimit } from './protocol.js' */
/** @import { Model } from './model.js' */

/** @param {Model} model */
function engineOf(model) {
  const engine = engines.get(model);
  if (engine === undefined) throw new BitNetError('invalid_argument', 'model: expected what BitNet.load returned.');
  return engine;
}

/**
 * Decodes greedily at a depth of `context` made-up tokens, whose keys and values are filled in at once: the speed after a long
 * prompt without computing it. The answer means nothing, and no end of turn cuts it short. The next call begins with an empty
 * session.
 * @param {Model} model
 * @param {{ context: number, tokens: number, signal?: AbortSignal | undefined, onToken?: () => void }} how `tokens` to decode; `onToken` is
 *   called when one has arrived
 * @returns {Promise<GenerationResult & { weightBytesPerToken: number }>} its `prefillMs` holds the filling; `timings.parts` is there.
 *   `weightBytesPerToken` are those that its products have read
 */
export async function decodeAtDepth(model, { context, tokens, signal, onToken }) {
  const engine = engineOf(model);
  const before = await engine.call('stats', {});
  // No guesses: a text that means nothing repeats itself, and would be written faster than any that does.
  const options = { maxTokens: tokens, temperature: 0, seed: 0, timeParts: true, syntheticContext: context, speculative: false };
  const result = await engine.call('generate', { prompt: 'a', options }, {
    signal,
    onEvent: (event) => event.type === 'token' && event.token.id >= 0 && onToken?.(),
  });
  // The prompt was read in one pass, and the last token in none.
  const read = (await engine.call('stats', {})).weightBytesRead - before.weightBytesRead;
  return { ...result, weightBytesPerToken: read / result.usage.completionTokens };
}

/**
 * How fast the threads of this model can read memory, which bounds decode. Takes `bytes` of memory for the moment: choose
 * several times the processor's cache.
 * @param {Model} model
 * @param {number} [bytes]
 * @returns {Promise<ReadLimit>}
 */
export async function readLimit(model, bytes = 256 << 20) {
  return engineOf(model).call('readLimit', { bytes });
}

/**
 * Bytes of the model's WebAssembly memory: the most that it ever took.
 * @param {Model} model
 * @returns {Promise<number>}
 */
export async function memoryBytes(model) {
  return engineOf(model).call('memoryBytes', {});
}

/**
 * The kernels of the build that this browser runs: those that need relaxed SIMD say so in their name.
 * @param {boolean} [relaxed] whether the browser has it
 * @returns {string[]} the plain reference first
 */
export function kernelsHere(relaxed = measureFeatures().relaxed) {
  return KERNELS.filter((name) => relaxed || !name.startsWith('relaxed'));
}
