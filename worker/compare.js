// `BitNet.compare`: one prompt under several settings of a load, which is the benchmark of optimization levels.
import { decodeAtDepth } from './bench.js';
import { BitNetError, toWire } from './error.js';
import { checkLoadOptions, checkPrompt } from './options.js';
import { isAddressed } from './source.js';

/** @import { WireError } from './error.js' */
/** @import { Model } from './model.js' */
/** @import { Progress, Prompt } from './protocol.js' */
/** @import { LoadOptions } from './schema.js' */
/** @import { Source } from './source.js' */

/**
 * A setting: options of `load`, and what the table calls it.
 * @typedef {LoadOptions & { label?: string | undefined }} ComparedSetting
 */

/**
 * How settings are compared.
 * @typedef {object} CompareOptions
 * @property {Prompt | undefined} [prompt] a short text by default
 * @property {number | undefined} [maxTokens] of each answer; 32 by default
 * @property {number | undefined} [decodeTokens] tokens that are written besides, behind the prompt and whatever the model says, to time
 *   writing by them: an answer may end early. By default the answer itself is timed
 * @property {number | undefined} [rounds] in each of which every setting has its turn, so that what slows the machine down for a
 *   while meets them all; 3 by default
 * @property {AbortSignal | undefined} [signal]
 * @property {((progress: CompareProgress) => void) | undefined} [onProgress]
 * @property {((rows: ComparisonRow[]) => void) | undefined} [onRows] called after each run with what is known by then: a row for each
 *   setting that has run or failed. What it was given last is what a stopped comparison has found
 */

/**
 * How far a comparison is.
 * @typedef {object} CompareProgress
 * @property {number} done runs that have ended
 * @property {number} total runs
 * @property {number} round the one under way, from 1 on
 * @property {string} label of the setting under way
 * @property {Progress | undefined} load how far its load is; undefined while it is measured
 */

/**
 * A number of several rounds.
 * @typedef {{ median: number, least: number, most: number }} Spread
 */

/**
 * A setting that ran.
 * @typedef {object} ComparedRun
 * @property {true} ok
 * @property {undefined} [error]
 * @property {string} label
 * @property {LoadOptions} options
 * @property {number} runs that its numbers are of
 * @property {string} variant
 * @property {string} kernel
 * @property {string} precision
 * @property {number} threads at the end of the last round
 * @property {number} contextLength tokens
 * @property {number} tokens of the answer
 * @property {Spread} loadMs with a warm-up, from the browser's storage but for the very first one
 * @property {Spread} firstTokenMs
 * @property {Spread} prefillTokensPerSecond
 * @property {Spread} decodeTokensPerSecond
 * @property {number} memoryBytes of the WebAssembly memory, the most
 * @property {string} logitsHash the same for every kernel, thread count and browser; another one for another precision
 * @property {string} text the answer
 */

/**
 * A setting that failed.
 * @typedef {{ ok: false, label: string, options: LoadOptions, error: WireError }} ComparedFailure
 */

/** @typedef {ComparedRun | ComparedFailure} ComparisonRow */

/**
 * What a comparison found.
 * @typedef {object} Comparison
 * @property {ComparisonRow[]} rows in the order of the settings
 * @property {number} rounds
 * @property {string} markdown the rows as a table in Markdown
 */

/** @typedef {{ label: string, options: LoadOptions, runs: Run[], error?: WireError }} Candidate */
/** @typedef {Omit<ComparedRun, 'ok' | 'label' | 'options' | 'runs' | Measured> & Record<Measured, number>} Run */
/** @typedef {'loadMs' | 'firstTokenMs' | 'prefillTokensPerSecond' | 'decodeTokensPerSecond'} Measured */

const PROMPT = 'A ternary weight is -1, 0 or 1, so that a product with it is an addition, a subtraction, or nothing at all. That is why';
const MAX_TOKENS = 32;
const ROUNDS = 3;

/**
 * @param {(source: Source, options: LoadOptions) => Promise<Model>} load
 * @param {Source} source
 * @param {readonly ComparedSetting[]} settings
 * @param {CompareOptions} options
 * @returns {Promise<Comparison>}
 */
export async function compare(load, source, settings, options) {
  const { prompt = PROMPT, maxTokens = MAX_TOKENS, decodeTokens, rounds = ROUNDS, signal, onProgress, onRows } = options;
  if (!isAddressed(source) && !(source instanceof Blob) && !Array.isArray(source)) {
    throw invalid('source', 'an address, a File or an array of Files, since it is loaded again for every run', source);
  }
  checkPrompt(prompt);
  for (const [name, value] of Object.entries({ maxTokens, decodeTokens, rounds })) {
    if (value === undefined) continue;
    if (!Number.isInteger(value) || value < 1) throw invalid(name, 'a whole number of 1 or more', value);
  }
  const candidates = checkSettings(settings);
  signal?.throwIfAborted();
  const total = rounds * candidates.length;
  let done = 0;
  for (let round = 1; round <= rounds; round++) {
    // There and back again: a machine that grows warm favours nobody.
    for (const candidate of round % 2 === 1 ? candidates : candidates.toReversed()) {
      const { label, options, runs } = candidate;
      const tell = (/** @type {Progress | undefined} */ progress) => onProgress?.({ done, total, round, label, load: progress });
      if (candidate.error === undefined) {
        try {
          const call = { prompt, maxTokens, decodeTokens, signal };
          runs.push(await measure(() => load(source, { ...options, warmUp: true, signal, onProgress: tell }), call, tell));
        } catch (error) {
          signal?.throwIfAborted();
          candidate.error = toWire(error);
        }
      }
      done += 1;
      tell(undefined);
      onRows?.(candidates.filter(({ runs, error }) => runs.length > 0 || error !== undefined).map(rowOf));
    }
  }
  const rows = candidates.map(rowOf);
  return { rows, rounds, markdown: markdownOf(rows) };
}

