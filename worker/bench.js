// What benchmarks need and nobody else. No version promises any of it: it is not part of the API, and may change or go.
import { BitNetError } from './error.js';
import { crews } from './model.js';

/** @import { GenerationResult, ReadLimit } from './protocol.js' */
/** @import { Model } from './model.js' */

/** @param {Model} model */
function crewOf(model) {
  const crew = crews.get(model);
  if (crew === undefined) throw new BitNetError('invalid_argument', 'model: expected what BitNet.load returned.');
  return crew;
}

/**
 * Writes greedily behind `context` made-up tokens, whose keys and values are filled in at once: the speed behind a long
 * prompt without reading it. What is written means nothing. The next call begins with an empty session.
 * @param {Model} model
 * @param {{ context: number, tokens: number, signal?: AbortSignal }} how `tokens` to write
 * @returns {Promise<GenerationResult>} its `prefillMs` holds the filling; `timings.parts` is there
 */
export async function decodeBehind(model, { context, tokens, signal }) {
  const options = { maxTokens: tokens, temperature: 0, seed: 0, timeParts: true, syntheticContext: context };
  return crewOf(model).call('generate', { prompt: 'a', options }, { signal });
}

/**
 * How fast the threads of this model can read memory, which bounds decode. Takes `bytes` of memory for the moment: choose
 * several times the processor's cache.
 * @param {Model} model
 * @param {number} [bytes]
 * @returns {Promise<ReadLimit>}
 */
export async function readLimit(model, bytes = 256 << 20) {
  return crewOf(model).call('readLimit', { bytes });
}

/**
 * Bytes of the model's WebAssembly memory: the most that it ever took.
 * @param {Model} model
 * @returns {Promise<number>}
 */
export async function memoryBytes(model) {
  return crewOf(model).call('memoryBytes', {});
}
