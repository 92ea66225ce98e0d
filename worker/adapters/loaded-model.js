// What an adapter is given.
import { BitNetError } from '../error.js';

/** @import { Model } from '../model.js' */

/**
 * @param {Model} model
 * @returns {Model} the same, if it is one
 */
export function checkModel(model) {
  if (typeof model?.generate === 'function') return model;
  const found = model instanceof Object && 'then' in model ? 'a promise: await it' : model === null ? 'null' : typeof model;
  throw new BitNetError('invalid_argument', `model: expected a loaded model, as await BitNet.load(...) gives it, found ${found}.`, {
    details: { option: 'model' },
  });
}
