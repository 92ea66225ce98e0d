// The published package as a stranger meets it: packed, installed into an app, type-checked, bundled, opened in a browser.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { build } from 'vite';

import { faultsOf } from '../../tools/package/check.mjs';
import { launch, openPage, ROOT, sendFile, startServer } from './harness.mjs';

const run = promisify(execFile);
const MODELS = join(ROOT, 'tests/fixtures/models');

/** @type {string} */
let app;
/** The files that `npm pack` put in. @type {{ path: string, size: number }[]} */
let packed;
/** @type {string} */
let tarball;

before(async () => {
  app = await mkdtemp(join(tmpdir(), 'bitnet-web-app-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', app, join(ROOT, 'dist')]);
  const [{ filename, files }] = JSON.parse(stdout);
  packed = files;
  tarball = join(app, filename);
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--offline', join(app, filename)], { cwd: app });
});

after(() => rm(app, { recursive: true, force: true }));

test('the package holds what it must and nothing else', async () => {
  const paths = packed.map(({ path }) => path);
  for (const variant of ['relaxed', 'simd128']) assert.ok(paths.includes(`wasm/${variant}/bitnet_web_bg.wasm`), variant);
  for (const file of ['index.js', 'index.d.ts', 'engine.js', 'compute.js', 'LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-NOTICES.txt', 'README.md']) {
    assert.ok(paths.includes(file), file);
  }
  const known = /^[\w-]+\.(js|js\.map|d\.ts)$|^types\/([\w-]+\/)*[\w-]+\.d\.ts$|^wasm\/\w+\/\w+\.wasm$|^package\.json$|^(README|CHANGELOG)\.md$|^LICENSE-[A-Z]+$|^THIRD-PARTY-NOTICES\.txt$/;
  assert.deepEqual(paths.filter((path) => !known.test(path) || path.startsWith('bench.')), []);
});

/** @returns {Promise<any>} package.json as it is installed */
async function installed() {
  return JSON.parse(await readFile(join(app, 'node_modules/bitnet-web/package.json'), 'utf8'));
}

