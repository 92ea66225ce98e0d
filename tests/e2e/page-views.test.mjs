// Every view of the pages for everybody: axe finds nothing, nothing moves by itself, the focus always has a place.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ROOT } from './harness.mjs';
import { ask, open, status, usePages } from './pages.mjs';

/** @import { Page } from 'playwright-core' */

const { withPage } = usePages();
const axe = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** @param {Page} page @param {string} view */
async function accessible(page, view) {
  const found = await page.evaluate(async () => {
    const { violations, passes } = await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations', 'passes'] });
    if (passes.length < 15) return [`only ${passes.length} rules were looked at`];
    return violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => `${n.target} ${n.failureSummary}`).join(' | ')}`);
  });
  assert.deepEqual(found, [], view);
}

for (const [name, options] of /** @type {const} */ ([
  ['light, wide', { viewport: { width: 1280, height: 800 }, colorScheme: 'light' }],
  ['dark, wide', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }],
  ['light, a phone', { viewport: { width: 360, height: 640 }, colorScheme: 'light' }],
  ['German, forced colours', { viewport: { width: 768, height: 900 }, locale: 'de-DE', forcedColors: 'active', reducedMotion: 'reduce' }],
])) {
  describe(`axe has nothing to say: ${name}`, () => {
    test('about the chat and its dialogs', () =>
      withPage('', async (page) => {
        await status(page);
        await page.evaluate(axe);
        await accessible(page, 'welcome');
        await ask(page, 'say # A\n\n- b\n\n```js\n1\n```');
        await ask(page, 'crash');
        await page.locator('[data-testid="error"]').waitFor();
        await accessible(page, 'conversation with an error');
        for (const opener of ['#open-models', '#open-settings', '#privacy-chip']) {
          await page.locator(opener).click();
          await page.waitForTimeout(250);
          await accessible(page, opener);
          await page.keyboard.press('Escape');
          await page.waitForFunction(() => !history.state?.dialog);
          assert.equal(await page.evaluate(() => `#${document.activeElement?.id}`), opener, 'the focus is back');
        }
        await page.keyboard.press('Control+k');
        await page.waitForTimeout(250);
        await accessible(page, 'conversations');
        assert.equal(await page.evaluate(() => document.activeElement?.id), 'chat-search');
        await page.keyboard.press('Escape');
        await page.locator('#scroller').focus();
        await page.keyboard.press('?');
        await page.locator('#shortcuts[open]').waitFor();
        await page.waitForTimeout(250);
        await accessible(page, 'shortcuts');
      }, options));

    test('about the benchmark', () =>
      withPage('bench.html', async (page) => {
        await page.evaluate(axe);
        await accessible(page, 'before');
        await page.getByTestId('start').click();
        await page.getByText(/^(Done|Fertig)$/).waitFor();
        await accessible(page, 'result');
      }, options));
  });
}

for (const width of [360, 1280])
  test(`nothing moves by itself while the page loads, at ${width} px`, () =>
    withPage('', async (page) => {
      await page.addInitScript(() => {
        Object.assign(globalThis, { shifted: 0 });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (!(/** @type {any} */ (entry).hadRecentInput)) /** @type {any} */ (globalThis).shifted += /** @type {any} */ (entry).value;
        }).observe({ type: 'layout-shift', buffered: true });
      });
      const next = new URL('?model=./slow.gguf', page.url()).href;
      await page.goto(next);
      await page.getByText('2.5 of 10.0 MB').waitFor();
      await page.waitForTimeout(300);
      await open(page, 'load');
      await status(page);
      await page.waitForTimeout(500);
      const shifted = await page.evaluate(() => /** @type {any} */ (globalThis).shifted);
      assert.ok(shifted < 0.05, `${shifted}`);
    }, { viewport: { width, height: 720 } }));

test('examples are in sight on a phone and at 200% zoom', async () => {
  for (const [width, height, least] of [[360, 640, 6], [640, 400, 3]])
    await withPage('', async (page) => {
      await status(page);
      const bottom = await page.locator('#scroller').evaluate((e) => e.getBoundingClientRect().bottom);
      const seen = await page.getByTestId('example').evaluateAll((all, end) => all.filter((e) => e.getBoundingClientRect().bottom <= end).length, bottom);
      assert.ok(seen >= least, `${seen} of 8 at ${width} x ${height}`);
    }, { viewport: { width, height } });
});

test('a wish that cannot be had is shown in its field, not left blank', () =>
  withPage('?kernel=relaxed16&threads=40', async (page) => {
    await status(page);
    await page.locator('#open-settings').click();
    for (const id of ['kernel', 'threads', 'precision'])
      assert.notEqual(await page.locator(`#${id}`).evaluate((e) => /** @type {HTMLSelectElement} */ (e).selectedOptions[0]?.textContent ?? ''), '', id);
  }));

test('the sealed page can reach its own site alone, in the page and in workers', () =>
  withPage('sealed.html', async (page, complaints) => {
    await page.waitForFunction(() => document.body.dataset.seal !== undefined);
    assert.equal(await page.evaluate(() => document.body.dataset.seal), 'holds');
    await status(page);
    await ask(page, 'Hi');
    assert.match(await page.getByTestId('privacy-chip').innerText(), /^Sealed/);
    assert.equal(await page.evaluate(() => fetch('https://example.org/').then(() => 'reached', () => 'refused')), 'refused');
    const { loads } = await page.evaluate(() => /** @type {any} */ (globalThis).standIn);
    assert.match(loads[0].options.workerUrl, /\/sealed\/engine\.js$/);
    complaints.length = 0; // of the attempts that were refused
  }));
