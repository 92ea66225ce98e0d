// A short generation in the engine worker that leaves no trace, for `model.health`.
import { CANCELLED } from './queue.js';
import { STEP_LIMIT, nextTask } from './step.js';

/** @import { Methods } from './protocol.js' */
/** @import { CallState } from './queue.js' */
/** @import { WasmModel } from './wasm/relaxed/bitnet_web.js' */

/**
 * @param {WasmModel} model
 * @param {Methods['trial']['args']} args
 * @param {CallState} state
 * @returns {Promise<number>} tokens that were written
 */
export async function runTrial(model, { tokens }, state) {
  model.beginTrial(tokens);
  while (!model.stepTrial(STEP_LIMIT)) {
    state.steps += 1;
    await nextTask();
    if (!state.cancelled) continue;
    model.endTrial();
    throw CANCELLED;
  }
  return model.endTrial().length;
}
