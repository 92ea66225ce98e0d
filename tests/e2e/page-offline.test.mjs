// What is kept of the site: after one visit everything works without a network, nothing is fetched twice, and a new version waits.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';

import { describeSite } from './harness.mjs';
import { ask, lastAnswer, status, usePages } from './pages.mjs';

/** @import { Page } from 'playwright-core' */

/** Waits until the service worker has everything. @param {Page} page */
async function kept(page) {
  const whole = () => page.evaluate(async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith('bitnet-web.files.'));
    if (names.length !== 1) return false;
    const cache = await caches.open(names[0]);
    const text = await (await fetch('./site.js')).text();
    const files = Object.keys(JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1)).files);
    // The other build may stay away.
    const wanted = files.filter((name) => !name.includes('/simd128/') || !name.endsWith('.wasm'));
    const found = await Promise.all(wanted.map((name) => cache.match(new URL(name, location.href))));
    return found.every(Boolean);
  });
  while (!(await whole())) await page.waitForTimeout(100);
}

for (const [where, host, isolated] of /** @type {const} */ ([
  ['this machine', 'localhost', true],
  ['a host that sends the headers', 'chat.localhost', true],
  ['a host that sends none', 'chat.localhost', false],
])) {
  const { withPage, server } = usePages({ isolated, host });
  describe(`offline, on ${where}`, () => {
    test('after one visit the chat and the benchmark open, the benchmark for the first time', () =>
      withPage('', async (page, complaints) => {
        await page.waitForFunction(() => self.crossOriginIsolated && document.body.dataset.status === 'ready');
        await kept(page);
        await page.context().setOffline(true);
        await page.reload();
        await status(page);
        assert.equal(await page.evaluate(() => self.crossOriginIsolated), true);
        await ask(page, 'Hi');
        assert.match(await lastAnswer(page).innerText(), /Hello there\./);
        // What is fetched only when an answer needs it, or somebody opens it.
        await ask(page, 'say $\\frac{1}{2}$\n\n```js\nconst a = 1;\n```');
        await lastAnswer(page).locator('math mfrac').waitFor();
        await lastAnswer(page).locator('.hljs-keyword').waitFor();
        await page.locator('#open-work').click();
        await page.getByTestId('weights-counts').waitFor();
        await page.goto(new URL('lanes.html', page.url()).href);
        await page.waitForSelector('body[data-ready]');
        // What stands in for the library has its comparison from modules of its own, which nobody keeps.
        await page.goto(new URL('bench.html?compare=no', page.url()).href);
        await page.getByTestId('start').click();
        await page.getByText('Done', { exact: true }).waitFor();
        complaints.length = 0; // of the requests that failed
      }));

    test('the other build of the engine is not fetched', () =>
      withPage('', async (page) => {
        await status(page);
        await page.waitForFunction(() => self.crossOriginIsolated && document.body.dataset.status === 'ready');
        await kept(page);
        assert.deepEqual(server().requests.filter(({ path }) => path.endsWith('simd128/bitnet_web_bg.wasm')), []);
      }));
  });
}

describe('a new version', () => {
  let isNew = false;
  const icon = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>';
  const { withPage, server, library } = usePages({
    isolated: true,
    host: 'chat.localhost',
    async handle(request, response, path) {
      if (!isNew) return false;
      if (path === '/icon.svg') response.writeHead(200, { 'Content-Type': 'image/svg+xml' }).end(icon);
      else if (path === '/site.js') {
        const site = await describeSite(library());
        const hash = createHash('sha256').update(icon).digest('hex');
        const text = site.text.replace(/("icon.svg":")\w+/, `$1${hash}`).replace(/("version":")\w+/, '$1fedcba9876543210');
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(text);
      } else return false;
      return true;
    },
  });

  test('is brought in beside the old one, and takes over when it is told to', () =>
    withPage('', async (page) => {
      await status(page);
      await kept(page);
      await page.reload();
      await status(page);
      const old = await page.evaluate(() => fetch('./icon.svg').then((answer) => answer.text()));
      assert.notEqual(old, icon);
      isNew = true;
      const before = server().requests.length;
      await ask(page, 'Hi');
      await page.evaluate(() => navigator.serviceWorker.getRegistration().then((registration) => registration?.update()));
      await page.getByTestId('update').waitFor();
      assert.equal(await page.evaluate(() => fetch('./icon.svg').then((answer) => answer.text())), old, 'not before the click');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
      const asked = server().requests.slice(before).map(({ path }) => path);
      assert.ok(!asked.some((path) => path.endsWith('.wasm')), `what has not changed is taken over: ${asked}`);
      await Promise.all([page.waitForEvent('load'), page.getByTestId('update').click()]);
      await status(page);
      assert.equal(await page.evaluate(() => fetch('./icon.svg').then((answer) => answer.text())), icon);
    }));
});
