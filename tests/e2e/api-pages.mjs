// The common start of the tests of the API: a browser, the servers of isolated and other pages, the library on a blank page.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

export const MODELS = join(ROOT, 'tests/fixtures/models');
const FOLDERS = { '/models/': MODELS, '/shipped/': join(ROOT, 'www/models'), '/e2e/': join(ROOT, 'tests/e2e') };
/** The model that ships. */
export const SHIPPED = '/shipped/demo.gguf';
/** Two layers, two kv heads to four heads; the file has what Microsoft's files have. */
export const MODEL = '/models/gqa1-i2_s.gguf';

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
export let server;
/** @type {RunningServer} */
export let plain;

before(async () => {
  browser = await launch();
  server = await startDemo({ folders: FOLDERS });
  plain = await startDemo({ folders: FOLDERS, isolated: false });
});

after(async () => {
  await browser?.close();
  await server?.close();
  await plain?.close();
});

/**
 * A test with a page of its own, on which the library is loaded and nothing may complain.
 * @param {string} name
 * @param {(page: Page, said: string[]) => Promise<void>} body
 * @param {() => RunningServer} [host]
 */
export function pageTest(name, body, host = () => server) {
  test(name, { timeout: 120_000 }, async () => {
    const { context, page, complaints } = await openPage(browser, `${host().origin}/blank.html`);
    /** @type {string[]} */
    const said = [];
    page.on('console', (message) => said.push(message.text()));
    try {
      await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
      await page.waitForFunction(() => 'lib' in globalThis);
      complaints.length = 0; // a blank page has no icon
      await body(page, said);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  });
}
