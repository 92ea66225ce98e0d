// LoRA adapters on a loaded model: from GGUF files and folders of PEFT, at load and later, several at once; a kept prefix is never
// one of other adapters.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const FIXTURES = join(ROOT, 'tests/fixtures');
/** @type {{ cases: { file: string, adapters: Record<string, number>, tokens: number[], offset: number }[] }} */
const { cases } = JSON.parse(await readFile(join(FIXTURES, 'adapters/adapters.json'), 'utf8'));
const logits = new Float32Array((await readFile(join(FIXTURES, 'adapters/logits.f32'))).buffer.slice(0));
/** By case, natively. @type {string[]} */
const hashes = JSON.parse(await readFile(join(FIXTURES, 'adapters/hashes.json'), 'utf8'));

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** @type {Page} */
let page;

before(async () => {
  browser = await launch();
  server = await startDemo({ folders: { '/fixtures/': FIXTURES, '/e2e/': join(ROOT, 'tests/e2e') } });
  page = (await openPage(browser, `${server.origin}/blank.html`)).page;
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
});

after(async () => {
  await browser?.close();
  await server?.close();
});

for (const [index, { file, adapters, tokens, offset }] of cases.entries()) {
  test(`${file} with ${JSON.stringify(adapters)} gives PEFT's logits, and the native hash in both builds`, { timeout: 120_000 }, async () => {
    const found = await page.evaluate(async ({ file, adapters, tokens }) => {
      const sources = Object.entries(adapters).map(([name, weight]) => ({ source: `/fixtures/adapters/${name}/`, name, weight }));
      const hashes = [];
      let logits = [0];
      for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
        for (const threads of [1, 3]) {
          const model = await lib.BitNet.load(`/fixtures/models/${file}`, { precision: 'exact', threads, variant, adapters: sources });
          hashes.push(await model.logitsHash());
          logits = Array.from(await model.logits(tokens));
          await model.unload();
        }
      }
      return { hashes, logits };
    }, { file, adapters, tokens });
    assert.deepEqual(new Set(found.hashes), new Set([hashes[index]]));
    const want = logits.subarray(offset, offset + found.logits.length);
    const rms = (/** @type {Iterable<number>} */ values) => Math.sqrt([...values].reduce((sum, value) => sum + value * value, 0));
    const error = rms(found.logits.map((value, i) => value - (want[i] ?? NaN))) / rms(want);
    assert.ok(error < 1e-4, `relative RMS ${error}`);
  });
}

test('adapters are loaded, switched and removed on a model', { timeout: 120_000 }, async () => {
  const found = await page.evaluate(async () => {
    const model = await lib.BitNet.load('/fixtures/models/tiny-i2_s.gguf', { threads: 1 });
    const ask = async () => {
      const { usage, text } = await model.complete('the model and the weights of it', { maxTokens: 6 });
      return { cached: usage.cachedTokens > 0, text };
    };
    const out = { plain: await ask(), before: await model.adapters.list() };
    const info = await model.adapters.load('/fixtures/adapters/tiny-all.gguf', { name: 'all' });
    const names = ['adapter_config.json', 'adapter_model.safetensors'];
    const files = await Promise.all(names.map(async (name) => new File([await (await fetch(`/fixtures/adapters/tiny-some/${name}`)).blob()], name)));
    const on = await ask();
    const again = await ask();
    await model.adapters.load(files, { name: 'some', weight: -0.5 });
    const both = await ask();
    await model.adapters.disable('some');
    const one = await ask();
    await model.adapters.enable('all', 2);
    const stronger = await ask();
    const listed = await model.adapters.list();
    await model.adapters.disable('all');
    const off = await ask();
    await model.adapters.unload('all');
    /** @param {Promise<unknown>} promise */
    const code = (promise) => promise.then(() => 'done', (/** @type {any} */ error) => `${error.code}: ${error.message}`);
    const errors = [
      await code(model.adapters.enable('all')),
      await code(model.adapters.load('/fixtures/adapters/llama-all/')),
      await code(model.adapters.load('/fixtures/models/tiny-i2_s.gguf')),
      await code(model.adapters.load(files, { name: 'some' })),
      await code(model.adapters.load('/fixtures/adapters/nothing/')),
      await code(model.adapters.load('/fixtures/adapters/tiny-all.gguf', /** @type {any} */ ({ weigth: 1 }))),
      await code(model.adapters.load('/fixtures/adapters/tiny-all.gguf', { weight: NaN })),
      await code(lib.BitNet.load('/fixtures/models/tiny-i2_s.gguf', { adapters: [{ source: '/fixtures/adapters/llama-all/' }] })),
    ];
    const left = await model.adapters.list();
    await model.unload();
    return { ...out, info, on, again, both, one, stronger, off, listed, errors, left: left.map(({ name }) => name) };
  });
  assert.deepEqual(found.before, []);
  assert.deepEqual({ ...found.info, bytes: 0 }, { name: 'all', weight: 1, enabled: true, layers: 7, bytes: 0 });
  assert.ok(found.info.bytes > 10_000);
  assert.equal(found.on.cached, false, 'a prefix without adapters');
  assert.ok(found.again.cached);
  assert.equal(found.both.cached, false, 'a prefix of other adapters');
  assert.ok(found.one.cached);
  assert.equal(found.stronger.cached, false, 'a prefix of another weight');
  assert.ok(found.off.cached);
  assert.deepEqual([found.again.text, found.one.text, found.off.text], [found.on.text, found.on.text, found.plain.text]);
  assert.ok(new Set([found.plain, found.on, found.both, found.stronger].map(({ text }) => text)).size > 2);
  assert.deepEqual(found.listed.map(({ name, weight, enabled }) => [name, weight, enabled]), [['all', 2, true], ['some', -0.5, false]]);
  const expected = [
    /^invalid_argument: .*"all"/,
    /^invalid_model: .*blk\.0/,
    /^invalid_model: .*general\.type/,
    /^invalid_argument: .*"some" already/,
    /^not_found: /,
    /^invalid_argument: .*weigth/,
    /^invalid_argument: weight/,
    /^invalid_model: .*blk\.0/,
  ];
  expected.forEach((pattern, i) => assert.match(found.errors[i] ?? '', pattern));
  assert.deepEqual(found.left, ['some']);
});
