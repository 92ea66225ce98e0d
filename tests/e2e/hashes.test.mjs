// Every fixture model (each storage type, architecture and layout) and the bundled one through the public API: both builds give the logits
// hash that the native build gives. And a kernel that an engine computes wrong is never used there.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { DEMO_FOLDERS, launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const MODELS = join(ROOT, 'tests/fixtures/models');
/** The replacement of an instruction, for an engine that computes wrong: another one of the same operands and result. */
const FAULTS = /** @type {const} */ ({
  // i32x4.relaxed_dot_i8x16_i7x16_add_s: f32x4.relaxed_madd
  relaxed: [[0xfd, 0x93, 0x02], [0xfd, 0x85, 0x02]],
  // i16x8.relaxed_dot_i8x16_i7x16_s: i8x16.relaxed_swizzle
  relaxed16: [[0xfd, 0x92, 0x02], [0xfd, 0x80, 0x02]],
  // i8x16.relaxed_swizzle: i16x8.relaxed_dot_i8x16_i7x16_s
  lut: [[0xfd, 0x80, 0x02], [0xfd, 0x92, 0x02]],
});

/** @type {Record<string, { exact: string, fast: string }>} */
const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;

before(async () => {
  browser = await launch();
  server = await startDemo({
    folders: { '/models/': MODELS, '/shipped/': join(ROOT, 'www/models'), '/e2e/': join(ROOT, 'tests/e2e') },
    handle: async (_request, response, path) => {
      const [, kernel = ''] = /^\/faulty\/(\w+)\/relaxed\/bitnet_web_bg\.wasm$/.exec(path) ?? [];
      if (!(kernel in FAULTS)) return false;
      const wasm = await readFile(join(DEMO_FOLDERS['/dist/'], 'wasm/relaxed/bitnet_web_bg.wasm'));
      const changed = replaceAll(wasm, .../** @type {[number[], number[]]} */ (/** @type {unknown} */ (FAULTS[/** @type {keyof typeof FAULTS} */ (kernel)])));
      assert.ok(changed > 0, `the build has no instruction of ${kernel}`);
      response.writeHead(200, { 'Content-Type': 'application/wasm' }).end(wasm);
      return true;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * Replaces one instruction by another one, in place.
 * @param {Buffer} wasm
 * @param {number[]} from
 * @param {number[]} to
 * @returns {number} how often it was there
 */
function replaceAll(wasm, from, to) {
  let count = 0;
  for (let at = wasm.indexOf(Buffer.from(from)); at >= 0; at = wasm.indexOf(Buffer.from(from), at + 1)) {
    wasm.set(to, at);
    count++;
  }
  return count;
}

/**
 * Runs `body` on a page of its own, on which the library is loaded.
 * @template T
 * @param {(page: Page) => Promise<T>} body
 * @returns {Promise<T>}
 */
async function withPage(body) {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
    await page.waitForFunction(() => 'lib' in globalThis);
    return await body(page);
  } finally {
    await context.close();
  }
}

test('every fixture has its hashes recorded', async () => {
  const files = (await readdir(MODELS)).filter((name) => name.endsWith('.gguf'));
  assert.deepEqual(Object.keys(golden).sort(), [...files, 'demo.gguf'].sort());
});

for (const [file, hashes] of Object.entries(golden)) {
  test(`${file}: both builds give the native logits hash`, { timeout: 300_000 }, async () => {
    const found = await withPage((page) =>
      page.evaluate(async ([file, url]) => {
        /** @type {Record<string, string>} */
        const found = {};
        for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
          for (const precision of /** @type {const} */ (['exact', 'fast'])) {
            const i2sLayout = file.includes('-arm') ? 'arm' : 'x86';
            const model = await lib.BitNet.load(url, { variant, precision, i2sLayout, threads: 2 });
            found[`${variant} ${precision}`] = await model.logitsHash();
            await model.unload();
          }
        }
        return found;
      }, /** @type {const} */ ([file, file === 'demo.gguf' ? '/shipped/demo.gguf' : `/models/${file}`])),
    );
    const { exact, fast } = hashes;
    assert.deepEqual(found, { 'relaxed exact': exact, 'relaxed fast': fast, 'simd128 exact': exact, 'simd128 fast': fast });
  });
}

for (const kernel of /** @type {const} */ (['relaxed', 'relaxed16', 'lut'])) {
  test(`where an engine computes the instruction of ${kernel} wrong, that kernel is not used`, { timeout: 300_000 }, async () => {
    const found = await withPage((page) =>
      page.evaluate(async (wasmBase) => {
        const options = /** @type {const} */ ({ variant: 'relaxed', threads: 1, wasmBase });
        const model = await lib.BitNet.load('/models/gqa1-i2_s.gguf', { ...options, precision: 'exact' });
        const hash = await model.logitsHash();
        await model.unload();
        const { passed, failures, kernels } = await lib.BitNet.selfTest(options);
        return { used: model.info.kernel, hash, passed, failures, kernels: kernels.map(({ kernel }) => kernel) };
      }, `/faulty/${kernel}/`),
    );
    assert.notEqual(found.used, kernel);
    assert.ok(!found.kernels.includes(kernel) && found.kernels.length > 0, `${found.kernels}`);
    assert.equal(found.hash, golden['gqa1-i2_s.gguf']?.exact);
    assert.equal(found.passed, false);
    assert.ok(found.failures.some((line) => line.includes(kernel)), found.failures[0]);
  });
}
