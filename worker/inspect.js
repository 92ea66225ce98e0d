// A loaded model, to be looked at: the codes of its weights, and how busy its threads are. Not a part of the API; the pages use it.
import { BitNetError } from './error.js';
import { engines } from './model.js';

/** @import { Model } from './model.js' */
/** @import { MatrixInfo, ThreadLoad, WeightCounts } from './protocol.js' */

/** How long the engine counts weights at a time, milliseconds: a token that is written meanwhile comes that much later. */
const STEP = 2;

/** @param {Model} model */
function engineOf(model) {
  const engine = engines.get(model);
  if (engine === undefined) throw new BitNetError('invalid_argument', 'model: expected what BitNet.load returned.');
  return engine;
}

/**
 * Its matrices, as they lie in the file.
 * @param {Model} model
 * @returns {Promise<MatrixInfo[]>}
 */
export async function matrices(model) {
  return engineOf(model).call('matrices', {});
}

/**
 * The codes of a part of a matrix, row after row: -1, 0, +1, and of some types +2.
 * @param {Model} model
 * @param {string} name of the matrix
 * @param {{ row: number, rows: number, col: number, cols: number }} part the first row, how many, and the same of columns; at most
 *   2^20 weights
 * @returns {Promise<Int8Array>}
 */
export async function weightTile(model, name, part) {
  return engineOf(model).call('weightTile', { name, ...part });
}

/**
 * Counts the codes of a whole matrix, in short steps between which the engine does other work.
 * @param {Model} model
 * @param {MatrixInfo} matrix
 * @param {{ signal?: AbortSignal, onProgress?: (counts: WeightCounts) => void }} [options] `onProgress` is told what is counted so far
 * @returns {Promise<WeightCounts>}
 */
export async function countWeights(model, { name, rows }, { signal, onProgress } = {}) {
  const engine = engineOf(model);
  /** @type {WeightCounts} */
  const all = { counts: [0, 0, 0, 0], next: 0 };
  while (all.next < rows) {
    const { counts, scales, next } = await engine.call('countWeights', { name, row: all.next, limit: STEP }, { signal });
    counts.forEach((count, i) => (all.counts[i] += count));
    if (scales) all.scales = all.scales ? [Math.min(all.scales[0], scales[0]), Math.max(all.scales[1], scales[1])] : scales;
    all.next = next;
    onProgress?.(all);
  }
  return all;
}

/**
 * How long each thread was at work since that was measured first: in its tasks, not waiting for the other threads. Measuring begins
 * with the first call, and ends with one that says so.
 * @param {Model} model
 * @param {boolean} measured from now on
 * @returns {Promise<ThreadLoad>}
 */
export async function threadLoad(model, measured) {
  return engineOf(model).call('threadLoad', { measured });
}
