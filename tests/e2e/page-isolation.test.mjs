// The chat page on a host that sends no isolation headers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, lastAnswer, status, usePages } from './pages.mjs';

/** Paths of the page's origin, but not of its site: one needs a password, one leaves the page. @type {import('./server.mjs').Handler} */
function others(request, response, path) {
  if (path === '/private.txt') {
    const known = request.headers.authorization === 'Bearer secret';
    response.writeHead(known ? 200 : 401, { 'Content-Type': 'text/plain' }).end(known ? 'private' : 'who are you?');
    return true;
  }
  if (path === '/curious.js') {
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`
      self.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => self.postMessage(effectiveDirective));
      fetch('http://127.0.0.2:9/').catch(() => setTimeout(() => self.postMessage('asked'), 1000));`);
    return true;
  }
  return false;
}

const { withPage, server } = usePages({ isolated: false, handle: others });

describe('a host without isolation headers', () => {
  test('is isolated by the service worker, with one reload, and opens without a network', () =>
    withPage('', async (page) => {
      await page.waitForFunction(() => self.crossOriginIsolated && document.body.dataset.status === 'ready');
      assert.equal(server().requests.filter(({ path }) => path === '/').length, 2);
      await ask(page, 'Hi');
      await page.reload();
      await status(page);
      assert.equal(server().requests.filter(({ path }) => path === '/').length, 3);
      await page.context().setOffline(true);
      await page.reload();
      await status(page);
      assert.equal(await page.evaluate(() => self.crossOriginIsolated), true);
      await ask(page, 'Hi');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
    }));

  test('keeps nothing that is not a file of the site: another answer of the same origin may be private', () =>
    withPage('', async (page, complaints) => {
      await page.waitForFunction(() => self.crossOriginIsolated && document.body.dataset.status === 'ready');
      const read = (/** @type {string} */ url, /** @type {{ headers?: Record<string, string> }} */ init = {}) =>
        page.evaluate(([url, init]) => fetch(url, init).then((answer) => answer.text(), () => 'no answer'),
          /** @type {const} */ ([url, init]));
      const secret = { headers: { Authorization: 'Bearer secret' } };
      assert.equal(await read('/private.txt', secret), 'private');
      const style = await read('/style.css');
      assert.equal(await read('/style.css?x', secret), style);
      await page.context().setOffline(true);
      assert.equal(await read('/private.txt'), 'no answer');
      assert.equal(await read('/private.txt', secret), 'no answer');
      assert.equal(await read('/style.css'), style);
      const kept = await page.evaluate(async () => {
        const caches = await Promise.all((await self.caches.keys()).map((name) => self.caches.open(name)));
        const keys = await Promise.all(caches.map((cache) => cache.keys()));
        return keys.flat().map(({ url, headers }) => [new URL(url).pathname, headers.get('authorization')]);
      });
      assert.ok(kept.some(([path]) => path === '/style.css'));
      assert.deepEqual(kept.filter(([path, authorization]) => path === '/private.txt' || authorization !== null), []);
      complaints.length = 0; // of the requests that failed
    }));

  test('workers get the policy of the page, which its <meta> does not give them', () =>
    withPage('', async (page) => {
      await page.waitForFunction(() => self.crossOriginIsolated && document.body.dataset.status === 'ready');
      const told = await page.evaluate(() => new Promise((resolve) => {
        new Worker('/curious.js', { type: 'module' }).onmessage = ({ data }) => resolve(data);
      }));
      assert.equal(told, 'connect-src');
    }));

  for (const [name, search, options] of /** @type {const} */ ([
    ['without service workers', '', { serviceWorkers: 'block' }],
    ['when the link asks for it', '?isolate=no', {}],
  ])) {
    test(`stays as it is ${name}: one thread, and it says so`, () =>
      withPage(
        search,
        async (page) => {
          await status(page);
          assert.equal(await page.evaluate(() => self.crossOriginIsolated), false);
          assert.match(await page.getByTestId('info').innerText(), /1 thread .*not isolated/s);
          await ask(page, 'Hi');
          assert.match(await lastAnswer(page).innerText(), /Hello there\./);
        },
        options,
      ));
  }
});
