// The gallery of models: what each needs and how it would run here, before anything is fetched.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fitOf, memoryOf, MOST_MEMORY, parametersOf, speedOf } from '../../www/app/fit.js';
import { ask, open, status, told, usePages } from './pages.mjs';

const { withPage } = usePages();
const GB = 2 ** 30;

test('what fits is told by the weights, the keys and values of a usual context, and the machine', () => {
  const needs = (/** @type {number} */ weightBytes, kvBytesPerToken = 0, context = 32_768) => ({ weightBytes, kvBytesPerToken, context });
  assert.equal(memoryOf(needs(1e9, 1000)), 1e9 + 4096 * 1000, 'a context of 4096 tokens');
  assert.equal(memoryOf(needs(1e9, 1000, 1024)), 1e9 + 1024 * 1000, 'no longer than the model was made for');
  assert.equal(memoryOf({ weightBytes: 5, kvBytesPerToken: null, context: null }), 5, 'what is unknown is left out');
  assert.equal(fitOf(needs(1e9), { deviceMemory: 8 }), 'fits');
  assert.equal(fitOf(needs(1e9), { deviceMemory: 2 }), 'tight');
  assert.equal(fitOf(needs(1e9), { deviceMemory: 1 }), 'doesNotFit');
  assert.equal(fitOf(needs(MOST_MEMORY - 1e6), {}), 'fits', 'where the browser does not tell, the address space decides');
  assert.equal(fitOf(needs(MOST_MEMORY + 1), {}), 'doesNotFit');
  assert.equal(fitOf(needs(MOST_MEMORY - 0.3 * GB, 100_000), {}), 'tight', 'with a shorter context than is usual');
  assert.equal(fitOf(needs(1e6), { probed: { fits: false, contextThatFits: 512 } }), 'tight', 'the probe knows better');
  assert.equal(fitOf(needs(1e6), { probed: { fits: false, contextThatFits: 0 } }), 'doesNotFit');
  assert.equal(fitOf(needs(1e6), { probed: { fits: true, contextThatFits: 3840 } }), 'tight', 'less than a usual context');
  assert.equal(fitOf(needs(1e6), { probed: { fits: true, contextThatFits: 23_552 } }), 'fits');
  assert.equal(parametersOf('2.4B'), 2.4e9);
  assert.equal(parametersOf('270M'), 270e6);
  assert.equal(speedOf(2e9, { grouped: false, binary: false, weightsPerSecond: 40e9 }), 20);
  assert.ok(speedOf(2e9, { grouped: true, binary: false, weightsPerSecond: 40e9 }) < 20);
  assert.ok(speedOf(2e9, { grouped: true, binary: true, weightsPerSecond: 40e9 }) > 20);
});

test('the gallery shows needs and an estimate, asks nobody, and asks before it downloads', () =>
  withPage('', async (page) => {
    const elsewhere = /** @type {string[]} */ ([]);
    page.on('request', (request) => {
      if (!request.url().startsWith(new URL(page.url()).origin)) elsewhere.push(request.url());
    });
    await status(page);
    await ask(page, 'say first');
    await page.locator('#open-models').click();
    const card = page.getByTestId('offer').filter({ hasText: 'BitNet b1.58 2B4T' });
    // The stand-in multiplies 40e9 weights a second.
    await card.getByText('17 tok/s').waitFor();
    const text = await card.innerText();
    for (const fact of ['1.19 GB', '1.01 GB', '4096 tokens', 'MIT', 'I2_S', '2.4 B']) assert.ok(text.includes(fact), `${fact} in ${text}`);
    assert.ok((await page.getByTestId('offer').count()) > 15);
    const { probes } = await told(page);
    assert.ok(probes.every((source) => source.endsWith('/models/demo.gguf')), `${probes}`);
    assert.equal(await page.getByTestId('offer').filter({ hasText: 'Demo model' }).getByRole('button').count(), 0, 'it is in use');
    const embedding = page.getByTestId('offer').filter({ hasText: 'bitnet-embedding 270M' });
    assert.equal(await embedding.getByRole('button').count(), 0, 'it writes no answers');
    await card.getByRole('button', { name: 'Load BitNet b1.58 2B4T' }).click();
    await page.getByTestId('consent-yes').click();
    await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'BitNet b1.58 2B4T');
    await status(page);
    assert.equal((await told(page)).loads[1].source, 'hf:microsoft/bitnet-b1.58-2B-4T-gguf/ggml-model-i2_s.gguf');
    // The conversation is the same, and the new model gets all of it.
    await ask(page, 'say second');
    assert.deepEqual((await told(page)).answers[1].messages.map(({ content }) => content), ['say first', 'first', 'say second']);
    await page.locator('#open-models').click();
    await card.getByText('on this device').waitFor();
    assert.deepEqual(elsewhere, []);
  }));

test('a load goes on while the visitor looks around, and the dialog shows how far it is', () =>
  withPage('?model=./slow.gguf', async (page) => {
    await page.getByText('2.5 of 10.0 MB').waitFor();
    await page.locator('#new-chat').click();
    await page.locator('#open-settings').click();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !history.state?.dialog);
    await page.locator('#open-models').click();
    await page.locator('#current-model').getByText('2.5 of 10.0 MB').waitFor();
    assert.equal(await page.getByTestId('sheet-progress').getAttribute('value'), '0.25');
    await open(page, 'load');
    await status(page);
    await page.getByTestId('unload').waitFor();
    assert.equal(await page.getByTestId('model-name').textContent(), 'slow.gguf');
  }));
