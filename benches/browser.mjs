// Measures a model in headless Chromium, as a page would use it, beside wllama; and the kernels in other browsers.
// `benches/README.md` says what is measured and how.
//
// Rounds are interleaved over everything that is compared, because neighbours on a shared machine take time away for
// minutes; what is printed is the median, with the least and the most.
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import { ROOT, launch, startDemo } from '../tests/e2e/harness.mjs';
import { testEngines } from './engines.mjs';
import { record } from './history.mjs';
import { measureLoads } from './loads.mjs';
import { readOptions } from './options.mjs';
import { processorClock } from './processor.mjs';
import { report } from './report.mjs';
import { short } from './statistics.mjs';
import { ours, wllama } from './subjects.mjs';

const options = readOptions(process.argv.slice(2));
const began = Date.now();
/** @param {string} text */
const say = (text) => console.error(`${String(Math.round((Date.now() - began) / 1000)).padStart(5)} s  ${text}`);

const server = await startDemo({
  folders: {
    '/models/': dirname(resolve(options.file)),
    '/benches/': join(ROOT, 'benches'),
    '/wllama/': join(ROOT, 'node_modules/@wllama/wllama'),
  },
});
const url = `${server.origin}/models/${encodeURIComponent(options.name)}`;
const subjects = [
  ...options.threads.flatMap((threads) => options.kernels.map((kernel) => ours(options, threads, kernel, url))),
  ...options.peers.flatMap((peer) => options.threads.map((threads) => wllama(options, threads, peer))),
];
const result = {
  tool: 'bitnet-web benches/browser.mjs',
  date: new Date().toISOString(),
  machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores`,
  browser: '',
  options,
  /** @type {Awaited<ReturnType<typeof measureLoads>>} */
  loads: [],
  subjects,
  /** @type {Awaited<ReturnType<typeof testEngines>>} */
  engines: [],
};

/** The results until an error are still worth having. */
async function keep() {
  if (options.json) await writeFile(options.json, JSON.stringify(result, undefined, 1));
}

try {
  const browser = await launch();
  try {
    result.browser = `Chromium ${browser.version()}`;
    const place = { browser, origin: server.origin, processorSeconds: await processorClock(browser), say };
    const rounds = Math.max(...subjects.map((subject) => subject.rounds));
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects.filter((subject) => round < subject.rounds)) {
        say(`round ${round + 1} of ${subject.rounds}: ${subject.name}, threads: ${subject.threads}`);
        const run = await subject.measure(place);
        subject.runs.push(run);
        say(`  decode ${short(run.decode[0]?.perSecond)} tok/s, logits hash ${run.hash ?? 'none'}`);
        await keep();
      }
    }
  } finally {
    await browser.close();
  }
  result.loads = await measureLoads(options, server.origin, url, say);
  await keep();
  result.engines = await testEngines(options, say);
} finally {
  await server.close();
  await keep();
}
console.log(report(result));
if (options.history) console.log(await record(options.history, result));
