/** Settings side by side: kernels, threads and precisions on one prompt, measured by `BitNet.compare` in rounds that take turns. */
import { figure } from '../app/format.js';
import { t } from '../app/texts.js';

/** @typedef {import('./statistics.js').Spread} Spread */

/**
 * What is asked of a load.
 * @typedef {object} Asked
 * @property {string} kernel or `auto`
 * @property {number | null} threads null: automatic
 * @property {string} precision
 */

/**
 * A setting that was measured, or that failed.
 * @typedef {object} Setting
 * @property {Asked} asked
 * @property {string} [error] its code, where it failed
 * @property {string} [kernel] that ran
 * @property {number} [threads] that wrote in the end
 * @property {Spread} [prefill] tokens per second
 * @property {Spread} [decode] tokens per second
 * @property {number} [loadMs] median, out of the browser's storage
 * @property {number} [memoryBytes] of the engine, the most
 * @property {string} [logitsHash]
 */

/**
 * @typedef {object} Settings
 * @property {number} promptTokens that prefill is measured with
 * @property {number} tokens that decode is measured with
 * @property {Setting[]} rows
 */

export const ROUNDS = 3;

/** Writing is timed over so many seconds by the speed that the run above had, and by so many tokens at least and at most. */
const DECODE_SECONDS = 0.5;
const LEAST_TOKENS = 32;
const MOST_TOKENS = 192;

/**
 * Tokens by which writing is timed.
 * @param {number} tokensPerSecond
 */
export function tokensFor(tokensPerSecond) {
  return Math.round(Math.min(MOST_TOKENS, Math.max(LEAST_TOKENS, tokensPerSecond * DECODE_SECONDS)));
}

/**
 * @param {import('../app/api.js').BitNetApi} api
 * @param {{ source: import('../app/api.js').Source, settings: readonly Asked[], prompt: string, promptTokens: number, tokens: number }} plan
 * @param {AbortSignal} signal
 * @param {(stage: string, share: number) => void} onStage
 * @param {(settings: Settings) => void} onSettings after each run
 */
export async function compareSettings(api, { source, settings, prompt, promptTokens, tokens }, signal, onStage, onSettings) {
  if (!api.compare) return;
  const labels = settings.map(fullName);
  await api.compare(source, settings.map((asked, i) => ({ label: labels[i], ...optionsOf(asked) })), {
    prompt,
    maxTokens: 1,
    decodeTokens: tokens,
    rounds: ROUNDS,
    signal,
    onProgress: ({ done, total, round, label }) => onStage(t('stage.compare', { label, round, rounds: ROUNDS }), done / total),
    onRows: (rows) => onSettings({ promptTokens, tokens, rows: rows.map((row) => settingOf(row, settings[labels.indexOf(row.label)])) }),
  });
}

/** @param {Asked} asked @returns {import('../app/api.js').LoadOptions} */
function optionsOf({ kernel, threads, precision }) {
  return /** @type {import('../app/api.js').LoadOptions} */ ({
    precision,
    ...(threads === null ? {} : { threads }),
    ...(kernel === 'auto' ? {} : { kernel }),
  });
}

/**
 * @param {import('../../worker/compare.js').ComparisonRow} row
 * @param {Asked} asked
 * @returns {Setting}
 */
function settingOf(row, asked) {
  if (!row.ok) return { asked, error: row.error.code };
  const spread = (/** @type {import('../../worker/compare.js').Spread} */ { median, least, most }) => ({ median, min: least, max: most, repetitions: row.runs });
  return {
    asked,
    kernel: row.kernel,
    threads: row.threads,
    prefill: spread(row.prefillTokensPerSecond),
    decode: spread(row.decodeTokensPerSecond),
    loadMs: row.loadMs.median,
    memoryBytes: row.memoryBytes,
    logitsHash: row.logitsHash,
  };
}

/** @param {Asked} asked */
export function fullName({ kernel, threads, precision }) {
  return [kernelName(kernel), threadsName(threads), precisionName(precision)].join(', ');
}

/**
 * Short names for settings: what all of them have in common is left out.
 * @param {readonly Setting[]} rows
 * @returns {string[]}
 */
