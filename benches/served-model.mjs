// A model file that pages of a browser can load, for the benchmarks that take one.
import { basename, dirname, join, resolve } from 'node:path';

import { ROOT, launch, startDemo } from '../tests/e2e/harness.mjs';

/**
 * @typedef {object} ServedModel
 * @property {string} name of the file
 * @property {string} url
 * @property {import('playwright-core').Browser} browser
 * @property {() => Promise<import('playwright-core').Page>} openPage a page of the server's origin with nothing in it
 */

/**
 * Serves a model and `benches/page/` beside what ships, opens a browser, and closes both behind `work`.
 * @param {string} [file] the demo model by default
 * @param {(model: ServedModel) => Promise<void>} work
 */
export async function withServedModel(file = join(ROOT, 'www/models/demo.gguf'), work) {
  const path = resolve(file);
  const name = basename(path);
  const server = await startDemo({ folders: { '/models/': dirname(path), '/benches/': join(ROOT, 'benches'), '/wllama/': join(ROOT, 'node_modules/@wllama/wllama') } });
  const browser = await launch();
  const openPage = async () => {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/blank.html`);
    return page;
  };
  try {
    await work({ name, url: `${server.origin}/models/${encodeURIComponent(name)}`, browser, openPage });
  } finally {
    await browser.close();
    await server.close();
  }
}
