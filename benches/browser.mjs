// Measures a model in headless Chromium through the public API, as a page would use it.
//
//   node benches/browser.mjs MODEL.gguf [--threads 1,2] [--kernels auto,lut] [--prompts 16,128,512] [--tokens 32]
//                                       [--contexts 0,1024] [--rounds 3] [--precision fast] [--json OUT.json]
//
// Rounds are interleaved over all configurations, because neighbours on a shared machine take time away for minutes;
// what is printed is the median, with the least and the most.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { launch, startDemo } from '../tests/e2e/harness.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: 'string', default: '1,2' },
    kernels: { type: 'string', default: 'auto' },
    prompts: { type: 'string', default: '16,128,512' },
    contexts: { type: 'string', default: '0,1024' },
    tokens: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '3' },
    precision: { type: 'string', default: 'fast' },
    json: { type: 'string' },
  },
});
const [file] = positionals;
if (file === undefined) throw new Error('which model? node benches/browser.mjs MODEL.gguf');

/** @param {string} list */
const numbers = (list) => list.split(',').map(Number);

/**
 * Runs in the page: loads the model, measures, unloads.
 * @param {{ url: string, threads: number, kernel: string, precision: string, prompts: number[], contexts: number[], tokens: number }} job
 */
async function measure({ url, threads, kernel, precision, prompts, contexts, tokens }) {
  const { BitNet } = await import(/** @type {string} */ ('/dist/index.js'));
  const began = performance.now();
  const model = await BitNet.load(url, { threads, precision, cache: false, ...(kernel === 'auto' ? {} : { kernel }) });
  const loadMs = performance.now() - began;
  // Letters with spaces between them are at least one token each in any byte-level vocabulary; the seed keeps one
  // prompt from being the beginning of another, which the session would not compute again.
  /** @param {number} count @param {number} seed */
  const prompt = (count, seed) =>
    Array.from({ length: Math.ceil(count / 2) }, (_, i) => String.fromCharCode(97 + ((i * 7 + seed) % 26))).join(' ');
  const results = { info: model.info, loadMs, hash: await model.logitsHash(), prefill: {}, decode: {}, firstTokenMs: {} };
  let seed = 1;
  await model.complete(prompt(16, seed++), { maxTokens: 4, temperature: 0 });
  for (const count of prompts) {
    const { usage, timings } = await model.complete(prompt(count, seed++), { maxTokens: 1, temperature: 0 });
    results.prefill[count] = ((usage.promptTokens - usage.cachedTokens) * 1000) / timings.prefillMs;
    results.firstTokenMs[count] = timings.firstTokenMs;
  }
  for (const context of contexts) {
    const { timings } = await model.complete(prompt(Math.max(context, 4), seed++), { maxTokens: tokens, temperature: 0 });
    results.decode[context] = timings.decodeTokensPerSecond;
  }
  await model.unload();
  return results;
}

/** @param {number[]} samples */
function spread(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted[sorted.length - 1] };
}

/** @param {number} value */
const show = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));

const server = await startDemo({ folders: { '/models/': dirname(resolve(file)) } });
const browser = await launch();
const configurations = numbers(values.threads).flatMap((threads) =>
  values.kernels.split(',').map((kernel) => ({ threads, kernel, runs: /** @type {any[]} */ ([]) })),
);
const job = {
  url: `${server.origin}/models/${encodeURIComponent(basename(file))}`,
  precision: values.precision,
  prompts: numbers(values.prompts),
  contexts: numbers(values.contexts),
  tokens: Number(values.tokens),
};
let version = '';
try {
  version = browser.version();
  const page = await browser.newPage();
  await page.goto(`${server.origin}/blank.html`);
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { threads, kernel, runs } of configurations) {
      console.error(`round ${round + 1}: ${threads} threads, kernel ${kernel}`);
      runs.push(await page.evaluate(measure, { ...job, threads, kernel }));
    }
  }
} finally {
  await browser.close();
  await server.close();
}

const lines = [
  `# ${basename(file)}`,
  '',
  `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Chromium ${version}, ${new Date().toISOString().slice(0, 10)}, precision ${values.precision}`,
  '',
];
const heads = [
  'threads',
  'kernel',
  ...job.prompts.map((count) => `prefill ${count}`),
  ...job.contexts.map((context) => `decode at ${context}`),
  'load, s',
  'logits hash',
];
lines.push(`| ${heads.join(' | ')} |`, `|${heads.map(() => '---').join('|')}|`);
for (const { threads, kernel, runs } of configurations) {
  /** @param {(run: any) => number} pick */
  const cell = (pick) => {
    const { median, min, max } = spread(runs.map(pick));
    return `${show(median)} (${show(min)}-${show(max)})`;
  };
  const hashes = [...new Set(runs.map((run) => run.hash))];
  const chosen = [...new Set(runs.map((run) => run.info.kernel))].join(', ');
  lines.push(
    `| ${[
      threads,
      kernel === 'auto' ? `${chosen} (measured)` : kernel,
      ...job.prompts.map((count) => cell((run) => run.prefill[count])),
      ...job.contexts.map((context) => cell((run) => run.decode[context])),
      cell((run) => run.loadMs / 1000),
      hashes.join(', '),
    ].join(' | ')} |`,
  );
}
lines.push('', 'Prefill and decode in tokens per second: median (least-most).');
console.log(lines.join('\n'));
if (values.json) await writeFile(values.json, JSON.stringify({ version, configurations }, undefined, 1));
