/** Whether a model has room here, and how fast it would write: by what is known of it before anything of it is fetched. */

/** @typedef {'fits' | 'tight' | 'doesNotFit'} Fit */

/**
 * The memory that WebAssembly gives a model at most, bytes: 4 GiB are addressed, and the engine needs some for itself.
 */
export const MOST_MEMORY = 2 ** 32 - 2 ** 28;
/** The context that memory is stated for, tokens, and the shortest that makes sense for a chat. */
const USUAL_CONTEXT = 4096;
const LEAST_CONTEXT = 512;
/** Shares of the machine's memory: up to the first a model leaves room for others, beyond the second the browser gives up. */
const COMFORTABLE = 0.4;
const POSSIBLE = 0.8;
/** The speed of matrices that have a scale for each group of columns, as a share of that of matrices with one. */
const GROUPED = 0.8;
/** The same of binary matrices, which have groups as well, but a bit for each weight and a kernel of their own. */
const BINARY = 1.5;

/**
 * What is known of a model's needs.
 * @typedef {object} Needs
 * @property {number} weightBytes
 * @property {number | null} kvBytesPerToken null: unknown
 * @property {number | null} context tokens that the model was made for; null: unknown
 */

/**
 * The memory of weights, keys and values with a context that is usual in a chat.
 * @param {Needs} needs
 */
export function memoryOf({ weightBytes, kvBytesPerToken, context }) {
  return weightBytes + (kvBytesPerToken ?? 0) * Math.min(context ?? USUAL_CONTEXT, USUAL_CONTEXT);
}

/**
 * @param {Needs} needs
 * @param {{ deviceMemory?: number, probed?: import('./api.js').ProbeResult }} known `deviceMemory` as browsers round it, GiB; they
 *   tell at most 8
 * @returns {Fit}
 */
export function fitOf(needs, { deviceMemory, probed }) {
  if (probed?.fits === false) return probed.contextThatFits ? 'tight' : 'doesNotFit';
  // A model whose whole context does not fit runs with as much as does.
  if ((probed?.contextThatFits ?? Infinity) < Math.min(needs.context ?? USUAL_CONTEXT, USUAL_CONTEXT)) return 'tight';
  const least = needs.weightBytes + (needs.kvBytesPerToken ?? 0) * LEAST_CONTEXT;
  if (least > MOST_MEMORY) return 'doesNotFit';
  const needed = probed?.memoryBytes ?? memoryOf(needs);
  if (deviceMemory) {
    const machine = deviceMemory * 2 ** 30;
    if (least > POSSIBLE * machine) return 'doesNotFit';
    if (needed > COMFORTABLE * machine) return 'tight';
  }
  return needed > MOST_MEMORY ? 'tight' : 'fits';
}

/**
 * Tokens a second, from how many weights a second the kernel multiplies here.
 * @param {number} parameters
 * @param {{ grouped: boolean, binary: boolean, weightsPerSecond: number }} how
 */
export function speedOf(parameters, { grouped, binary, weightsPerSecond }) {
  return (weightsPerSecond * (binary ? BINARY : grouped ? GROUPED : 1)) / parameters;
}

/**
 * A number as authors write it.
 * @param {string} text such as "2.4B", "270M"
 * @returns {number}
 */
export function parametersOf(text) {
  const [, number, unit] = /^([\d.]+)([MB])$/.exec(text) ?? [];
  return Number(number) * (unit === 'B' ? 1e9 : 1e6);
}