export function shortNames(rows) {
  const varies = (/** @type {keyof Asked} */ of) => new Set(rows.map(({ asked }) => asked[of])).size > 1;
  const [threads, precision] = [varies('threads'), varies('precision')];
  const kernel = varies('kernel') || !(threads || precision);
  return rows.map(({ asked, kernel: ran, threads: wrote }) =>
    [
      kernel && (asked.kernel === 'auto' && ran ? t('side.autoIs', { value: ran }) : kernelName(asked.kernel)),
      threads && (asked.threads === null && wrote ? t('side.autoIs', { value: threadsName(wrote) }) : threadsName(asked.threads)),
      precision && precisionName(asked.precision),
    ]
      .filter(Boolean)
      .join(', '),
  );
}

/** @param {string} kernel */
function kernelName(kernel) {
  return kernel === 'auto' ? t('settings.automaticChoice') : kernel;
}

/** @param {number | null} threads */
function threadsName(threads) {
  return threads === null ? t('side.automaticThreads') : t('info.threads', { n: threads });
}

/** @param {string} precision */
function precisionName(precision) {
  return t(precision === 'exact' ? 'settings.exact' : 'settings.fast');
}

/**
 * What the settings agree on, and what `auto` took and why.
 * @param {Settings} settings
 * @param {{ precision?: string, logitsHash?: string }} run above them
 * @param {import('../app/api.js').SelfTest | undefined} selfTest
 * @returns {string[]} sentences
 */
export function findings({ rows }, run, selfTest) {
  return [...hashFindings(rows, run), ...kernelFindings(rows, selfTest), ...threadFindings(rows)];
}

/**
 * @param {readonly Setting[]} rows
 * @param {{ precision?: string, logitsHash?: string }} run
 */
function hashFindings(rows, run) {
  return ['fast', 'exact'].flatMap((precision) => {
    const those = rows.filter(({ asked, logitsHash }) => asked.precision === precision && logitsHash);
    if (those.length === 0) return [];
    const hashes = new Set(those.map(({ logitsHash }) => String(logitsHash)));
    if (run.precision === precision && run.logitsHash) hashes.add(run.logitsHash);
    const values = { precision: precisionName(precision), n: those.length, hash: [...hashes].join(', ') };
    return [hashes.size > 1 ? t('side.differ', values) : t('side.same', values)];
  });
}

/** @typedef {Setting & { decode: Spread, kernel: string, threads: number }} Measured */

/** @param {readonly Setting[]} rows */
function measured(rows) {
  return /** @type {Measured[]} */ (rows.filter(({ decode }) => decode !== undefined));
}

/**
 * The kernel that automatic took, beside the one that was the fastest.
 * @param {readonly Setting[]} rows
 * @param {import('../app/api.js').SelfTest | undefined} selfTest
 */
function kernelFindings(rows, selfTest) {
  const auto = measured(rows).find(({ asked }) => asked.kernel === 'auto');
  if (!auto) return [];
  const named = measured(rows).filter(
    ({ asked }) => asked.kernel !== 'auto' && asked.threads === auto.asked.threads && asked.precision === auto.asked.precision,
  );
  const list = selfTest?.kernels.map(({ kernel, weightsPerSecond }) => `${kernel} ${figure(weightsPerSecond / 1e9)}`).join(', ');
  const why = list ? [t('side.autoWhy', { list })] : [];
  const best = fastest(named);
  const same = named.find(({ kernel }) => kernel === auto.kernel);
  if (!best || !same) return [t('side.autoTakes', { kernel: auto.kernel }), ...why];
  if (best === same) return [t('side.autoFastest', { kernel: auto.kernel }), ...why];
  const values = { kernel: auto.kernel, best: best.kernel, percent: Math.round(100 * (best.decode.median / same.decode.median - 1)) };
  return [t(best.decode.min <= same.decode.max ? 'side.autoWithin' : 'side.autoSlower', values), ...why];
}

/** @param {readonly Setting[]} rows */
function threadFindings(rows) {
  const auto = measured(rows).find(({ asked }) => asked.threads === null);
  if (!auto) return [];
  const best = fastest(
    measured(rows).filter(({ asked }) => asked.threads !== null && asked.kernel === auto.asked.kernel && asked.precision === auto.asked.precision),
  );
  return best ? [t('side.autoThreads', { auto: threadsName(auto.threads), best: threadsName(best.threads) })] : [];
}

/** @param {readonly Measured[]} rows @returns {Measured | undefined} */
function fastest(rows) {
  return [...rows].sort((a, b) => b.decode.median - a.decode.median)[0];
}
