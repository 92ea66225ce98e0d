// How long loading takes, and how much memory is taken: over the network of this machine into an empty profile, then
// from the browser's storage. A profile of its own on the disk, because a private window keeps its storage in memory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launchProfile } from '../tests/e2e/harness.mjs';
import { call } from './subjects.mjs';

/** @import { Page } from 'playwright-core' */
/** @import { Options } from './options.mjs' */

/**
 * Milliseconds of each part of a load, as the engine worker's timeline has them. `waiting` is the rest of what its thread did:
 * for the store or the network, for the thread that unpacks, and for what is not told apart. With several threads another
 * one does `directory` and `unpack` meanwhile.
 * @param {Page} page
 * @param {number} loadMs
 * @param {number} threads
 */
async function partsOf(page, loadMs, threads) {
  // A compute worker waits inside WebAssembly and would never answer.
  const engine = page.workers().find((worker) => worker.url().endsWith('/engine.js'));
  /** @type {[string, number][]} */
  const spans = (await engine?.evaluate(() =>
    performance.getEntriesByType('measure').map(({ name, duration }) => [name, duration]))) ?? [];
  const sum = (/** @type {string} */ part) =>
    spans.filter(([name]) => name === `bitnet: ${part}`).reduce((sum, [, ms]) => sum + ms, 0);
  const [, first = 0] = spans.find(([name]) => name === 'bitnet: unpack') ?? [];
  const own = { copy: sum('copy'), check: sum('check'), kernels: sum('measure kernels') };
  const unpacking = { directory: first + sum('tokenizer'), unpack: sum('unpack') - first };
  const parts = threads > 1 ? own : { ...own, ...unpacking };
  return { ...own, ...unpacking, waiting: loadMs - Object.values(parts).reduce((sum, ms) => sum + ms, 0) };
}

/**
 * @param {Options} options
 * @param {string} origin
 * @param {string} url of the model
 * @param {(text: string) => void} say
 */
export async function measureLoads({ loads, threads, precision }, origin, url, say) {
  const found = [];
  for (let round = 1; round <= loads; round++) {
    const profile = await mkdtemp(join(tmpdir(), 'bitnet-web-bench-'));
    const context = await launchProfile(profile);
    try {
      for (const from of ['network', 'storage']) {
        say(`load ${round} of ${loads}: from the ${from}`);
        const page = await context.newPage();
        await page.goto(`${origin}/blank.html`);
        const most = Math.max(...threads);
        const { info, loadMs, wasmBytes } = await call(page, 'ours.js', 'load', url, { threads: most, precision, cache: true });
        const parts = await partsOf(page, loadMs, most);
        const { firstTokenMs } = await call(page, 'ours.js', 'prefill', 16);
        const pageBytes = from === 'storage' ? await call(page, 'ours.js', 'pageBytes') : undefined;
        found.push({ from, loadMs, parts, firstTokenMs, wasmBytes, pageBytes, expectedBytes: info.memoryBytes, weightBytes: info.weightBytes });
        await call(page, 'ours.js', 'unload');
        await page.close();
      }
    } finally {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    }
  }
  return found;
}
