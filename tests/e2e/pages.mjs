// The common start of the tests of the pages: the pages with a stand-in for the library, so that each moment can be held.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */
/** @import { Handler, RunningServer } from './server.mjs' */

/**
 * The calls that the page has made to the library.
 * @typedef {object} Told
 * @property {{ source: string, options: Record<string, unknown> }[]} loads
 * @property {{ messages: { role: string, content: string }[], options: Record<string, unknown> }[]} answers
 * @property {string[]} probes
 * @property {number} unloads
 */

/**
 * Opens an address of the pages, lets the test work on it, and then wants a page without complaints: no error in the
 * console, which is also where a violation of the Content-Security-Policy is told.
 * @callback WithPage
 * @param {string} search
 * @param {(page: Page, complaints: string[]) => Promise<void>} work may expect complaints and empty the list
 * @param {BrowserContextOptions} [options]
 * @returns {Promise<void>}
 */

/**
 * A browser and a server for the tests of a file or of a `describe`.
 * @param {{ isolated?: boolean, handle?: Handler, host?: string }} [options] of the server; `host` is the name that the browser
 *   knows it by
 * @returns {{ withPage: WithPage, server: () => RunningServer, library: () => Record<string, Buffer> }} `library` stands in for the real one
 */
export function usePages(options) {
  /** @type {Browser} */
  let browser;
  /** @type {RunningServer} */
  let server;
  /** @type {Record<string, Buffer>} */
  let library = {};

  before(async () => {
    library = {
      '/dist/index.js': await readFile(join(ROOT, 'tests/e2e/stand-in.js')),
      '/dist/bench.js': await readFile(join(ROOT, 'tests/e2e/stand-in-bench.js')),
      '/dist/inspect.js': await readFile(join(ROOT, 'tests/e2e/stand-in-inspect.js')),
    };
    browser = await launch();
    const { isolated, handle } = options ?? {};
    server = await startDemo({ isolated, handle, library });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  return {
    server: () => server,
    library: () => library,
    async withPage(search, work, contextOptions) {
      const origin = server.origin.replace('localhost', options?.host ?? 'localhost');
      const { context, page, complaints } = await openPage(browser, `${origin}/${search}`, contextOptions);
      try {
        await work(page, complaints);
        assert.deepEqual(complaints, []);
      } finally {
        await context.close();
      }
    },
  };
}

/**
 * Waits until the model is `ready`, `loading` or gone (`empty`).
 * @param {Page} page
 * @param {string} [status]
 */
export function status(page, status = 'ready') {
  return page.waitForSelector(`body[data-status="${status}"]`);
}

/**
 * Sends a message and, unless told not to, waits for the end of the answer.
 * @param {Page} page
 * @param {string} text
 */
export async function ask(page, text, wait = true) {
  await page.getByTestId('prompt').fill(text);
  await page.keyboard.press('Enter');
  if (wait) await answered(page);
}

/** @param {Page} page */
export async function answered(page) {
  await page.waitForSelector('[data-testid="turn-assistant"]:last-child[aria-busy="false"]');
}

/** @param {Page} page */
export function lastAnswer(page) {
  return page.getByTestId('turn-assistant').last();
}

/**
 * @param {Page} page
 * @returns {Promise<Told>}
 */
export function told(page) {
  return page.evaluate(() => {
    const { loads, answers, probes, unloads } = /** @type {any} */ (globalThis).standIn;
    return { loads, answers, probes, unloads };
  });
}

/**
 * Opens a gate of the stand-in.
 * @param {Page} page
 * @param {string} gate
 */
export function open(page, gate) {
  return page.evaluate((name) => /** @type {any} */ (globalThis).standIn.open(name), gate);
}
