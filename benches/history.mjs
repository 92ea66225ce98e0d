// A machine-readable record of what was measured: one line of JSON for each setting of a run, added to and never changed.
//
//   date, commit, machine, browser   where and when; the commit is the one that was measured, with "+" where files differed from it
//   engine, model, bytes, precision, threads, kernel, logitsHash
//   figures                          by name { median, least, most }: decode and prefill in tokens per second ("decode 4000": behind so
//                                    many tokens, "prefill 128": a prompt of so many), "read limit" in bytes per second,
//                                    "processor seconds" of a written token
//
// The benchmark page shows these lines as reference machines.
import { execFileSync } from 'node:child_process';
import { appendFile, readFile } from 'node:fs/promises';

import { short, spread, table } from './statistics.mjs';

/** @typedef {{ median: number, least: number, most: number }} Figure */

/**
 * @typedef {object} Line
 * @property {string} date
 * @property {string} commit
 * @property {string} machine
 * @property {string} browser
 * @property {string} engine
 * @property {string} model
 * @property {number} [bytes] of its file
 * @property {string} precision
 * @property {number} threads
 * @property {string} kernel
 * @property {string} logitsHash
 * @property {Record<string, Figure>} figures
 */

/**
 * The lines of a run of our own engine; peers change only with their versions, and are told in RESULTS.md.
 * @param {{ date: string, machine: string, browser: string, options: { name: string, precision: string }, subjects: { name: string, threads: number, runs: any[] }[] }} result
 * @param {string} commit
 * @returns {Line[]}
 */
export function linesOf({ date, machine, browser, options, subjects }, commit) {
  return subjects
    .filter(({ name, runs }) => name.startsWith('bitnet-web') && runs.length > 0)
    .map(({ threads, runs }) => ({
      date: date.slice(0, 10),
      commit,
      machine,
      browser,
      engine: 'bitnet-web',
      model: options.name.replace(/\.gguf$/, ''),
      bytes: runs[0].info.bytes,
      precision: options.precision,
      threads,
      kernel: [...new Set(runs.map((run) => run.info.kernel))].join(', '),
      logitsHash: [...new Set(runs.map((run) => run.hash))].join(', '),
      figures: figuresOf(runs),
    }));
}

/** @param {any[]} runs @returns {Record<string, Figure>} */
function figuresOf(runs) {
  /** @type {[string, (run: any) => number | undefined][]} */
  const wanted = [
    ...Object.keys(runs[0].decode).map((n) => /** @type {[string, (run: any) => number]} */ ([n === '0' ? 'decode' : `decode ${n}`, (run) => run.decode[n]?.perSecond])),
    ...Object.keys(runs[0].prefill).map((n) => /** @type {[string, (run: any) => number]} */ ([`prefill ${n}`, (run) => run.prefill[n]?.perSecond])),
    ['read limit', (run) => run.limit?.best],
    ['processor seconds', (run) => run.processorSeconds],
  ];
  /** @type {Record<string, Figure>} */
  const figures = {};
  for (const [name, pick] of wanted) {
    const found = spread(runs.map(pick).filter((value) => value !== undefined && Number.isFinite(value)).map(Number));
    if (found) figures[name] = { median: rounded(found.median), least: rounded(found.min), most: rounded(found.max) };
  }
  return figures;
}

/** Four significant digits: more is noise. @param {number} value */
const rounded = (value) => Number(value.toPrecision(4));

/** @param {string} text of a history @returns {Line[]} */
export const parsed = (text) => text.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line));

/**
 * What has changed since the last run of the same machine, model and setting by more than its noise: where the ranges of both do not
 * touch.
 * @param {readonly Line[]} history
 * @param {readonly Line[]} lines
 * @returns {string} in Markdown
 */
export function changes(history, lines) {
  /** @type {string[][]} */
  const rows = [];
  /** @type {string[]} */
  const since = [];
  for (const line of lines) {
    const like = (/** @type {Line} */ other) => ['engine', 'machine', 'model', 'precision', 'threads'].every((name) => /** @type {any} */ (other)[name] === /** @type {any} */ (line)[name]);
    const last = history.filter(like).at(-1);
    if (!last) continue;
    since.push(`${last.commit} of ${last.date}`);
    if (last.logitsHash !== line.logitsHash) rows.push([String(line.threads), 'logits hash', last.logitsHash, line.logitsHash, '']);
    for (const [name, now] of Object.entries(line.figures)) {
      const before = last.figures[name];
      if (!before || (now.least <= before.most && now.most >= before.least)) continue;
      rows.push([String(line.threads), name, short(before.median), short(now.median), `${short((100 * now.median) / before.median - 100)}%`]);
    }
  }
  if (since.length === 0) return 'The first run of this machine, model and setting in the history.';
  const heading = `Since ${[...new Set(since)].join(' and ')}, the last run of this machine`;
  return rows.length ? `${heading}, beyond its noise:\n\n${table(['threads', 'what', 'before', 'now', 'change'], rows)}` : `${heading}: nothing has changed beyond its noise.`;
}

/** The commit of this tree. */
function commitOf() {
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+' : '');
  } catch {
    return 'unknown'; // a copy without its history
  }
}

/**
 * Adds a run to the history in `file`, and compares it with what is there.
 * @param {string} file
 * @param {Parameters<typeof linesOf>[0]} result
 * @returns {Promise<string>} in Markdown
 */
export async function record(file, result) {
  const lines = linesOf(result, commitOf());
  if (lines.length === 0) return '';
  const history = parsed(await readFile(file, 'utf8').catch(() => ''));
  await appendFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return changes(history, lines);
}
