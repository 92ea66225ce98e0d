// A model that nobody can reach any more does not keep its workers; one that is still at work does.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, CDPSession, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const MODEL = '/models/gqa4-hd128-tq1_0.gguf';

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;

before(async () => {
  browser = await launch();
  server = await startDemo({ folders: { '/models/': join(ROOT, 'tests/fixtures/models') } });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * @param {string} name
 * @param {(it: { page: Page, workers: () => number, collect: () => Promise<void> }) => Promise<void>} body `workers` counts those
 *   that run, as the browser knows them
 */
function memoryTest(name, body) {
  test(name, { timeout: 120_000 }, async () => {
    const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
    try {
      await page.evaluate(async () => void Object.assign(globalThis, { lib: await import(String('/dist/index.js')) }));
      const session = await context.newCDPSession(page);
      const collect = async () => {
        await session.send('HeapProfiler.collectGarbage');
        await new Promise((resolve) => setTimeout(resolve, 200)); // what is collected is told in a task of its own
      };
      await body({ page, workers: () => page.workers().length, collect });
    } finally {
      await context.close();
    }
  });
}

/**
 * Until it is so many workers: they end in their own time.
 * @param {() => number} workers @param {number} wanted @param {() => Promise<void>} collect
 */
async function comesTo(workers, wanted, collect) {
  for (let tries = 0; workers() !== wanted; tries++) {
    assert.ok(tries < 100, `${workers()} workers, not ${wanted}`);
    await collect();
  }
}

memoryTest('five models that are dropped leave no worker behind, whoever keeps what they told', async ({ page, workers, collect }) => {
  await page.evaluate(async (url) => {
    /** @type {unknown[]} */
    const told = [];
    Object.assign(globalThis, { told });
    for (let i = 0; i < 5; i++) {
      const model = await lib.BitNet.load(url, { threads: 2, kernel: 'mad' });
      await model.complete('Hello', { maxTokens: 3 });
      for await (const _ of model.generate('Hello', { maxTokens: 3 }));
      told.push(model.info, await model.logitsHash());
    }
  }, MODEL);
  assert.ok(workers() >= 2, `${workers()} workers`);
  await comesTo(workers, 0, collect);
});

memoryTest('a model that is reachable stays, and so does one whose answer is still read', async ({ page, workers, collect }) => {
  await page.evaluate(async (url) => {
    const options = /** @type {const} */ ({ threads: 1, kernel: 'mad' });
    Object.assign(globalThis, { kept: await lib.BitNet.load(url, options) });
    const stream = (await lib.BitNet.load(url, options)).generate('once upon a time', { maxTokens: 400, seed: 1, temperature: 1 });
    await stream.next();
    const text = (async () => {
      let tokens = 1;
      for await (const _ of stream) tokens += 1;
      return [tokens, stream.result?.finishReason];
    })();
    Object.assign(globalThis, { text });
  }, MODEL);
  for (let i = 0; i < 3; i++) await collect();
  const [tokens, reason] = await page.evaluate(() => Reflect.get(globalThis, 'text'));
  assert.ok(tokens > 1 && ['stop', 'length'].includes(reason), `${tokens} tokens, ${reason}`);
  await comesTo(workers, 1, collect);
  for (let i = 0; i < 3; i++) await collect();
  assert.equal(workers(), 1);
  assert.equal(await page.evaluate(() => Reflect.get(globalThis, 'kept').tokenize('Hello').then((/** @type {number[]} */ ids) => ids.length > 0)), true);
  await page.evaluate(() => void Reflect.deleteProperty(globalThis, 'kept'));
  await comesTo(workers, 0, collect);
});

memoryTest('a model is disposable', async ({ page, workers, collect }) => {
  const later = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2, kernel: 'mad' });
    await model[Symbol.asyncDispose]();
    return model.tokenize('Hello').catch(({ code }) => code);
  }, MODEL);
  assert.equal(later, 'unloaded');
  await comesTo(workers, 0, collect);
});
