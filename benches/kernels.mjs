// Runs src/kernels/examples/bench.rs in a worker of a cross-origin isolated page and prints each speed as it is measured.
// `cargo xtask kernels --bench FILTER` builds it and calls this with its folder and the filter.
import { join } from 'node:path';

import { ROOT, launch, openPage, startServer } from '../tests/e2e/harness.mjs';

const [folder, filter = ''] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: kernels.mjs FOLDER [FILTER]');

const server = await startServer({
  folders: { '/bench/': folder, '/page/': join(ROOT, 'benches/page') },
  handle: (_request, response, path) => {
    if (path !== '/') return false;
    response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>kernels</title>');
    return true;
  },
});
const browser = await launch();
try {
  const { page } = await openPage(browser, `${server.origin}/`);
  await page.exposeFunction('print', (/** @type {string} */ line) => console.log(line));
  await page.evaluate((wanted) => {
    const print = /** @type {(line: string) => void} */ (Reflect.get(globalThis, 'print'));
    const worker = new Worker('/page/kernels-worker.js', { type: 'module' });
    worker.postMessage(wanted);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data: { line, error } }) => {
        if (line !== undefined) print(line);
        else if (error !== undefined) reject(new Error(error));
        else resolve(undefined);
      };
      worker.onerror = (event) => reject(new Error(event.message));
    });
  }, filter);
} finally {
  await browser.close();
  await server.close();
}
