// Folders in the manner of Hugging Face: from a hub, from any address, from Files of the page, from the cache without a network.
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, sendFile, startDemo } from './harness.mjs';

/** @import { Browser, BrowserContext, Page } from 'playwright-core' */
/** @import { LoadOptions } from '../../worker/schema.js' */
/** @import { RunningServer } from './server.mjs' */

const FOLDERS = join(ROOT, 'tests/fixtures/checkpoints');
/** Which fixture each folder has the weights of. */
const SAME = {
  'tiny-multiply': 'tiny-i2_s.gguf',
  'tiny-divide': 'tiny-i2_s.gguf',
  'tiny-master': 'tiny-master.gguf',
  'tiny-silu': 'tiny-silu-i2_s.gguf',
  'llama-divide': 'llama-i2_s.gguf',
  'llama-llama3': 'llama-llama3-tq2_0.gguf',
};
/** @type {Record<string, { exact: string, fast: string }>} */
const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** Whether the hub is there at all. */
let isDown = false;
/** Bytes of a weights file after which its answers break off. */
let cutAt = Infinity;
/** Files in place of those of the fixtures. @type {Map<string, Buffer>} */
const replaced = new Map();

before(async () => {
  browser = await launch();
  server = await startDemo({
    folders: { '/folders/': FOLDERS, '/models/': join(ROOT, 'tests/fixtures/models'), '/e2e/': join(ROOT, 'tests/e2e') },
    handle: async (request, response, path) => {
      if (!/^\/(hub|folders)\//.test(path)) return false;
      if (isDown) {
        request.socket.destroy();
        return true;
      }
      const content = replaced.get(path);
      if (content !== undefined) {
        response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(content);
        return true;
      }
      const [, name, file] = /^\/hub\/o\/([\w-]+)\/resolve\/(?:main|v1)\/(.+)$/.exec(path) ?? [];
      if (name === undefined) return !path.startsWith('/folders/') && void response.writeHead(404).end() === undefined;
      const [, start = '0'] = /^bytes=(\d+)-/.exec(request.headers.range ?? '') ?? [];
      if (path.endsWith('.safetensors') && Number(start) >= cutAt) {
        request.socket.destroy();
        return true;
      }
      await sendFile(join(FOLDERS, name, file ?? ''), request, response);
      return true;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** @param {BrowserContext} [context] */
async function open(context) {
  const url = `${server.origin}/blank.html`;
  const page = context ? await context.newPage() : (await openPage(browser, url)).page;
  if (context) await page.goto(url);
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
  return page;
}

/**
 * @param {Page} page
 * @param {string} source
 * @param {LoadOptions} [options]
 */
function load(page, source, options = {}) {
  return page.evaluate(
    async ([source, options]) => {
      /** @type {import('../../worker/protocol.js').Progress[]} */
      const progress = [];
      try {
        const model = await lib.BitNet.load(source, { ...options, onProgress: (p) => progress.push(p) });
        const hash = await model.logitsHash();
        const ids = await model.tokenize('Hello, wörld <think>');
        const prompt = await model.chatPrompt([{ role: 'user', content: 'hi' }]).catch((/** @type {any} */ error) => error.code);
        const { info } = model;
        const { text } = await model.complete('the model', { maxTokens: 5 });
        await model.unload();
        return { hash, ids, prompt, text, name: info.name, quantization: info.quantization, last: progress.at(-1) };
      } catch (/** @type {any} */ error) {
        return { error: { code: error.code ?? error.name, message: error.message } };
      }
    },
    /** @type {[string, Omit<LoadOptions, 'adapters'>]} */ ([source, { threads: 2, precision: 'exact', hfBase: '/hub', network: { retryDelayMs: 20, attempts: 3 }, ...options }]),
  );
}

for (const [folder, file] of Object.entries(SAME)) {
  test(`${folder} from a hub has the hash of ${file}`, { timeout: 120_000 }, async () => {
    const page = await open();
    for (const precision of /** @type {const} */ (['exact', 'fast'])) {
      const found = await load(page, `hf:o/${folder}`, { precision, cache: false });
      assert.equal(found.error, undefined);
      assert.equal(found.hash, golden[file]?.[precision]);
      assert.equal(found.name, `o/${folder}`);
      assert.equal(found.last?.phase, 'prepare');
      assert.equal(found.last?.loaded, found.last?.total);
    }
    await page.context().close();
  });
}

test('a folder says what the GGUF file of its weights says', { timeout: 120_000 }, async () => {
  const page = await open();
  const file = await load(page, '/models/tiny-i2_s.gguf');
  const folders = [
    await load(page, 'hf:o/tiny-multiply@v1'),
    await load(page, '/folders/tiny-divide/'),
    await load(page, `${server.origin}/folders/tiny-multiply/config.json?token=1`),
    await load(page, `${server.origin}/hub/o/tiny-divide`),
  ];
  for (const { ids, prompt, text, hash } of folders) {
    assert.deepEqual({ ids, prompt, text, hash }, { ids: file.ids, prompt: file.prompt, text: file.text, hash: file.hash });
  }
  const probe = await page.evaluate(() => lib.BitNet.probe('hf:o/tiny-divide', { hfBase: '/hub', threads: 1 }));
  assert.equal(probe.architecture, 'bitnet-b1.58');
  assert.equal(probe.name, 'o/tiny-divide');
  const names = (await readdir(join(FOLDERS, 'tiny-divide'))).filter((name) => name.endsWith('.safetensors'));
  const sizes = await Promise.all(names.map(async (name) => (await readFile(join(FOLDERS, 'tiny-divide', name))).length));
  assert.equal(probe.bytes, sizes.reduce((sum, size) => sum + size, 0));
  await page.context().close();
});

test('a folder loads from the cache without a network, the files that it lacks included', { timeout: 120_000 }, async () => {
  const page = await open();
  const first = await load(page, 'hf:o/tiny-divide');
  const before = server.requests.length;
  isDown = true;
  try {
    const again = await load(page, 'hf:o/tiny-divide');
    assert.equal(again.error, undefined);
    assert.equal(again.hash, first.hash);
    assert.equal(again.prompt, first.prompt);
    assert.ok(again.last?.fromCache);
    assert.deepEqual(server.requests.slice(before).filter(({ path }) => path.startsWith('/hub/')), []);
    const revalidated = await load(page, 'hf:o/tiny-divide', { cache: 'revalidate' });
    assert.equal(revalidated.hash, first.hash, revalidated.error?.message);
  } finally {
    isDown = false;
  }
  const listed = await page.evaluate(() => lib.BitNet.cache.list());
  assert.deepEqual(listed.map(({ name }) => name).sort(), (await readdir(join(FOLDERS, 'tiny-divide'))).sort());
  assert.ok(listed.every(({ complete }) => complete));
  const freed = await page.evaluate(() => lib.BitNet.cache.delete('hf:o/tiny-divide', { hfBase: '/hub' }));
  assert.ok(freed > 100_000, `${freed} bytes`);
  assert.deepEqual(await page.evaluate(() => lib.BitNet.cache.list()), []);
  await page.context().close();
});

test('what has arrived of a folder is kept when the line breaks', { timeout: 120_000 }, async () => {
  const page = await open();
  cutAt = 40_000;
  const network = { chunkBytes: 8192, requests: 1, retryDelayMs: 10, attempts: 2 };
  const broken = await load(page, 'hf:o/tiny-multiply', { network });
  assert.equal(broken.error?.code, 'network', JSON.stringify(broken));
  cutAt = Infinity;
  const before = server.requests.length;
  const whole = await load(page, 'hf:o/tiny-multiply', { network });
  assert.equal(whole.hash, golden['tiny-i2_s.gguf']?.exact);
  const asked = server.requests.slice(before).filter(({ path }) => path.startsWith('/hub/'));
  assert.ok(asked.every(({ path }) => !path.endsWith('tokenizer.json')), 'a text was fetched twice');
  const starts = asked.filter(({ path }) => path.endsWith('.safetensors')).map(({ range }) => Number(/\d+/.exec(range ?? '')?.[0]));
  // The header is read again, and the data from where it broke off.
  assert.ok(starts.filter((start) => start > 8192 && start < 32_768).length === 0, `ranges from ${starts}`);
  await page.context().close();
});

test('a folder whose weights change between header and data is begun again', { timeout: 120_000 }, async () => {
  const page = await open();
  const path = '/hub/o/tiny-multiply/resolve/main/model.safetensors';
  await load(page, 'hf:o/tiny-multiply');
  // The same tensors in another order of names: another header.
  const other = await readFile(join(FOLDERS, 'tiny-multiply/model.safetensors'));
  const length = Number(other.readBigUInt64LE(0));
  const spaced = Buffer.concat([other.subarray(0, 8), other.subarray(8, 8 + length), Buffer.from('        '), other.subarray(8 + length)]);
  spaced.writeBigUInt64LE(BigInt(length + 8), 0);
  replaced.set(path, spaced);
  const found = await load(page, 'hf:o/tiny-multiply', { cache: 'reload' });
  replaced.clear();
  assert.equal(found.hash, golden['tiny-i2_s.gguf']?.exact, found.error?.message);
  await page.context().close();
});

test('the Files of a folder are a model', { timeout: 120_000 }, async () => {
  const page = await open();
  const found = await page.evaluate(async () => {
    const names = ['config.json', 'generation_config.json', 'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors',
      'model.safetensors.index.json', 'tokenizer.json', 'tokenizer_config.json'];
    const fetched = await Promise.all(names.map(async (name) => new File([await (await fetch(`/folders/tiny-divide/${name}`)).blob()], name)));
    const transfer = new DataTransfer();
    fetched.forEach((file) => transfer.items.add(file));
    const outcomes = [];
    for (const files of [fetched, transfer.files]) {
      const model = await lib.BitNet.load(files, { precision: 'exact', threads: 1 });
      outcomes.push(await model.logitsHash());
      await model.unload();
    }
    /** @param {any} source */
    const refused = (source) => lib.BitNet.load(source, { threads: 1 }).then(() => 'loaded', (/** @type {any} */ error) => `${error.code} ${error.message}`);
    const without = (/** @type {string} */ name) => refused(fetched.filter((file) => file.name !== name));
    return {
      outcomes,
      noConfig: await without('config.json'),
      noTokenizer: await without('tokenizer.json'),
      noShard: await without('model-00002-of-00002.safetensors'),
      none: await refused([]),
      blobs: await refused([new Blob(['x'])]),
      integrity: await lib.BitNet.load(fetched, { integrity: `sha256-${'0'.repeat(64)}` }).catch((/** @type {any} */ error) => error.code),
    };
  });
  const hash = golden['tiny-i2_s.gguf']?.exact;
  assert.deepEqual(found.outcomes, [hash, hash]);
  assert.match(found.noConfig, /^invalid_argument .*config\.json/);
  assert.match(found.noTokenizer, /^invalid_argument .*tokenizer\.json/);
  assert.match(found.noShard, /^invalid_argument .*model-00002-of-00002/);
  assert.match(found.none, /^invalid_argument .*found none/);
  assert.match(found.blobs, /^invalid_argument .*Files of a folder/);
  assert.equal(found.integrity, 'invalid_argument');
  await page.context().close();
});

test('a folder of an embedding model gives the vectors of its GGUF file, from a hub, the cache and Files', { timeout: 120_000 }, async () => {
  const page = await open();
  const vectors = (/** @type {string} */ source, /** @type {string[]} */ names = []) =>
    page.evaluate(
      async ([source, names]) => {
        const chosen = await Promise.all(names.map(async (name) => {
          const file = new File([await (await fetch(`${source}/${name}`)).blob()], name.split('/').at(-1) ?? '');
          return Object.defineProperty(file, 'webkitRelativePath', { value: `downloads/model/${name}` });
        }));
        const model = await lib.BitNet.load(chosen.length ? chosen : source, { precision: 'exact', threads: 2, hfBase: '/hub' });
        const found = (await model.embed(['hello there', 'a'])).map((vector) => Array.from(vector));
        await model.unload();
        return JSON.stringify(found);
      },
      /** @type {[string, string[]]} */ ([source, names]),
    );
  for (const [folder, file] of /** @type {const} */ ([['qwen3-model', 'qwen3-embedding'], ['gemma3-model', 'gemma3-embedding'], ['qwen3-own-norms', 'qwen3-embedding']])) {
    const want = await vectors(`/models/${file}-i2_s.gguf`);
    assert.equal(await vectors(`hf:o/${folder}`), want, folder);
    isDown = true;
    const kept = await vectors(`hf:o/${folder}`).finally(() => void (isDown = false));
    assert.equal(kept, want, `${folder} from the cache`);
  }
  // The settings of the pooling come first, and have the name of the model's.
  const names = ['1_Pooling/config.json', 'modules.json', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  assert.equal(await vectors('/folders/gemma3-model', names), await vectors('/models/gemma3-embedding-i2_s.gguf'));
  await page.context().close();
});

test('what is no usable folder is refused by name, and nothing of it is kept', { timeout: 120_000 }, async () => {
  const page = await open();
  const base = '/hub/o/tiny-multiply/resolve/main';
  const config = JSON.parse(await readFile(join(FOLDERS, 'tiny-multiply/config.json'), 'utf8'));
  const weights = await readFile(join(FOLDERS, 'tiny-multiply/model.safetensors'));
  /** @type {[string, Buffer, RegExp, string][]} */
  const cases = [
    ['config.json', Buffer.from(JSON.stringify({ ...config, architectures: ['GemmaForCausalLM'], model_type: 'gemma' })), /GemmaForCausalLM.*gemma/, 'unsupported'],
    ['config.json', Buffer.from('<!doctype html>'), /web page/, 'invalid_model'],
    ['tokenizer.json', Buffer.from('{"model": {"type": "WordPiece", "vocab": {}}}'), /WordPiece|pre_tokenizer/, 'unsupported'],
    ['model.safetensors', Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n'), /LFS/, 'invalid_model'],
    ['model.safetensors', weights.subarray(0, 5000), /cut off/, 'truncated'],
  ];
  for (const [name, content, message, code] of cases) {
    replaced.set(`${base}/${name}`, content);
    const { error } = await load(page, 'hf:o/tiny-multiply');
    replaced.clear();
    assert.equal(error?.code, code, `${name}: ${error?.message}`);
    assert.match(error?.message ?? '', message);
    assert.deepEqual(await page.evaluate(() => lib.BitNet.cache.list()), [], name);
  }
  const { error } = await load(page, 'hf:o/nothing');
  assert.equal(error?.code, 'not_found', error?.message);
  assert.match(error?.message ?? '', /config\.json.*hf:owner\/repo\/file\.gguf/);
  await page.context().close();
});
