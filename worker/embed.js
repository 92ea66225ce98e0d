// Embeddings of texts in the engine worker, in steps of bounded length.
import { CANCELLED } from './queue.js';
import { STEP_LIMIT, nextTask } from './step.js';

/** @import { CallState } from './queue.js' */
/** @import { WasmModel } from './wasm/relaxed/bitnet_web.js' */

/**
 * @param {WasmModel} model
 * @param {string[]} texts
 * @param {CallState} state
 * @returns {Promise<Float32Array>} shape (texts, dimensions)
 */
export async function embed(model, texts, state) {
  model.beginEmbed(texts);
  let out = new Float32Array();
  for (let left = texts.length; left > 0;) {
    const step = model.stepEmbed(STEP_LIMIT);
    if (step) {
      const [places, values] = step;
      const dimensions = values.length / places.length;
      if (out.length === 0) out = new Float32Array(texts.length * dimensions);
      places.forEach((place, i) => out.set(values.subarray(i * dimensions, (i + 1) * dimensions), place * dimensions));
      left -= places.length;
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
