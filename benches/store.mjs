// In which form and size IndexedDB keeps chunks best: ArrayBuffer or Blob, written and read in Chromium on a profile on
// the disk. It decides what `src/web/storage/store.rs` and `src/source/download/mod.rs` do.
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { ROOT, launchProfile, startDemo } from '../tests/e2e/harness.mjs';
import { cell, table } from './statistics.mjs';
import { call } from './subjects.mjs';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '256' }, // in all
    chunks: { type: 'string', default: '1,4,16,64' }, // megabytes
    rounds: { type: 'string', default: '3' },
    ahead: { type: 'string', default: '2' }, // reads at once, as `LOAD_AHEAD`
    folder: { type: 'string', default: tmpdir() }, // where the profiles lie: the disk that is measured
  },
});
const MEGA = 1 << 20;
const FORMS = /** @type {const} */ (['ArrayBuffer', 'Blob']);
const cells = values.chunks.split(',').map(Number).flatMap((chunk) => FORMS.map((form) => ({
  chunk, form, write: /** @type {number[]} */ ([]), cold: /** @type {number[]} */ ([]), warm: /** @type {number[]} */ ([]),
})));
const megabytes = Number(values.megabytes);
const server = await startDemo({ folders: { '/benches/': join(ROOT, 'benches') } });
let version = '';

/**
 * @param {string} profile
 * @param {(page: import('playwright-core').Page) => Promise<void>} work
 */
async function withBrowser(profile, work) {
  const context = await launchProfile(profile);
  try {
    version = context.browser()?.version() ?? version;
    const page = await context.newPage();
    await page.goto(`${server.origin}/blank.html`);
    await work(page);
  } finally {
    await context.close();
  }
}

/** Drops a folder's files from the system's memory (GNU dd), so that the next reading comes from the disk. @param {string} folder */
async function forget(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    execFileSync('dd', [`if=${join(entry.parentPath, entry.name)}`, 'iflag=nocache', 'count=0', 'status=none']);
  }
}

try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const { chunk, form, write, cold, warm } of cells) {
      const profile = await mkdtemp(join(values.folder, 'bitnet-web-store-'));
      const count = Math.max(1, Math.round(megabytes / chunk));
      const speed = (/** @type {number} */ ms) => (count * chunk * MEGA) / 1e3 / ms; // MB/s
      const ask = (/** @type {import('playwright-core').Page} */ page, /** @type {string} */ name, /** @type {unknown[]} */ ...args) =>
        call(page, 'store.js', name, ...args);
      try {
        await withBrowser(profile, async (page) => {
          write.push(speed(await ask(page, 'write', form, chunk * MEGA, count)));
        });
        execFileSync('sync', ['-f', profile]);
        await forget(profile);
        await withBrowser(profile, async (page) => {
          cold.push(speed(await ask(page, 'read', count, Number(values.ahead))));
          warm.push(speed(await ask(page, 'read', count, Number(values.ahead))));
        });
      } finally {
        await rm(profile, { recursive: true, force: true });
      }
      console.error(`round ${round}: ${form} of ${chunk} MB: ${[write, cold, warm].map((s) => s.at(-1)?.toFixed()).join(', ')} MB/s`);
    }
  }
} finally {
  await server.close();
}
console.log(`Chromium ${version}, ${cpus()[0]?.model}, ${cpus().length} cores; ${megabytes} MB in all, MB/s, ${values.rounds} interleaved rounds\n`);
const heads = ['chunk, MB', 'form', 'write', 'read from the disk', 'read from the system\'s memory'];
console.log(table(heads, cells.map(({ chunk, form, write, cold, warm }) => [String(chunk), form, cell(write), cell(cold), cell(warm)])));
