// The chat page with the real engine: a conversation that is opened again goes on at once, because what was computed of it is kept; and
// the page's own thread stays free while an answer is written.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { tooMuch } from '../../www/app/kept-prefixes.js';
import { launch, openPage, startDemo } from './harness.mjs';
import { ask, lastAnswer, status } from './pages.mjs';

/** @import { Browser, Page } from 'playwright-core' */

/** @type {Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof startDemo>>} */
let server;
before(async () => {
  browser = await launch();
  server = await startDemo({ isolated: true });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test('what was not used for the longest time makes room', () => {
  const entry = (/** @type {string} */ id, /** @type {number} */ size, /** @type {number} */ used) => ({ id, model: '', size, used });
  const entries = [entry('b', 30, 2), entry('a', 30, 1), entry('c', 30, 3)];
  assert.deepEqual(tooMuch(entries, 10, 'd', 100), []);
  assert.deepEqual(tooMuch(entries, 20, 'd', 100), ['a']);
  assert.deepEqual(tooMuch(entries, 60, 'd', 100), ['a', 'b']);
  assert.deepEqual(tooMuch(entries, 40, 'a', 100), [], 'what is replaced counts no more');
});

/** Ids of the conversations of which something is kept. @param {Page} page @returns {Promise<string[]>} */
const kept = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.open('bitnet-web.prefixes', 1);
        request.onupgradeneeded = () => request.result.createObjectStore('prefixes', { keyPath: 'id' });
        request.onsuccess = () => {
          const all = request.result.transaction('prefixes').objectStore('prefixes').getAllKeys();
          all.onsuccess = () => {
            request.result.close();
            resolve(all.result.map(String));
          };
        };
      }),
  );

/** Tokens of the last prompt, and those of them that were not read again. @param {Page} page */
async function prompt(page) {
  const stats = await lastAnswer(page).getByTestId('stats').innerText();
  const [, tokens, cached = '0'] = /prompt of (\d+) tokens at [\d.]+ tok\/s(?:, (\d+) of them remembered)?/.exec(stats) ?? [];
  return { tokens: Number(tokens), cached: Number(cached) };
}

test('after a reload nothing of the conversation is read again, and a deleted one leaves nothing', async () => {
  const { context, page, complaints } = await openPage(browser, `${server.origin}/?maxTokens=24&temperature=0`);
  await status(page);
  await ask(page, 'Sort these numbers: 42, 7, 19, 88, 13, 5, 61, 30, 99, 2, 54, 77');
  await ask(page, 'What is the capital of Japan?');
  const { tokens } = await prompt(page);
  while ((await kept(page)).length === 0) await page.waitForTimeout(100);
  await page.reload();
  await status(page);
  await ask(page, 'And of France?');
  const again = await prompt(page);
  assert.ok(again.cached >= tokens, `${again.cached} of ${again.tokens} tokens, ${tokens} before the reload`);
  await page.locator('#open-chats, #side [data-testid="chat-item"]').first().waitFor();
  await page.getByTestId('chat-item').hover();
  await page.getByTestId('delete-chat').click();
  await page.getByTestId('undo').waitFor();
  assert.deepEqual(await kept(page), []);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('what might have stood in the place of a token is what the model saw when it said it', async () => {
  const { context, page, complaints } = await openPage(browser, `${server.origin}/?maxTokens=24&temperature=0`);
  await status(page);
  await ask(page, 'What is the capital of France?');
  await lastAnswer(page).getByTestId('details').click();
  const tokens = page.getByTestId('token');
  await tokens.nth(3).waitFor();
  for (const at of [0, 1, 2, 3, (await tokens.count()) - 1]) {
    await tokens.nth(at).click();
    await page.getByTestId('details-note').getByText(`token ${at + 1}:`).waitFor();
    // The likeliest is always taken at the temperature 0.
    assert.equal(await page.getByTestId('candidate').first().getAttribute('data-chosen'), '', `token ${at + 1}`);
  }
  assert.deepEqual(complaints, []);
  await context.close();
});

/** A task that takes the page's thread for so long is felt, milliseconds. */
const LONG_TASK = 50;

test('while an answer is written no task of the page is long, and nothing moves', async () => {
  const { context, page } = await openPage(browser, `${server.origin}/?maxTokens=200&seed=1`);
  await status(page);
  await page.evaluate(() => {
    Object.assign(globalThis, { shifted: 0 });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!(/** @type {any} */ (entry).hadRecentInput)) /** @type {any} */ (globalThis).shifted += /** @type {any} */ (entry).value;
    }).observe({ type: 'layout-shift' });
  });
  await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] });
  await ask(page, 'Tell me a funny story about a dragon in a library.');
  /** @type {{ traceEvents: { name: string, pid: number, tid: number, tdur?: number, args: { name?: string } }[] }} */
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const main = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`));
  // Processor time, not the clock's: what other programs do to this machine is no fault of the page.
  const tasks = traceEvents.flatMap(({ name, pid, tid, tdur }) => (name.endsWith('RunTask') && main.has(`${pid} ${tid}`) && tdur !== undefined ? [tdur / 1000] : []));
  assert.ok(tasks.length > 50, `${tasks.length} tasks were seen`);
  const longest = Math.max(...tasks);
  assert.ok(longest < LONG_TASK, `${longest} ms of processor time`);
  const shifted = await page.evaluate(() => /** @type {any} */ (globalThis).shifted);
  assert.ok(shifted < 0.01, `${shifted}`);
  await context.close();
});
