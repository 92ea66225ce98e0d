// Whether `threads: 'auto'` finds the faster count: many fresh pages, each of which loads a model and writes one answer,
// and in turn with them the speed of every fixed count.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { withServedModel } from './served-model.mjs';
import { cell, table } from './statistics.mjs';
import { call } from './subjects.mjs';

/** @import { ServedModel } from './served-model.mjs' */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pages: { type: 'string', default: '30' },
    tokens: { type: 'string', default: '64' }, // of the answer after which the choice is looked at
    every: { type: 'string', default: '1' }, // fixed counts are measured on every so many pages
    counts: { type: 'string', default: [...new Set([1, cpus().length])].join(',') },
  },
});
const tokens = Number(values.tokens);
const counts = values.counts.split(',').map(Number);

/**
 * The median speed of answers on a fresh page, and the count of threads after the first.
 * @param {ServedModel} model
 * @param {'auto' | number} threads
 * @param {number} answers
 */
async function measure({ url, openPage }, threads, answers) {
  const page = await openPage();
  try {
    await call(page, 'ours.js', 'load', url, { threads, cache: false });
    const chosen = await call(page, 'ours.js', 'answer', tokens);
    const speeds = [];
    for (let i = 1; i < answers; i++) speeds.push((await call(page, 'ours.js', 'answer', tokens)).perSecond);
    await call(page, 'ours.js', 'unload');
    return { threads: chosen.threads, perSecond: speeds.sort((a, b) => a - b)[speeds.length >> 1] };
  } finally {
    await page.close();
  }
}

await withServedModel(positionals[0], async (model) => {
  /** @type {Map<number, number>} */
  const chosen = new Map();
  const speeds = new Map(counts.map((count) => [count, /** @type {number[]} */ ([])]));
  for (let index = 0; index < Number(values.pages); index++) {
    const { threads } = await measure(model, 'auto', 1);
    chosen.set(threads, (chosen.get(threads) ?? 0) + 1);
    console.error(`page ${index + 1}: ${threads} threads`);
    if (index % Number(values.every) !== 0) continue;
    for (const [count, list] of speeds) list.push((await measure(model, count, 4)).perSecond);
  }
  console.log(`Chromium ${model.browser.version()}, ${cpus()[0]?.model}, ${cpus().length} cores; answers of ${tokens} tokens\n`);
  console.log(table(
    ['threads', 'pages that chose it in their first answer', 'decode with so many threads, tok/s'],
    [...speeds].map(([count, list]) => [String(count), String(chosen.get(count) ?? 0), cell(list)]),
  ));
});
