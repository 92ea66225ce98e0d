// A text into token ids in the engine worker, in steps of bounded length: a long one takes seconds.
import { nextTask } from './step.js';

/** @import { WasmEncoding, WasmModel } from './wasm/relaxed/bitnet_web.js' */

/** How long one step may take, in milliseconds: other calls are answered in between. */
const LIMIT = 90;

/**
 * @param {WasmModel} model
 * @param {WasmEncoding} encoding of the text, at its start; freed here
 * @returns {Promise<Uint32Array>}
 */
export async function tokenize(model, encoding) {
  try {
    while (!model.tokenizeStep(encoding, LIMIT)) await nextTask();
    return encoding.ids();
  } finally {
    encoding.free();
  }
}