test('its doors are few, each leads to a script with types, and package.json tells where it comes from', async () => {
  const { exports, repository, homepage, bugs, engines, sideEffects } = await installed();
  const paths = packed.map(({ path }) => path);
  const doors = Object.entries(exports).filter(([, target]) => typeof target !== 'string');
  const internal = packed.map(({ path }) => `./${path}`).filter((path) => /^\.\/shared-|^\.\/types\//.test(path));
  for (const name of ['.', './engine.js', './compute.js', './wasm/*', './package.json']) assert.ok(name in exports, name);
  assert.deepEqual(Object.keys(exports).filter((name) => internal.includes(name)), []);
  for (const [name, target] of doors) {
    assert.deepEqual(Object.keys(target), ['types', 'default'], `${name}: a condition that comes after "default" is never read`);
    for (const file of Object.values(target)) assert.ok(paths.includes(file.slice(2)), file);
  }
  for (const file of sideEffects) assert.ok(paths.includes(file.slice(2)), file);
  assert.match(repository.url, /^git\+https:\/\/.+\.git$/);
  for (const address of [homepage, bugs]) assert.match(address, /^https:\/\//);
  assert.ok(engines.node);
});

test('the workers are one file each, so that copying them is enough', async () => {
  for (const script of ['engine.js', 'compute.js']) {
    const text = await readFile(join(app, 'node_modules/bitnet-web', script), 'utf8');
    const { metafile } = await esbuild.build({ stdin: { contents: text, resolveDir: app }, bundle: true, format: 'esm', write: false, metafile: true, packages: 'external' });
    assert.deepEqual(Object.values(metafile.inputs).flatMap(({ imports }) => imports), [], script);
    // Two addresses of one module each: what a bundler finds there it packs, and what is not there would break it.
    const assets = [...text.matchAll(/new URL\(["']([^"']+)["'], import\.meta\.url\)/g)].map(([, name]) => name);
    const paths = packed.map(({ path }) => `./${path}`);
    assert.deepEqual(assets.filter((name) => !paths.includes(name)), [], script);
  }
});

test('publint and are-the-types-wrong find nothing in the packed package', { timeout: 120_000 }, async () => {
  assert.deepEqual(await faultsOf(tarball), []);
});

test('a folder that no build has finished cannot be packed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-web-unfinished-'));
  try {
    await writeFile(join(folder, 'index.js'), '');
    await assert.rejects(run('npm', ['pack', '--dry-run', folder]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

const USE = `
  import { BitNet, BitNetError, Model, TokenStream } from 'bitnet-web';
  import type * as types from 'bitnet-web';
  const model = await BitNet.load('model.gguf', { threads: 2, onProgress: ({ loaded }) => { loaded satisfies number; } });
  for await (const { text, id } of model.generate([{ role: 'user', content: 'Hi' }], { maxTokens: 3 })) { text satisfies string; id satisfies number; }
  const { text, finishReason, usage } = await model.complete('Hi');
  [text, finishReason] satisfies string[];
  usage.promptTokens satisfies number;
  { await using brief = await BitNet.load('model.gguf'); await brief.tokenize('Hi'); }

  // What is read-only is read.
  const messages = [{ role: 'system', content: [{ type: 'text', text: 'Be brief.' }] }, { role: 'user', content: 'Hi' }] as const;
  const frozen: readonly types.Message[] = Object.freeze([{ role: 'user', content: 'Hi' }]);
  const stop: readonly string[] = ['x'];
  const stream: types.TokenStream = model.generate(messages, { stop, stopTokens: [1, 'y'] as const, tools: [{}] as const });
  await model.chatPrompt(frozen);
  stream.result satisfies types.GenerationResult | undefined;

  // OpenAI's interface: whether there is a stream decides what comes.
  const whole = await model.openai.chat.completions.create({ messages: [{ role: 'user', content: 'Hi' }], response_format: { type: 'json_object' } });
  whole satisfies types.ChatCompletion;
  whole.choices[0]?.message.content satisfies string | null | undefined;
  for await (const { choices, usage } of await model.openai.chat.completions.create({ messages, stream: true })) {
    choices[0]?.delta.reasoning_content satisfies string | undefined;
    usage satisfies types.CompletionUsage | null | undefined;
  }
  const { data } = await model.openai.embeddings.create({ input: 'Hi' });
  data[0]?.embedding satisfies number[] | undefined;
  (await model.openai.completions.create({ prompt: 'Hi' })).choices[0]?.text satisfies string | undefined;
  // @ts-expect-error a stream is no completion
  (await model.openai.chat.completions.create({ messages, stream: true })).choices;
  // @ts-expect-error there is no such parameter
  await model.openai.chat.completions.create({ messages, temprature: 1 });

  // What may be undefined may be passed on.
  function ask(signal: AbortSignal | undefined, context: number | undefined, name: string | undefined) {
    void BitNet.load('model.gguf', { signal, context, network: { attempts: context }, headers: undefined });
    return model.generate([{ role: 'user', content: 'Hi', name }], { signal, maxTokens: context });
  }

  // @ts-expect-error an option of the wrong type
  await BitNet.load('model.gguf', { threads: {} });
  // @ts-expect-error not a thing that can be loaded
  await BitNet.load(7);
  export const code: types.ErrorCode | undefined = ((error: unknown) => error instanceof BitNetError ? error.code : undefined)(0);
  export { ask, Model, TokenStream };
`;

const TYPESCRIPTS = /** @type {const} */ ({ typescript52: '5.2', typescript59: '5.9', typescript: '7.0' });

for (const [folder, version] of Object.entries(TYPESCRIPTS)) {
  test(`the types say what options and answers are, to TypeScript ${version}, in every resolution, without skipLibCheck`, { timeout: 120_000 }, async () => {
    const tsc = join(ROOT, 'node_modules', folder, 'bin/tsc');
    assert.match((await run(process.execPath, [tsc, '--version'])).stdout, new RegExp(`Version ${version}`));
    await writeFile(join(app, 'use.ts'), USE);
    const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable'];
    const resolutions = [['node16', 'node16'], ['nodenext', 'nodenext'], ['esnext', 'bundler']];
    if (folder !== 'typescript') resolutions.push(['esnext', 'node10']); // the newest has no other way back
    await Promise.all(resolutions.map(([module, resolution]) =>
      run(process.execPath, [tsc, ...flags, '--module', module, '--moduleResolution', resolution, 'use.ts'], { cwd: app })
        .catch(({ stdout, stderr }) => assert.fail(`${resolution}: ${stdout}${stderr}`)),
    ));
  });
}

/** The app that every bundler packs. */
async function writeApp() {
  await mkdir(join(app, 'src'), { recursive: true });
  await writeFile(join(app, 'index.html'), '<!doctype html><title>app</title><link rel="icon" href="data:,"><script type="module" src="/src/main.js"></script>');
  await writeFile(join(app, 'src/main.js'), `
    import { BitNet } from 'bitnet-web';
    globalThis.app = async (options) => {
      const model = await BitNet.load('/models/tiny-i2_s.gguf', { cache: false, ...options });
      const { text, usage } = await model.complete('Hello', { maxTokens: 8, temperature: 0 });
      const { variant, threads } = model.info;
      await model.unload();
      return { text, tokens: usage.completionTokens, variant, threads };
    };
  `);
}

/** The headers that isolate a page. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/**
 * @param {string} url
 * @param {(use: (options: object) => Promise<any>, complaints: string[]) => Promise<void>} body `use` loads and generates
 */
async function onPage(url, body) {
  const browser = await launch();
  try {
    const { page, complaints } = await openPage(browser, url);
    await page.waitForFunction(() => 'app' in globalThis);
    const use = (/** @type {object} */ options) =>
      page.evaluate(
        (chosen) => Reflect.get(globalThis, 'app')(chosen).catch((/** @type {any} */ { code, message }) => ({ code, message })),
        options,
      );
    await body(use, complaints);
  } finally {
    await browser.close();
  }
}

test("in the development server of Vite 7, which packs a library without its workers, an app runs as it is", { timeout: 120_000 }, async () => {
  await writeApp();
  // Its types do not go together with those of Vite 8.
  const { createServer } = /** @type {typeof import('vite')} */ (await import(String('vite7')));
  const vite = await createServer({
    root: app,
    configFile: false,
    logLevel: 'warn',
    cacheDir: join(app, 'node_modules/.vite'),
    server: { port: 0, headers: ISOLATION, fs: { strict: true } },
    plugins: [
      {
        name: 'models',
        configureServer: ({ middlewares }) => {
          middlewares.use('/models', (request, response) => void sendFile(join(MODELS, request.url ?? ''), request, response));
        },
      },
    ],
  });
  try {
    await vite.listen();
    const [url] = vite.resolvedUrls?.local ?? [];
    await onPage(url, async (use) => {
      const got = await use({ threads: 2 });
      assert.deepEqual([got.threads, got.tokens > 0], [2, true], JSON.stringify(got));
    });
  } finally {
    await vite.close();
  }
});

test('an app bundled by esbuild, which leaves the workers behind, says so, and runs with copied files', { timeout: 120_000 }, async () => {
  await writeApp();
  const out = join(app, 'esbuild');
  const library = join(app, 'node_modules/bitnet-web');
  const server = await startServer({ folders: { '/': out, '/elsewhere/': library, '/models/': MODELS } });
  try {
    for (const format of /** @type {const} */ (['esm', 'iife'])) {
      await rm(out, { recursive: true, force: true });
      await esbuild.build({ entryPoints: [join(app, 'src/main.js')], bundle: true, format, outdir: out, logLevel: 'error' });
      await writeFile(join(out, 'index.html'), '<!doctype html><title>app</title><link rel="icon" href="data:,"><script type="module" src="main.js"></script>');
      await onPage(`${server.origin}/`, async (use) => {
        const { code, message } = await use({ threads: 2 });
        assert.equal(code, 'worker_failed');
        assert.match(message, /bundler/);
        assert.match(message, /workerUrl/);
        if (format === 'esm') assert.match(message, /from http:\/\/localhost:\d+\/\w+\.js: .*status 404/);
        assert.equal((await use({ threads: 1, workerUrl: '/nowhere/engine.js' })).code, 'worker_failed');
        const got = await use({ threads: 2, workerUrl: '/elsewhere/engine.js' });
        assert.deepEqual([got.threads, got.tokens > 0], [2, true], JSON.stringify(got));
      });
      if (format === 'iife') continue; // such a script does not know its own address
      for (const name of ['engine.js', 'compute.js', 'wasm']) await cp(join(library, name), join(out, name), { recursive: true });
      await onPage(`${server.origin}/`, async (use) => {
        const got = await use({ threads: 2 });
        assert.deepEqual([got.threads, got.tokens > 0], [2, true], JSON.stringify(got));
      });
    }
  } finally {
    await server.close();
  }
});

test('an app bundled by Vite loads a model and generates', { timeout: 120_000 }, async () => {
  await writeApp();
  await build({ root: app, configFile: false, logLevel: 'warn', base: './', worker: { format: 'es' } });

  const server = await startServer({ folders: { '/': join(app, 'dist'), '/models/': MODELS } });
  try {
    await onPage(`${server.origin}/`, async (use, complaints) => {
      const two = await use({ threads: 2 });
      assert.equal(two.threads, 2);
      assert.equal(two.variant, 'relaxed');
      assert.ok(two.tokens > 0 && two.tokens <= 8, JSON.stringify(two));
      const plain = await use({ threads: 1, variant: 'simd128' });
      assert.deepEqual(plain, { ...two, threads: 1, variant: 'simd128' });
      assert.deepEqual(complaints, []);
    });
  } finally {
    await server.close();
  }
});
