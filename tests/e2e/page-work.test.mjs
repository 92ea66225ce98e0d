// Looking into an answer, and at the engine at work.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from './harness.mjs';
import { ask, lastAnswer, status, told, usePages } from './pages.mjs';

/** @import { Page } from 'playwright-core' */

const { withPage } = usePages();
const axe = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** @param {Page} page */
async function accessible(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await /** @type {any} */ (globalThis).axe.run(document)).violations.map((/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.target)}`));
  assert.deepEqual(found, []);
}

test('an answer tells how it came about, and what might have stood in the place of each token', () =>
  withPage('', async (page) => {
    await status(page);
    await ask(page, 'say one two three');
    await lastAnswer(page).getByTestId('details').click();
    const sheet = page.getByTestId('details-sheet');
    await sheet.getByTestId('token').nth(2).waitFor();
    assert.deepEqual(await sheet.getByTestId('token').allTextContents(), ['one␣', 'two␣', 'three']);
    const facts = await page.locator('#details-facts').innerText();
    for (const fact of ['Demo model', 'the model was done', '3 tokens', '41.3 tok/s', 'Seed']) assert.ok(facts.includes(fact), `${fact} in ${facts}`);
    const { answers: [{ options: first }] } = await told(page);
    assert.equal(typeof first.seed, 'number', 'a seed is chosen here, so that it can be told');
    assert.ok(facts.includes(String(first.seed)));
    await sheet.getByTestId('token').nth(0).click();
    await sheet.getByTestId('details-note').getByText('token 1:').waitFor();
    const { answers } = await told(page);
    assert.equal(answers.length, 2);
    assert.equal(answers[1].messages[0].content.includes('tok'), true, 'asked as raw text');
    assert.deepEqual({ ...answers[1].options, logitBias: undefined }, { maxTokens: 1, temperature: 0, logprobs: 10, logitBias: undefined });
    assert.deepEqual(answers[1].options.logitBias, { 0: 1000 });
    // The stand-in makes other tokens of the text than it has said: it says them again.
    await sheet.getByTestId('token').nth(1).click();
    await sheet.getByTestId('details-note').getByText('token 2:').waitFor();
    const rows = await sheet.getByTestId('candidate').allInnerTexts();
    assert.match(rows.join(' '), /Hello\s*60\.0%\s*Hi\s*30\.0%\s*two␣\s*0\.1%/);
    assert.equal(await sheet.locator('.candidate[data-chosen]').count(), 1);
    const { answers: [, , again] } = await told(page);
    assert.deepEqual(again.messages.map(({ content }) => content), ['say one two three']);
    assert.deepEqual(again.options, { ...first, maxTokens: 2, logprobs: 10 });
    await accessible(page);
    await page.keyboard.press('Escape');
    // It goes by the browser's Back, which would end a reload.
    await sheet.waitFor({ state: 'hidden' });
    // An answer of an earlier visit is taken apart by the model in use.
    await page.reload();
    await status(page);
    await lastAnswer(page).getByTestId('details').click();
    await sheet.getByTestId('token').nth(12).waitFor();
    assert.equal((await sheet.getByTestId('token').allTextContents()).join(''), 'one␣two␣three');
  }, { reducedMotion: 'reduce' }));

for (const [width, colorScheme] of /** @type {const} */ ([[1440, 'light'], [360, 'dark']]))
  test(`the engine is watched while its panel is open, and costs nothing before and after, at ${width} px`, () =>
    withPage('', async (page) => {
      const listening = () => page.evaluate(() => /** @type {any} */ (globalThis).standIn.listening);
      await status(page);
      await ask(page, 'say one two');
      assert.equal((await told(page)).answers[0].options.timeParts, undefined);
      assert.equal(await listening(), 0);
      const asked = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
      assert.ok(!asked.some((name) => /work-panel\.js|weights-view|inspect|work\.css|chart/.test(name)), 'its files come when it is opened');
      if (width < 700) {
        await page.locator('#open-settings').click();
        await page.locator('#settings-work').click();
      } else await page.locator('#open-work').click();
      await page.getByTestId('work-speed').waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H2');
      assert.equal(await listening(), 1);
      await page.evaluate(() => Object.assign(/** @type {any} */ (globalThis).standIn, { pause: 30 }));
      await ask(page, `say ${'word '.repeat(40)}`, false);
      await page.waitForFunction(() => /tok\/s/.test(document.querySelector('[data-testid="work-speed"]')?.textContent ?? ''));
      assert.match(await page.getByTestId('work-reading').innerText(), /^5 GB of weights a second\./);
      await page.locator('[data-testid="work-parts"] svg').waitFor();
      assert.equal((await told(page)).answers[1].options.timeParts, true);
      assert.match(await page.getByTestId('work-facts').innerText(), /48 of 320 tokens/);
      await page.waitForFunction(() => /^0 B of weights a second\. All 16 MB of them stay/.test(document.querySelector('[data-testid="work-reading"]')?.textContent ?? ''));
      assert.match(await page.getByTestId('work-waiting').innerText(), /2 threads: 98% at work, 2% waiting/);
      // Every thread by itself.
      await page.waitForFunction(() => /100%/.test(document.querySelector('[data-testid="work-threads"]')?.textContent ?? ''));
      assert.deepEqual((await page.getByTestId('work-threads').locator('li').allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim()), ['Thread 1, leads 100%', 'Thread 2 25%']);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      await accessible(page);
      await page.getByTestId('close-work').click();
      assert.equal(await listening(), 0);
      await page.waitForFunction(() => /** @type {any} */ (globalThis).inspected.measured === false, undefined, { polling: 50 });
      await ask(page, 'say no more');
      assert.equal((await told(page)).answers.at(-1)?.options.timeParts, undefined);
    }, { viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' }));

test('the weights of the model are looked at, matrix by matrix', () =>
  withPage('', async (page) => {
    await status(page);
    await page.locator('#open-work').click();
    const counts = page.getByTestId('weights-counts');
    const rows = async () => (await counts.locator('tbody tr:visible').allInnerTexts()).map((text) => text.trim().split(/\s+/).join(' '));
    const about = page.getByTestId('weights-about');
    const layer = page.getByLabel('Layer', { exact: true });
    const matrix = page.getByLabel('Matrix', { exact: true });
    await about.getByText('All are multiplied by 0.75.').waitFor();
    assert.deepEqual(await layer.locator('option').allInnerTexts(), ['0', '1'], 'what is kept as numbers is no ternary matrix');
    assert.deepEqual(await matrix.locator('option').allInnerTexts(), ['attn_q: queries', 'ffn_down: feed-forward down']);
    assert.deepEqual(await rows(), ['−1 4,096 25%', '0 8,192 50%', '+1 4,096 25%']);
    assert.match(await about.innerText(), /^128 × 128, stored as I2_S\./);
    const map = page.getByTestId('weights-map');
    assert.match((await map.getAttribute('aria-label')) ?? '', /^Map of blk\.0\.attn_q\.weight, rows 1 to 40, columns 1 to \d+:/);
    // A square for each weight, in the colour beside its code.
    const colours = () =>
      map.evaluate((canvas) => {
        const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
        const { data } = /** @type {any} */ (canvas).getContext('2d').getImageData(0, 0, width, height);
        const pixels = new Set();
        for (let at = 0; at < data.length; at += 4) pixels.add(`rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`);
        return [width, height, ...[...pixels].sort()];
      });
    const swatches = () => page.locator('.swatch:visible').evaluateAll((all) => all.map((swatch) => getComputedStyle(swatch).backgroundColor).sort());
    const [width, height, ...light] = await colours();
    assert.ok(Number(width) > 40 && height === 40);
    assert.deepEqual(light, await swatches());
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.waitForFunction((before) => {
      const canvas = /** @type {any} */ (document.querySelector('.weights-map'));
      const [r, g, b] = canvas.getContext('2d').getImageData(0, 0, 1, 1).data;
      return !before.includes(`rgb(${r}, ${g}, ${b})`);
    }, light);
    const [, , ...dark] = await colours();
    assert.deepEqual(dark, await swatches());
    // By keys, through the matrix and to another one.
    await page.getByLabel('Rows', { exact: true }).focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => /rows 89 to 128/.test(document.querySelector('.weights-map')?.getAttribute('aria-label') ?? ''));
    await matrix.selectOption({ index: 1 });
    await about.getByText('Each 64 in a row have a scale of their own, from 0.5 to 1.25.').waitFor();
    assert.deepEqual(await rows(), ['−1 10,240 25%', '0 10,240 25%', '+1 10,240 25%', '+2 10,240 25%']);
    await page.waitForFunction(() => /ffn_down\.weight, rows 1 to 40/.test(document.querySelector('.weights-map')?.getAttribute('aria-label') ?? ''));
    // The other layer has no such matrix.
    await layer.selectOption('1');
    await about.getByText('128 × 128').waitFor();
    assert.equal(await matrix.inputValue(), 'blk.1.attn_q.weight');
    // Nothing is counted twice, and nothing asked while the panel is closed.
    await layer.selectOption('0');
    await about.getByText('All are multiplied by 0.75.').waitFor();
    const asked = () => page.evaluate(() => /** @type {any} */ (globalThis).inspected);
    const { counts: counted } = await asked();
    assert.equal(counted, 3);
    await page.getByTestId('close-work').click();
    const { tiles } = await asked();
    await page.setViewportSize({ width: 900, height: 800 });
    await ask(page, 'say something');
    assert.deepEqual(await asked(), { tiles, counts: 3, measured: false });
    await page.locator('#open-work').click();
    await about.getByText('All are multiplied by 0.75.').waitFor();
    assert.equal((await asked()).counts, 3, 'what was counted is known');
    await accessible(page);
  }, { viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' }));
