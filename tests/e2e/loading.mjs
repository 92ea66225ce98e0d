// The common start of the tests of loading: a browser, a page that has the library, a server that misbehaves, small models.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { HostileServer } from '../hostile-server.mjs';
import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, BrowserContext, Page } from 'playwright-core' */
/** @import { LoadOptions } from '../../worker/schema.js' */
/** @import { CacheEntry, Progress } from '../../worker/protocol.js' */
/** @import { Hosted } from '../hostile-server.mjs' */
/** @import { RunningServer } from './server.mjs' */

/** Bytes of a chunk in these tests: the model has eight of them. */
export const CHUNK = 16384;

/** Small chunks, short delays; no measurement of kernels. @type {LoadOptions} */
const QUICK = { threads: 1, kernel: 'mad', network: { chunkBytes: CHUNK, retryDelayMs: 20, stallMs: 1500 } };

/** A model, and another one of the same length: weights in its last quarter differ. */
export const model = await readFile(join(ROOT, 'tests/fixtures/models/tiny-i2_s.gguf'));
export const other = Buffer.from(model);
for (let at = Math.floor(model.length * 0.8); at < model.length * 0.8 + 2000; at++) other[at] ^= 0x55;

/**
 * How a load ended.
 * @typedef {object} Outcome
 * @property {string} [hash] of the model's logits
 * @property {{ code: string, message: string, details?: any }} [error]
 * @property {Progress[]} progress
 */

/** @type {Browser} */
export let browser;
/** @type {RunningServer} */
export let demo;
/** @type {HostileServer} */
export let hostile;
/** Logits hashes of `model` and `other`. */
export const hashes = { model: '', other: '' };

before(async () => {
  browser = await launch();
  hostile = await HostileServer.start();
  demo = await startDemo({
    folders: { '/e2e/': join(ROOT, 'tests/e2e') },
    handle: (request, response, path) => hostile.handle(request, response, path),
  });
  const tab = await Tab.open();
  for (const [name, bytes] of /** @type {const} */ ([['model', model], ['other', other]])) {
    const url = hostile.host(`/plain-${name}.gguf`, { bytes, cors: true });
    hashes[name] = (await tab.load(url, { cache: false })).hash ?? '';
  }
  await tab.close();
  assert.notEqual(hashes.model, hashes.other);
  assert.match(hashes.model, /^[0-9a-f]{16}$/);
});

after(async () => {
  await browser?.close();
  await demo?.close();
  await hostile?.close();
});

/** A tab with the library. Tabs of one context share their storage. */
export class Tab {
  /** @param {BrowserContext} context @param {Page} page */
  constructor(context, page) {
    this.context = context;
    this.page = page;
  }

  /** @param {BrowserContext} [context] a fresh one by default */
  static async open(context) {
    const url = `${demo?.origin}/blank.html`;
    const page = context ? await context.newPage() : (await openPage(browser, url)).page;
    if (context) await page.goto(url);
    await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
    await page.waitForFunction(() => 'lib' in globalThis);
    return new Tab(page.context(), page);
  }

  /**
   * Loads and unloads a model.
   * @param {string} source
   * @param {LoadOptions} [options]
   * @returns {Promise<Outcome>}
   */
  load(source, options = {}) {
    return this.page.evaluate(
      async ([source, options]) => {
        /** @type {Progress[]} */
        const progress = [];
        Object.assign(globalThis, { progress });
        try {
          const model = await lib.BitNet.load(source, { ...options, onProgress: (p) => progress.push(p) });
          const hash = await model.logitsHash();
          await model.unload();
          return { hash, progress };
        } catch (/** @type {any} */ error) {
          return { error: { code: error.code ?? error.name, message: error.message, details: error.details }, progress };
        }
      },
      /** @type {[string, Omit<LoadOptions, 'adapters'>]} */ ([source, { ...QUICK, ...options, network: { ...QUICK.network, ...options.network } }]),
    );
  }

  /** Waits until the load under way has this many bytes. @param {number} bytes */
  async reaches(bytes) {
    await this.page.waitForFunction(
      (bytes) => (Reflect.get(globalThis, 'progress')?.at(-1)?.loaded ?? 0) >= bytes,
      bytes,
      { polling: 20 },
    );
  }

  /** Waits until the load under way says that it is in this phase. @param {Progress['phase']} phase */
  async isIn(phase) {
    await this.page.waitForFunction((phase) => Reflect.get(globalThis, 'progress')?.at(-1)?.phase === phase, phase, { polling: 20 });
  }

  /** Waits until the cache holds so many bytes of one file. @param {number} bytes */
  async keeps(bytes) {
    while ((await this.kept())[0]?.storedBytes !== bytes) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** The entries of the cache. @returns {Promise<CacheEntry[]>} */
  kept() {
    return this.page.evaluate(() => lib.BitNet.cache.list());
  }

  async close() {
    await this.context.close();
  }
}

let count = 0;

/** A server that answers the first requests and holds back the others until `open` is called. @param {number} [served] */
export function gate(served = 4) {
  let open = () => {};
  /** @type {Promise<void>} */
  const hold = new Promise((resolve) => (open = resolve));
  /** @type {Hosted['fault']} */
  const fault = (_seen, n) => (n >= served ? { hold } : undefined);
  return { open, fault };
}

/** No request counts as silent, however long it is held back. */
export const PATIENT = { network: { stallMs: 600_000 } };

/**
 * A test with a tab and a hosted file of its own.
 * @param {string} name
 * @param {Partial<Hosted>} hosted
 * @param {(it: { tab: Tab, url: string, path: string, file: Hosted }) => Promise<void>} body
 */
export function loadTest(name, hosted, body) {
  test(name, { timeout: 120_000 }, async () => {
    const path = `/${++count}/model.gguf`;
    /** @type {Hosted} */
    const file = { bytes: model, etag: '"first"', cors: true, expose: '*', ...hosted };
    const url = hostile.host(path, file);
    hostile.log.length = 0;
    const tab = await Tab.open();
    try {
      await body({ tab, url, path, file });
    } finally {
      await tab.close();
    }
  });
}

/**
 * The load succeeded and gave this model, whole and unmixed.
 * @param {Outcome} outcome
 * @param {string} [hash]
 */
export function assertLoaded(outcome, hash = hashes.model) {
  assert.equal(outcome.error, undefined);
  assert.equal(outcome.hash, hash);
}

/**
 * The load failed with this code and a sentence that has these words.
 * @param {Outcome} outcome
 * @param {string} code
 * @param {RegExp} words
 */
export function assertRefused(outcome, code, words) {
  assert.equal(outcome.error?.code, code, JSON.stringify(outcome.error ?? 'it loaded'));
  assert.match(outcome.error?.message ?? '', words);
}

/** Bytes that were asked for at a path. @param {string} path */
export function askedBytes(path) {
  return hostile.ranges(path).reduce((sum, range) => sum + (range ? range[1] + 1 - range[0] : NaN), 0);
}
