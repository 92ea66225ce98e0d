// Runs the Rust tests that are marked `#[wasm_bindgen_test]`, in a worker of a cross-origin isolated page: a worker may
// block, as the pool does. `cargo xtask test --wasm` builds them and calls this with their folder and a name filter.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { launch, openPage, startServer } from './harness.mjs';

/** A run that says nothing for so long hangs, in milliseconds. */
const SILENCE = 600_000;

const [folder, filter = ''] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: harness-wasm.mjs FOLDER [FILTER]');

const server = await startServer({
  folders: { '/tests/': folder, '/harness/': dirname(fileURLToPath(import.meta.url)) },
  handle: (_request, response, path) => {
    if (path !== '/') return false;
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>wasm tests</title>');
    return true;
  },
});
const browser = await launch();
try {
  const { page } = await openPage(browser, `${server.origin}/`);
  const passed = await new Promise((resolve, reject) => {
    const alarm = setTimeout(() => reject(new Error('the tests hang')), SILENCE);
    page.on('crash', () => reject(new Error('the page crashed')));
    const ready = page.exposeFunction('report', (/** @type {{ line?: string, passed?: boolean, error?: string }} */ said) => {
      alarm.refresh();
      if (said.line !== undefined) return console.log(said.line);
      clearTimeout(alarm);
      if (said.error === undefined) resolve(said.passed);
      else reject(new Error(said.error));
    });
    ready
      .then(() =>
        page.evaluate((wanted) => {
          if (!crossOriginIsolated) throw new Error('the page is not isolated');
          const report = /** @type {(said: object) => void} */ (Reflect.get(globalThis, 'report'));
          const worker = new Worker('/harness/wasm-worker.js', { type: 'module' });
          worker.onmessage = ({ data }) => report(data);
          worker.onerror = (event) => report({ error: `worker: ${event.message}` });
          worker.postMessage(wanted);
        }, filter),
      )
      .catch(reject);
  });
  process.exitCode = passed ? 0 : 1;
} finally {
  await browser.close();
  await server.close();
}
