// The bundled model's answers to fixed prompts are the recorded ones, for every variant, kernel and thread count.
// `tests/core/transcripts.rs` finds the same natively, and writes the file.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { GenerateOptions } from '../../worker/schema.js' */

/** @type {{ prompt: string[], options: GenerateOptions, text: string }[]} */
const TRANSCRIPTS = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/transcripts.json'), 'utf8'));

const KERNELS = /** @type {const} */ ({
  relaxed: ['scalar', 'mad', 'lut', 'relaxed', 'relaxed16'],
  simd128: ['scalar', 'mad', 'lut'],
});

test('the demo model says what is recorded', { timeout: 300_000 }, async () => {
  assert.ok(TRANSCRIPTS.length > 0);
  const server = await startDemo({ folders: { '/e2e/': import.meta.dirname } });
  const browser = await launch();
  try {
    const { page } = await openPage(browser, `${server.origin}/blank.html`);
    await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
    await page.waitForFunction(() => 'lib' in globalThis);
    for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
      for (const kernel of KERNELS[variant]) {
        for (const threads of [1, 2]) {
          const setup = { variant, kernel, threads };
          const said = await page.evaluate(async ({ setup, transcripts }) => {
            const model = await lib.BitNet.load('/models/demo.gguf', { ...setup, cache: false });
            const texts = [];
            for (const { prompt, options } of transcripts) {
              const messages = prompt.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content }));
              texts.push((await model.complete(messages, options)).text);
            }
            await model.unload();
            return texts;
          }, { setup, transcripts: TRANSCRIPTS });
          for (const [index, { prompt, text }] of TRANSCRIPTS.entries()) {
            assert.equal(said[index], text, `${prompt.at(-1)} with ${JSON.stringify(setup)}`);
          }
        }
      }
    }
  } finally {
    await browser.close();
    await server.close();
  }
});
