// Keys and values of a text as bytes: a conversation that comes back with them is not read again. What is built on them is the
// API; these two calls may change with any version.
import { BitNetError } from './error.js';
import { engines, prepare } from './model.js';

/** @import { Model } from './model.js' */
/** @import { Prompt } from './protocol.js' */
/** @import { GenerateOptions } from './schema.js' */

/** @param {Model} model */
function engineOf(model) {
  const engine = engines.get(model);
  if (engine === undefined) throw new BitNetError('invalid_argument', 'model: expected what BitNet.load returned.');
  return engine;
}

/**
 * The keys and values of what the model has computed of a prompt: of as many of its first tokens as a text that was read or
 * written before begins with and that are still in memory, possibly none. They are of use only for the same model with the
 * same adapters and precision, whatever the kernel, threads and browser; some 40 KB a token with `fast` precision for 2B4T.
 * @param {Model} model
 * @param {Prompt} prompt
 * @param {GenerateOptions} [options] of `generate`: those that concern messages count
 * @param {{ signal?: AbortSignal | undefined }} [more]
 * @returns {Promise<Uint8Array>}
 */
export async function exportPrefix(model, prompt, options = {}, { signal } = {}) {
  const engine = engineOf(model);
  return engine.call('exportPrefix', await prepare(model, prompt, options), { signal });
}

/**
 * Takes back what `exportPrefix` gave: a prompt that begins with the same tokens is not read again that far. Rejects with
 * `integrity` where the bytes are damaged, `other_model` where they come from another model, precision or other adapters,
 * `unsupported` where another version wrote them, `context_overflow` where they do not fit; then nothing has changed, and the
 * text only has to be read again.
 * @param {Model} model
 * @param {Uint8Array} bytes
 * @param {{ signal?: AbortSignal | undefined }} [more]
 * @returns {Promise<number>} how many tokens these are
 */
export async function importPrefix(model, bytes, { signal } = {}) {
  if (!(bytes instanceof Uint8Array)) throw new BitNetError('invalid_argument', 'bytes: expected the Uint8Array that exportPrefix gave.');
  return engineOf(model).call('importPrefix', { bytes }, { signal });
}
