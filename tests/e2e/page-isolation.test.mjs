// The chat page on a host that sends no isolation headers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, lastAnswer, status, usePages } from './pages.mjs';

const { withPage, server } = usePages({ isolated: false });

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
