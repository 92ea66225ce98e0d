// The chat page with the real library: what a visitor does, from the first load to the answer.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

/** Random weights: what it says is nonsense, but always the same. */
const FIXTURE = join(ROOT, 'tests/fixtures/models/gqa4-hd128-tq1_0.gguf');

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** Lets the second half of `/held.gguf` through. @type {() => void} */
let release = () => {};

before(async () => {
  browser = await launch();
  const model = await readFile(FIXTURE);
  const half = model.length >> 1;
  server = await startDemo({
    folders: { '/fixtures/': join(ROOT, 'tests/fixtures/models') },
    async handle(request, response, path) {
      if (path === '/page.gguf') {
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
        return true;
      }
      if (path !== '/held.gguf') return false;
      const released = new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
        release = resolve;
      });
      response.writeHead(200, { 'Content-Length': model.length, 'Cache-Control': 'no-store' });
      response.write(model.subarray(0, half));
      await released;
      response.end(model.subarray(half));
      return true;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * @param {string} search
 * @param {(page: Page) => Promise<void>} work
 * @param {RegExp} [expected] a complaint of the browser itself that belongs to the test, such as a 404
 */
async function withPage(search, work, expected) {
  const { context, page, complaints } = await openPage(browser, `${server.origin}/${search}`);
  try {
    await work(page);
    assert.deepEqual(
      complaints.filter((text) => !expected?.test(text)),
      [],
    );
  } finally {
    await context.close();
  }
}

/** @param {Page} page @param {string} [status] */
function status(page, status = 'ready') {
  return page.waitForSelector(`body[data-status="${status}"]`);
}

/** @param {Page} page @param {string} text */
async function ask(page, text) {
  await page.getByTestId('prompt').fill(text);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-testid="turn-assistant"]:last-child[aria-busy="false"]');
  return (await page.getByTestId('turn-assistant').last().getByTestId('turn-text').textContent()) ?? '';
}

const MODEL = '?model=./fixtures/gqa4-hd128-tq1_0.gguf&temperature=0&maxTokens=24';

describe('the chat page with the real library', () => {
  test('the bundled model loads and answers', () =>
    withPage('?temperature=0', async (page) => {
      await status(page);
      const answer = await ask(page, 'What is 2 + 3?');
      assert.notEqual(answer, '');
      const info = await page.getByTestId('info').innerText();
      for (const fact of ['bitnet-b1.58', 'I2_S', 'isolated']) assert.ok(info.includes(fact), `${fact} in ${info}`);
    }));

  test('progress is shown in bytes while the download goes on', () =>
    withPage('?model=./held.gguf', async (page) => {
      await page.getByText(/ of 1\.53 MB/).waitFor();
      const shown = Number(await page.getByTestId('load-bar').getAttribute('value'));
      assert.ok(shown > 0 && shown < 1, `${shown}`);
      release();
      await status(page);
    }));

  test('an answer streams in several pieces, with its speed, and the same one comes again', () =>
    withPage(MODEL.replace('24', '400'), async (page) => {
      await status(page);
      await page.evaluate(() => {
        const seen = /** @type {Set<string>} */ (new Set());
        Object.assign(globalThis, { seen });
        new MutationObserver(() => {
          seen.add(document.querySelector('[data-testid="turn-assistant"] .turn-text')?.textContent ?? '');
        }).observe(document.body, { childList: true, subtree: true, characterData: true });
      });
      const answer = await ask(page, 'Hello');
      assert.ok((await page.evaluate(() => /** @type {any} */ (globalThis).seen.size)) > 3);
      assert.match(
        await page.getByTestId('stats').innerText(),
        /tok\/s · \d+ tokens · first after .* · prompt of \d+ tokens/,
      );
      await page.getByRole('button', { name: 'New chat' }).click();
      assert.equal(await ask(page, 'Hello'), answer);
    }));

  test('Stop ends the answer at once, keeps what there is, and the next question is answered', () =>
    withPage(MODEL.replace('24', '400'), async (page) => {
      await status(page);
      await page.evaluate(() => {
        const observer = new MutationObserver(() => {
          if (!document.querySelector('[data-testid="turn-assistant"] .turn-text')?.textContent) return;
          observer.disconnect();
          document.querySelector('button#stop')?.dispatchEvent(new MouseEvent('click', { bubbles: true }));
        });
        observer.observe(document.body, { childList: true, subtree: true, characterData: true });
      });
      const partial = await ask(page, 'Hello');
      assert.equal(await page.getByTestId('turn-assistant').last().getAttribute('data-state'), 'stopped');
      assert.ok(partial.length > 0 && partial.length < 60, partial);
      assert.notEqual(await ask(page, 'And now?'), '');
    }));

  for (const [name, source, code, complaint] of /** @type {const} */ ([
    ['an address without a file', './missing.gguf', 'not_found', /404/],
    ['a web page instead of a model', './page.gguf', 'invalid_gguf', /^$/],
    ['a program instead of a model', './app.js', 'invalid_gguf', /^$/],
  ])) {
    test(`${name} is told by its code, and the page goes on`, () =>
      withPage(
        `?model=${source}`,
        async (page) => {
          await page.getByTestId('error').waitFor();
          assert.equal(await page.getByTestId('error').getAttribute('data-code'), code);
          assert.ok((await page.getByTestId('error-text').innerText()).length > 20);
          await page.getByRole('button', { name: 'Load the demo model' }).click();
          await status(page);
          assert.notEqual(await ask(page, 'Hello'), '');
        },
        complaint,
      ));
  }

  test('other engine settings load the model again, and say the same', () =>
    withPage(`${MODEL}&precision=exact`, async (page) => {
      await status(page);
      const answer = await ask(page, 'Hello');
      assert.notEqual(answer, '');
      await page.getByRole('button', { name: 'Settings', exact: true }).click();
      await page.getByLabel('Threads').selectOption('1');
      await page.getByLabel('Kernel').selectOption('scalar');
      await page.getByTestId('reload').click();
      await page.waitForFunction(() => /scalar.*1 thread /s.test(document.querySelector('#info')?.textContent ?? ''));
      await page.getByRole('button', { name: 'New chat' }).click();
      assert.equal(await ask(page, 'Hello'), answer);
    }));

  test('a file from the disk is loaded', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByTestId('file').setInputFiles(FIXTURE);
      await page.waitForFunction(() => document.querySelector('#model-name')?.textContent?.startsWith('gqa4'));
      await status(page);
      assert.notEqual(await ask(page, 'Hello'), '');
    }));

  test('the second load comes from this device, with the server gone', () =>
    withPage(MODEL, async (page) => {
      await status(page);
      const answer = await ask(page, 'Hello');
      await page.getByRole('button', { name: /^Model:/ }).click();
      await page.getByTestId('unload').click();
      await status(page, 'empty');
      const asked = server.requests.length;
      await page.getByTestId('cached-model').getByRole('button', { name: /^Load/ }).click();
      await status(page);
      assert.deepEqual(
        // The gallery may look at the demo model meanwhile, for its estimates.
        server.requests.slice(asked).filter(({ path }) => path.endsWith('.gguf') && path !== '/models/demo.gguf'),
        [],
      );
      await page.getByRole('button', { name: 'New chat' }).click();
      assert.equal(await ask(page, 'Hello'), answer);
    }));

  test('the benchmark page measures it', () =>
    withPage(`bench.html${MODEL}`, async (page) => {
      for (const name of ['relaxed16', 'mad', 'scalar']) await page.locator(`#compare-kernels input[value="${name}"]`).uncheck();
      await page.getByTestId('start').click();
      await page.waitForFunction(
        () => ['Done', 'Ended by an error'].includes(document.querySelector('#stage')?.textContent ?? ''),
        null,
        { timeout: 120_000 },
      );
      assert.equal(await page.getByTestId('stage').textContent(), 'Done');
      const result = JSON.parse(await page.getByTestId('json').innerText());
      assert.ok(result.decode.tokensPerSecond > 0);
      assert.deepEqual(result.prompts.length, 3);
      const rows = /** @type {import('../../www/bench/settings.js').Setting[]} */ (result.settings.rows);
      assert.deepEqual(rows.map(({ asked, decode }) => [asked.kernel, decode?.repetitions]), [['auto', 3], ['relaxed', 3], ['lut', 3]]);
      assert.deepEqual([...new Set(rows.map(({ logitsHash }) => logitsHash))], [result.logitsHash]);
    }));
});
