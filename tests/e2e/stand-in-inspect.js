// Stands in for what the library tells of a loaded model's inside, as `stand-in.js` for the library.

/** A matrix with one scale, one with codes of 2 and a scale for each group, and one that is kept as numbers. */
const MATRICES = [
  { name: 'token_embd.weight', type: 'F16', rows: 256, cols: 128, signsOnly: true },
  { name: 'blk.0.attn_q.weight', type: 'I2_S', rows: 128, cols: 128, signsOnly: false },
  { name: 'blk.0.ffn_down.weight', type: 'Q2_0', rows: 128, cols: 320, groupColumns: 64, signsOnly: false },
  { name: 'blk.1.attn_q.weight', type: 'I2_S', rows: 128, cols: 128, signsOnly: false },
];

/** What was asked, for the tests: which tiles and counts, and whether threads are measured. */
const inspected = { tiles: 0, counts: 0, measured: false };
Object.assign(globalThis, { inspected });

export async function matrices() {
  return MATRICES;
}

/** @param {unknown} _model @param {string} name @param {{ row: number, rows: number, col: number, cols: number }} part */
export async function weightTile(_model, name, { row, rows, col, cols }) {
  inspected.tiles += 1;
  const codes = name.includes('ffn') ? 4 : 3;
  return Int8Array.from({ length: rows * cols }, (_, i) => ((row + Math.floor(i / cols) + col + (i % cols)) % codes) - 1);
}

/** @param {unknown} _model @param {{ name: string, rows: number, cols: number }} matrix @param {{ signal?: AbortSignal }} options */
export async function countWeights(_model, { name, rows, cols }, { signal } = {}) {
  inspected.counts += 1;
  await new Promise((resolve) => setTimeout(resolve, 5));
  signal?.throwIfAborted();
  const all = rows * cols;
  if (name.includes('ffn')) return { counts: [all / 4, all / 4, all / 4, all / 4], scales: [0.5, 1.25], next: rows };
  return { counts: [all / 4, all / 2, all / 4, 0], scales: [0.75, 0.75], next: rows };
}

let busy = 0;

/** @param {unknown} _model @param {boolean} measured the leader is always at work, the other thread a quarter of the time */
export async function threadLoad(_model, measured) {
  inspected.measured = measured;
  const at = busy;
  busy += 400;
  return { at, busy: Float64Array.of(at, at / 4) };
}
