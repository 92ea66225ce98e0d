// Whether a model of any size loads and answers in a tab, and what that takes: from the network into an empty profile, then
// from the browser's storage, with each number of threads.
//
//   node benches/shapes.mjs MODEL.gguf [THREADS,...] [TOKENS]        (1,2 and 16)
//
// Prints one line of Markdown for each load. The profile lies on the disk, so the storage must hold the file as a visitor's would.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

import { ROOT, launchProfile, startDemo } from '../tests/e2e/harness.mjs';
import { short } from './statistics.mjs';
import { call } from './subjects.mjs';

const [file, list = '1,2', count = '16'] = process.argv.slice(2);
if (file === undefined) throw new Error('node benches/shapes.mjs MODEL.gguf [THREADS,...] [TOKENS]');
const tokens = Number(count);
const gigabytes = (/** @type {number | undefined} */ bytes) => (bytes === undefined ? '' : (bytes / 1e9).toFixed(2));

const server = await startDemo({ folders: { '/models/': dirname(resolve(file)), '/benches/': join(ROOT, 'benches') } });
const url = `${server.origin}/models/${encodeURIComponent(basename(file))}`;
const profile = await mkdtemp(join(tmpdir(), 'bitnet-web-shape-'));
const context = await launchProfile(profile);
console.log('| from | threads | load, s | context | weights, GB | memory, GB | weights and a full context, GB | prefill 16, tok/s | decode, tok/s |');
console.log('|---|---|---|---|---|---|---|---|---|');
try {
  const loads = list.split(',').map((threads, index) => ({ threads: Number(threads), from: index === 0 ? 'network' : 'storage' }));
  for (const { threads, from } of loads) {
    const page = await context.newPage();
    page.on('crash', () => console.error('the page crashed'));
    await page.goto(`${server.origin}/blank.html`);
    const { info, loadMs, wasmBytes } = await call(page, 'ours.js', 'load', url, { threads, cache: true });
    const prefill = await call(page, 'ours.js', 'prefill', 16);
    const decode = await call(page, 'ours.js', 'decode', 0, tokens);
    const cells = [
      from, info.threads, short(loadMs / 1000), info.contextLength, gigabytes(info.weightBytes), gigabytes(wasmBytes),
      gigabytes(info.memoryBytes), short(prefill.perSecond), short(decode.perSecond),
    ];
    console.log(`| ${cells.join(' | ')} |`);
    await call(page, 'ours.js', 'unload');
    await page.close();
  }
} finally {
  await context.close();
  await server.close();
  await rm(profile, { recursive: true, force: true });
}