/**
 * Loads a model, lets it answer once, and unloads it.
 * @param {() => Promise<Model>} load
 * @param {{ prompt: Prompt, maxTokens: number, decodeTokens: number | undefined, signal: AbortSignal | undefined }} call
 * @param {(progress: undefined) => void} tell
 * @returns {Promise<Run>}
 */
async function measure(load, { prompt, maxTokens, decodeTokens, signal }, tell) {
  const began = performance.now();
  const model = await load();
  const loadMs = performance.now() - began;
  try {
    tell(undefined);
    // Greedy and without guesses: the same work under every setting.
    const { text, usage, timings } = await model.complete(prompt, { maxTokens, temperature: 0, speculative: false, responseCache: false, signal });
    const { variant, kernel, precision, contextLength } = model.info;
    const depth = usage.promptTokens;
    const room = contextLength - depth - 2;
    const timed = decodeTokens === undefined || room < 2
      ? timings
      : (await decodeAtDepth(model, { context: depth, tokens: Math.min(Math.max(decodeTokens, 2), room), signal })).timings;
    signal?.throwIfAborted();
    const { firstTokenMs, prefillTokensPerSecond } = timings;
    const { decodeTokensPerSecond, threads } = timed;
    const { memory } = await model.metrics();
    const logitsHash = await model.logitsHash();
    return {
      variant, kernel, precision, threads, contextLength, tokens: usage.completionTokens, memoryBytes: memory.wasm, logitsHash, text,
      loadMs, firstTokenMs, prefillTokensPerSecond, decodeTokensPerSecond,
    };
  } finally {
    await model.unload();
  }
}

/**
 * @param {readonly ComparedSetting[]} settings
 * @returns {Candidate[]}
 */
function checkSettings(settings) {
  if (!Array.isArray(settings) || settings.length === 0) throw invalid('settings', 'an array of options of load, at least one', settings);
  return settings.map((setting, index) => {
    if (typeof setting !== 'object' || setting === null) throw invalid(`settings[${index}]`, 'options of load', setting);
    const { label, ...options } = setting;
    if (label !== undefined && typeof label !== 'string') throw invalid(`settings[${index}].label`, 'a string', label);
    checkLoadOptions(options);
    if (options.cache === false || options.cache === 'reload') {
      throw invalid(`settings[${index}].cache`, "true or 'revalidate', since the model is loaded again for every run", options.cache);
    }
    return { label: label ?? nameOf(options), options, runs: [] };
  });
}

/** A name for a setting that has none: its options. @param {LoadOptions} options */
function nameOf(options) {
  const shown = Object.entries(options).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  return shown.map(([name, value]) => `${name}: ${value}`).join(', ') || 'default';
}

/** @param {Candidate} candidate @returns {ComparisonRow} */
function rowOf({ label, options, runs, error }) {
  if (error !== undefined) return { ok: false, label, options, error };
  const spread = (/** @type {Measured} */ name) => spreadOf(runs.map((run) => run[name]));
  const last = runs[runs.length - 1];
  return {
    ok: true,
    label,
    options,
    runs: runs.length,
    ...last,
    memoryBytes: Math.max(...runs.map(({ memoryBytes }) => memoryBytes)),
    loadMs: spread('loadMs'),
    firstTokenMs: spread('firstTokenMs'),
    prefillTokensPerSecond: spread('prefillTokensPerSecond'),
    decodeTokensPerSecond: spread('decodeTokensPerSecond'),
  };
}

/** @param {number[]} values at least one @returns {Spread} */
export function spreadOf(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return { median: (low + high) / 2, least: sorted[0], most: sorted[sorted.length - 1] };
}

/** @param {readonly ComparisonRow[]} rows */
function markdownOf(rows) {
  const head = ['setting', 'threads', 'kernel', 'precision', 'load, s', 'first token, ms', 'prompt, tokens/s', 'answer, tokens/s', 'MiB', 'logits hash'];
  const range = (/** @type {Spread} */ { median, least, most }, digits = 1, unit = 1) => {
    const [a, b, c] = [median, least, most].map((value) => (value / unit).toFixed(digits));
    return b === c ? a : `${a} (${b}-${c})`;
  };
  const cells = rows.map((row) => {
    if (!row.ok) return [row.label, `${row.error.code}: ${row.error.message}`, ...Array(head.length - 2).fill('')];
    const { label, threads, kernel, precision, loadMs, firstTokenMs, prefillTokensPerSecond, decodeTokensPerSecond, memoryBytes, logitsHash } = row;
    return [
      label, `${threads}`, kernel, precision, range(loadMs, 2, 1000), range(firstTokenMs, 0), range(prefillTokensPerSecond),
      range(decodeTokensPerSecond), (memoryBytes / 2 ** 20).toFixed(0), logitsHash,
    ];
  });
  const line = (/** @type {string[]} */ row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [head, head.map(() => '---'), ...cells].map(line).join('\n');
}

/**
 * @param {string} option
 * @param {string} expected
 * @param {unknown} found
 */
function invalid(option, expected, found) {
  let shown = Object.prototype.toString.call(found);
  if (['string', 'number', 'boolean', 'undefined'].includes(typeof found)) shown = String(found);
  return new BitNetError('invalid_argument', `compare: ${option}: expected ${expected}, found ${shown}.`, { details: { option, expected } });
}
