// Keys and values of a text in the engine worker, on their way out and back in, in short steps.
import { CANCELLED } from './queue.js';
import { nextTask } from './step.js';

/** @import { Methods } from './protocol.js' */
/** @import { CallState } from './queue.js' */
/** @import { WasmModel } from './wasm/relaxed/bitnet_web.js' */

/** Bytes that are taken in one step. */
const PIECE = 1 << 20;

/** @param {CallState} state */
async function pause(state) {
  state.steps += 1;
  await nextTask();
  if (state.cancelled) throw CANCELLED;
}

/**
 * @param {WasmModel} model
 * @param {Methods['exportPrefix']['args']} args
 * @param {CallState} state
 * @returns {Promise<Uint8Array>}
 */
export async function exportPrefix(model, { prompt, options }, state) {
  const out = new Uint8Array(model.beginExport(prompt, options));
  for (let at = 0; ;) {
    const piece = model.stepExport();
    if (piece.length === 0) return out;
    out.set(piece, at);
    at += piece.length;
    await pause(state);
  }
}

/**
 * @param {WasmModel} model
 * @param {Methods['importPrefix']['args']} args
 * @param {CallState} state
 * @returns {Promise<number>} tokens that need not be read again
 */
export async function importPrefix(model, { bytes }, state) {
  model.beginImport();
  for (let at = 0; at < bytes.length; at += PIECE) {
    model.pushImport(bytes.subarray(at, at + PIECE));
    await pause(state);
  }
  return model.endImport();
}
