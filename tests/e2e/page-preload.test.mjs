// The engine's own download is asked for with the page, and seen in the bar.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from './harness.mjs';
import { status, usePages } from './pages.mjs';

/** Lets the next part of the engine through. @type {() => void} */
let release = () => {};
/** @returns {Promise<void>} */
const released = () => new Promise((resolve) => (release = resolve));

const { withPage, server } = usePages({
  async handle(_, response, path) {
    if (path === '/') {
      // As the site's build writes it.
      const page = await readFile(join(ROOT, 'www/index.html'), 'utf8');
      const hints = ['relaxed', 'simd128'].map((variant) => `<meta name="engine-bytes-${variant}" content="2000000">`).join('');
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page.replace('<title>', `${hints}<title>`));
      return true;
    }
    if (!path.endsWith('bitnet_web_bg.wasm')) return false;
    response.writeHead(200, { 'Content-Type': 'application/wasm', 'Cache-Control': 'no-cache' });
    await released();
    response.write(Buffer.alloc(500_000));
    await released();
    response.end(Buffer.alloc(1_500_000));
    return true;
  },
});

test('the build that this browser runs is asked for before the library asks, and its bytes are shown', () =>
  withPage('?model=./slow.gguf', async (page) => {
    // The stand-in reports a model at once; the real library has nothing to report before its engine is here.
    await page.getByText('2.5 of 10.0 MB').waitFor();
    release();
    await page.getByText('Fetching the engine').waitFor();
    await page.getByText('0.50 of 2.00 MB').waitFor();
    assert.equal(await page.getByTestId('load-bar').getAttribute('value'), '0.25');
    release();
    const asked = server().requests.filter(({ path }) => path.endsWith('.wasm')).map(({ path }) => path);
    assert.deepEqual(asked, ['/dist/wasm/relaxed/bitnet_web_bg.wasm']);
    await page.evaluate(() => /** @type {any} */ (globalThis).standIn.open('load'));
    await status(page);
  }));
