// How long loading takes, and how much memory is taken: over the network of this machine into an empty profile, then
// from the browser's storage. A profile of its own on the disk, because a private window keeps its storage in memory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launchProfile } from '../tests/e2e/harness.mjs';
import { call } from './subjects.mjs';

/** @import { Options } from './options.mjs' */

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
        const { info, loadMs, wasmBytes } = await call(page, 'ours.js', 'load', url, {
          threads: Math.max(...threads), precision, kernel: 'mad', cache: true,
        });
        const pageBytes = from === 'storage' ? await call(page, 'ours.js', 'pageBytes') : undefined;
        found.push({ from, loadMs, wasmBytes, pageBytes, expectedBytes: info.memoryBytes, weightBytes: info.weightBytes });
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
