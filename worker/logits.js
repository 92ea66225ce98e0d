// The logits of a text in the engine worker, in steps of bounded length.
import { CANCELLED } from './queue.js';
import { STEP_LIMIT, nextTask } from './step.js';

/** @import { Methods } from './protocol.js' */
/** @import { CallState } from './queue.js' */
/** @import { WasmModel } from './wasm/relaxed/bitnet_web.js' */

/** The largest answer, in bytes: it is held outside the engine's memory, and copied once on its way to the page. */
const MAX_BYTES = 1 << 30;

/**
 * @param {WasmModel} model
 * @param {Methods['logits']['args']} args
 * @param {number} vocabulary
 * @param {CallState} state
 * @returns {Promise<Float32Array>} shape (positions, vocabulary)
 */
export async function logits(model, { ids, positions }, vocabulary, state) {
  const asked = positions ?? ids.map((_, i) => i);
  const bytes = asked.length * vocabulary * 4;
  if (bytes > MAX_BYTES) {
    const message = `The logits of ${asked.length} positions are ${bytes} bytes, at most ${MAX_BYTES} fit: ask for fewer positions at a time.`;
    throw { code: 'out_of_memory', message, details: { bytes, limit: MAX_BYTES } };
  }
  const wrong = asked.find((position) => position >= ids.length);
  if (wrong !== undefined) {
    throw { code: 'invalid_argument', message: `positions: expected less than ${ids.length}, the number of ids, found ${wrong}.` };
  }
  const out = new Float32Array(asked.length * vocabulary);
  model.beginLogits(ids, Uint32Array.from(asked));
  for (let left = asked.length; left > 0;) {
    const step = model.stepLogits(STEP_LIMIT);
    if (step) {
      const [rows, values] = step;
      rows.forEach((row, i) => out.set(values.subarray(i * vocabulary, (i + 1) * vocabulary), row * vocabulary));
      left -= rows.length;
    }
    state.steps += 1;
    await nextTask();
    if (state.cancelled) {
      model.end();
      throw CANCELLED;
    }
  }
  model.end();
  return out;
}

/**
 * The log-probability of each token of a text but the first.
 * @param {WasmModel} model
 * @param {string} text
 * @param {CallState} state
 * @returns {Promise<Methods['perplexity']['value']>}
 */
export async function scores(model, text, state) {
  const ids = model.beginScores(text);
  const logprobs = new Float32Array(ids.length - 1);
  for (let left = logprobs.length; left > 0;) {
    const step = model.stepLogits(STEP_LIMIT);
    if (step) {
      const [rows, values] = step;
      rows.forEach((row, i) => void (logprobs[row] = values[i]));
      left -= rows.length;
    }
    state.steps += 1;
    await nextTask();
    if (state.cancelled) {
      model.end();
      throw CANCELLED;
    }
  }
  model.end();
  return { ids, logprobs };
}
