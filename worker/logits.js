// The logits of a text in the engine worker, in steps of bounded length.
import { CANCELLED } from './queue.js';
import { breathe } from './step.js';

/** @import { Methods } from './protocol.js' */
/** @import { Turn } from './queue.js' */
/** @import { BatchSize } from './step.js' */
/** @import { WasmModel } from './wasm/relaxed/bitnet_web.js' */

/** The largest answer, in bytes: it is held outside the engine's memory, and copied once on its way to the page. */
const MAX_BYTES = 1 << 30;

/**
 * @param {WasmModel} model
 * @param {Methods['logits']['args']} args
 * @param {number} vocabulary
 * @param {BatchSize} batch
 * @param {Turn} turn
 * @returns {Promise<Float32Array>} shape (positions, vocabulary)
 */
export async function logits(model, { ids, positions }, vocabulary, batch, turn) {
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
  const last = asked.reduce((a, b) => Math.max(a, b + 1), 0);
  // Each piece of the text goes on where the one before ended: what is computed is not computed again.
  for (let begin = 0, end; begin < last; begin = end) {
    end = Math.min(begin + batch.tokens, last);
    const rows = [...asked.keys()].filter((row) => asked[row] >= begin && asked[row] < end);
    const here = rows.length > 0 ? rows.map((row) => asked[row]) : [end - 1];
    const values = model.logits(ids.subarray(0, end), Uint32Array.from(here));
    rows.forEach((row, i) => out.set(values.subarray(i * vocabulary, (i + 1) * vocabulary), row * vocabulary));
    turn.steps += 1;
    await breathe();
    if (turn.cancelled) throw CANCELLED;
  }
  return out;
}
