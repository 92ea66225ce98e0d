// The static site on a host that knows nothing about it: no isolation headers, no byte ranges, a path of its own. And what it weighs.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';

import { launch, openPage, ROOT, startServer } from './harness.mjs';

const SITE = join(ROOT, 'site');
const PATH = '/people/someone/chat/';

test('the site answers a chat under any path of a plain host, isolated by its service worker', { timeout: 120_000 }, async () => {
  const server = await startServer({ folders: { [PATH]: SITE }, isolated: false, ranges: false });
  const browser = await launch();
  try {
    const { page, complaints } = await openPage(browser, `${server.origin}${PATH}`);
    await page.waitForSelector('body[data-status="ready"]', { timeout: 60_000 });
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    await page.getByTestId('prompt').fill('Hello');
    await page.keyboard.press('Enter');
    const answer = page.getByTestId('turn-assistant').last();
    await answer.and(page.locator('[aria-busy="false"]')).waitFor({ timeout: 60_000 });
    assert.notEqual((await answer.getByTestId('turn-text').innerText()).trim(), '');
    const outside = server.requests.filter(({ path }) => !path.startsWith(PATH) && path !== '/favicon.ico');
    assert.deepEqual(outside, [], 'every address is relative');
    assert.deepEqual(complaints, []);
  } finally {
    await browser.close();
    await server.close();
  }
});

/** Bytes that may cross the network before the demo model has answered for the first time. */
const BUDGET = 3_500_000;

test('the first answer of the demo model costs less than 3.5 MB', { timeout: 120_000 }, async () => {
  let bytes = 0;
  const server = await startServer({
    folders: { '/': SITE },
    // As a host that compresses, and that lets a browser use again what it has.
    async handle(request, response, path) {
      response.setHeader('Cache-Control', 'max-age=600');
      const name = path.endsWith('/') ? `${path}index.html` : path;
      const packed = await readFile(join(SITE, `${name}.br`)).catch(() => null);
      const plain = packed ?? (await readFile(join(SITE, name)).catch(() => null));
      if (plain === null) return false;
      const type = /\.(\w+)$/.exec(name)?.[1] ?? '';
      const types = /** @type {Record<string, string>} */ ({ js: 'text/javascript', css: 'text/css', html: 'text/html; charset=utf-8', wasm: 'application/wasm', svg: 'image/svg+xml' });
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
      const part = from === undefined || packed ? plain : plain.subarray(Number(from), to ? Number(to) + 1 : undefined);
      bytes += part.length;
      response.setHeader('Content-Type', types[type] ?? 'application/octet-stream');
      response.setHeader('ETag', `"${name}"`);
      if (packed) response.setHeader('Content-Encoding', 'br');
      else if (from !== undefined) response.setHeader('Content-Range', `bytes ${from}-${Number(from) + part.length - 1}/${plain.length}`);
      response.writeHead(from === undefined || packed ? 200 : 206, { 'Content-Length': part.length }).end(part);
      return true;
    },
  });
  const browser = await launch();
  try {
    // What is kept for later visits comes after the answer, and in the service worker.
    const { page } = await openPage(browser, server.origin, { serviceWorkers: 'block' });
    await page.waitForSelector('body[data-status="ready"]', { timeout: 60_000 });
    await page.getByTestId('prompt').fill('Hello');
    await page.keyboard.press('Enter');
    await page.getByTestId('turn-assistant').last().and(page.locator('[aria-busy="false"]')).waitFor({ timeout: 60_000 });
    assert.ok(bytes < BUDGET, `${bytes} bytes`);
    assert.ok(bytes > 2_053_856, `${bytes} bytes are less than the model alone`);
  } finally {
    await browser.close();
    await server.close();
  }
});

test('the site carries its licences, and no file that only a developer needs', async () => {
  const files = (await readdir(SITE, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const names = files.map((entry) => entry.name);
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-NOTICES.txt']) assert.ok(names.includes(name), name);
  assert.deepEqual(names.filter((name) => name.endsWith('.d.ts') || name === 'package.json'), []);
});

test('beside each script, style and module lies the same in brotli', async () => {
  const names = ['dist/wasm/relaxed/bitnet_web_bg.wasm', 'dist/wasm/simd128/bitnet_web_bg.wasm', 'dist/index.js', 'dist/engine.js', 'dist/compute.js', 'style.css'];
  for (const name of names) {
    const [plain, packed] = await Promise.all([readFile(join(SITE, name)), readFile(join(SITE, `${name}.br`))]);
    assert.ok(brotliDecompressSync(packed).equals(plain), name);
    assert.ok(packed.length < plain.length / 2, `${name}: ${packed.length} of ${plain.length} bytes`);
  }
  const listed = [...(await readFile(join(SITE, 'site.js'), 'utf8')).matchAll(/"[\w./-]+\.\w+"/g)].map(([name]) => name);
  assert.ok(listed.includes('"dist/engine.js"'), 'the service worker keeps the engine');
  assert.deepEqual(listed.filter((name) => /\.(br|gz|map)"$|wasm\/\w+\/.*\.js"$|^"(docs|wllama)\//.test(name)), []);
  assert.ok((await readFile(join(SITE, 'wllama/esm/wasm/wllama.wasm.br'))).length < 2_900_000, 'what a visitor is told who asks for it');
});

test('no page of the site names an absolute path of its own host', async () => {
  const files = (await readdir(SITE, { recursive: true, withFileTypes: true })).filter((entry) => /\.(html|css|webmanifest)$/.test(entry.name));
  assert.notEqual(files.length, 0);
  for (const file of files) {
    const text = await readFile(join(file.parentPath, file.name), 'utf8');
    assert.doesNotMatch(text, /(?:src|href|url)\s*[=(:]\s*["']?\/(?!\/)/, file.name);
  }
});
