// Runs a crate's Rust tests as WebAssembly, in a worker of a cross-origin isolated page: a worker may block, as the pool
// does. `cargo xtask test --wasm` builds them and calls this with their folder, the names of the crate's native tests (all
// of which must be there) and a name filter. A test that traps ends its workers; the next one begins with new ones.
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch, openPage, ROOT, startServer } from './harness.mjs';

/** @import { Said } from './wasm-page.js' */

/** A test that takes so long hangs, in milliseconds. */
const SILENCE = 600_000;
/** More than the pools of one test have together, their leaders not counted. */
const THREADS = 8;
/** A test that takes longer is named at the end, in milliseconds. */
const SLOW = 5000;

const [folder, namesFile, filter = ''] = process.argv.slice(2);
if (folder === undefined || namesFile === undefined) throw new Error('usage: harness-wasm.mjs FOLDER NAMES [FILTER]');

const server = await startServer({
  folders: { '/tests/': folder, '/harness/': dirname(fileURLToPath(import.meta.url)) },
  handle: async (_request, response, path) => {
    if (path === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html' });
      response.end('<!doctype html><title>wasm tests</title><script type="module" src="/harness/wasm-page.js"></script>');
      return true;
    }
    const [, what, asked = ''] = /^\/(file|folder)\/(.*)$/.exec(path) ?? [];
    if (what === undefined) return false;
    const file = join(ROOT, normalize(`/${asked}`));
    try {
      const body = what === 'file' ? await readFile(file) : JSON.stringify(await readdir(file));
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
    return true;
  },
});
const browser = await launch();
try {
  process.exitCode = (await runAll(JSON.parse(await readFile(namesFile, 'utf8')))) ? 0 : 1;
} finally {
  await browser.close();
  await server.close();
}

/**
 * @param {string[]} expected
 * @returns {Promise<boolean>} whether all passed
 */
async function runAll(expected) {
  const begin = performance.now();
  const { page } = await openPage(browser, `${server.origin}/`);
  /** @type {(said: Said) => void} */
  let hear = () => {};
  await page.waitForFunction(() => 'runTests' in globalThis);
  await page.exposeFunction('report', (/** @type {Said} */ said) => hear(said));
  page.on('pageerror', (error) => hear({ type: 'failed', text: String(error.stack ?? error) }));
  page.on('crash', () => hear({ type: 'failed', text: 'the page crashed' }));

  const counts = { passed: 0, failed: 0, ignored: 0 };
  /** @type {string[]} */
  const slow = [];
  /** @type {string[] | undefined} */
  let names;
  for (let next = 0; names === undefined || next < names.length; ) {
    /** @type {{ name?: string, begin: number }} */
    const current = { begin: 0 };
    /** @type {string[]} */
    const panics = [];
    const failure = await new Promise((resolve) => {
      const alarm = setTimeout(() => resolve('it hangs'), SILENCE);
      hear = (said) => {
        alarm.refresh();
        if (said.type === 'names') {
          names ??= said.names;
        } else if (said.type === 'start') {
          [current.name, current.begin, next] = [said.name, performance.now(), said.index + 1];
        } else if (said.type === 'ignored') {
          counts.ignored++;
          next = said.index + 1;
          console.log(`ignored ${said.name}: ${said.text}`);
        } else if (said.type === 'passed') {
          counts.passed++;
          panics.length = 0;
          const took = performance.now() - current.begin;
          if (took > SLOW) slow.push(`${current.name} ${(took / 1000).toFixed(1)} s`);
          console.log(`ok      ${current.name}`);
        } else if (said.type === 'panic') {
          panics.push(said.text);
        } else {
          clearTimeout(alarm);
          resolve(said.type === 'failed' ? said.text : said.type);
        }
      };
      page.evaluate(
        ([from, threads, wanted]) => Reflect.get(globalThis, 'runTests')(from, threads, wanted),
        /** @type {const} */ ([next, THREADS, filter]),
      ).catch(resolve);
    });
    if (failure === 'done') break;
    if (failure === 'restart') continue;
    counts.failed++;
    console.log(`FAILED  ${current.name ?? '(before the first test)'}\n${[...panics, failure].join('\n')}`);
    if (current.name === undefined) break;
  }
  const missing = filter === '' ? expected.filter((name) => !names?.includes(name)) : [];
  if (slow.length > 0) console.log(`slow: ${slow.join(', ')}`);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.ignored} ignored, in ${seconds} s`);
  if (missing.length > 0) {
    console.log(`These native tests do not run in the browser: ${missing.join(', ')}. tests/README.md tells how.`);
  }
  // A suite that has lost its tests must not look like one that passes.
  return counts.failed === 0 && missing.length === 0 && (counts.passed > 0 || filter !== '');
}
