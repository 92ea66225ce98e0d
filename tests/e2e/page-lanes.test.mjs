// The page with two lanes.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { verdictOf } from '../../www/lanes/verdict.js';
import { ROOT } from './harness.mjs';
import { open, told, usePages } from './pages.mjs';

const { withPage } = usePages();
const axe = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

test('two outcomes are judged by their hashes, texts and speeds', () => {
  const outcome = (/** @type {Record<string, unknown>} */ changes = {}) =>
    /** @type {any} */ ({ text: 'a', tokens: 9, tokensPerSecond: 10, logitsHash: 'x', source: 'm', info: { precision: 'fast' }, ...changes });
  assert.deepEqual(verdictOf(outcome(), outcome({ tokensPerSecond: 10.2 })), { hash: 'same', text: 'same', speed: null });
  assert.deepEqual(verdictOf(outcome(), outcome({ tokensPerSecond: 20 })).speed, { faster: 'b', times: 2 });
  assert.deepEqual(verdictOf(outcome({ tokensPerSecond: 30 }), outcome()).speed, { faster: 'a', times: 3 });
  assert.equal(verdictOf(outcome(), outcome({ tokensPerSecond: null })).speed, null);
  assert.equal(verdictOf(outcome(), outcome({ logitsHash: 'y' })).hash, 'differ');
  assert.equal(verdictOf(outcome(), outcome({ logitsHash: 'y', info: { precision: 'exact' } })).hash, 'precision');
  assert.equal(verdictOf(outcome(), outcome({ logitsHash: 'y', source: 'n', text: 'b' })).hash, 'model');
  assert.equal(verdictOf(outcome(), outcome({ text: 'b' })).text, 'differ');
});

for (const [width, colorScheme, locale] of /** @type {const} */ ([[1440, 'light', 'en'], [360, 'dark', 'de']]))
  test(`one prompt runs in both lanes, with the settings of each, at ${width} px`, () =>
    withPage('lanes.html', async (page) => {
      await page.waitForSelector('body[data-ready]');
      await page.getByTestId('lanes-prompt').fill('say one two three');
      await page.evaluate(axe);
      const faults = () => page.evaluate(async () => (await /** @type {any} */ (globalThis).axe.run(document)).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.target)}`));
      assert.deepEqual(await faults(), []);
      await page.getByTestId('start').click();
      await page.locator('[data-testid="verdict"][data-hash="same"]').waitFor();
      assert.deepEqual(await page.getByTestId('lane-text').allInnerTexts(), ['one two three', 'one two three']);
      const { loads, unloads, answers } = await told(page);
      assert.deepEqual(loads.map(({ options: { threads } }) => threads), [1, Math.min(4, Number(loads[1].options.threads))]);
      assert.equal(unloads, 2);
      assert.deepEqual(answers.map(({ options }) => options.temperature), [0, 0]);
      assert.match(await page.getByTestId('verdict').innerText(), locale === 'en' ? /^Same logits hash: .* equally fast\.$/ : /^Gleicher Logits-Hash: /);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'start');
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      assert.deepEqual(await faults(), []);
    }, { viewport: { width, height: 800 }, colorScheme, locale }));

test('both at once, stopped, and started again', () =>
  withPage('lanes.html', async (page) => {
    await page.waitForSelector('body[data-ready]');
    await page.getByTestId('lanes-mode').selectOption('together');
    await page.getByTestId('lanes-prompt').fill('say one WAIT two');
    await page.getByTestId('start').click();
    await page.waitForFunction(() => [...document.querySelectorAll('.lane-text')].every((e) => e.textContent === 'one '));
    await page.getByTestId('stop').click();
    await page.getByTestId('start').waitFor();
    assert.equal((await told(page)).unloads, 2);
    await open(page, 'more');
    await page.getByTestId('start').click();
    await page.locator('[data-testid="verdict"][data-hash="same"]').waitFor();
  }));
