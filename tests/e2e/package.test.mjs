// The published package as a stranger meets it: packed, installed into an app, type-checked, bundled, opened in a browser.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { build } from 'vite';

import { launch, openPage, ROOT, sendFile, startServer } from './harness.mjs';

const run = promisify(execFile);
const MODELS = join(ROOT, 'tests/fixtures/models');

/** @type {string} */
let app;
/** The files that `npm pack` put in. @type {{ path: string, size: number }[]} */
let packed;

before(async () => {
  app = await mkdtemp(join(tmpdir(), 'bitnet-web-app-'));
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', app, join(ROOT, 'dist')]);
  const [{ filename, files }] = JSON.parse(stdout);
  packed = files;
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--offline', join(app, filename)], { cwd: app });
});

after(() => rm(app, { recursive: true, force: true }));

test('the package holds what it must and nothing else', async () => {
  const paths = packed.map(({ path }) => path);
  for (const variant of ['relaxed', 'simd128']) {
    for (const file of ['bitnet_web.js', 'bitnet_web.d.ts', 'bitnet_web_bg.wasm']) assert.ok(paths.includes(`wasm/${variant}/${file}`), file);
  }
  for (const file of ['index.js', 'index.d.ts', 'engine.js', 'compute.js', 'LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-NOTICES.txt', 'README.md']) {
    assert.ok(paths.includes(file), file);
  }
  const odd = paths.filter((path) => !/^(wasm\/(relaxed|simd128)\/)?[\w.-]+(\.js|\.d\.ts|\.wasm|\.md|\.txt|\.json)$|^LICENSE-[A-Z]+$/.test(path));
  assert.deepEqual(odd, []);
  const manifest = JSON.parse(await readFile(join(app, 'node_modules/bitnet-web/package.json'), 'utf8'));
  assert.equal(Object.keys(manifest.exports['.'])[0], 'types', 'a condition that comes after "default" is never read');
  for (const target of Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? entry : Object.values(entry)))) {
    assert.ok(target.includes('*') || target === './package.json' || paths.includes(target.slice(2)), target);
  }
});

test('the types say what the options and the answers are', async () => {
  await writeFile(join(app, 'use.ts'), `
    import { BitNet, BitNetError } from 'bitnet-web';
    const model = await BitNet.load('model.gguf', { threads: 2, onProgress: ({ loaded }) => { loaded satisfies number; } });
    for await (const { text, id } of model.generate([{ role: 'user', content: 'Hi' }], { maxTokens: 3 })) { text satisfies string; id satisfies number; }
    const { text, finishReason, usage } = await model.complete('Hi');
    [text, finishReason] satisfies string[];
    usage.promptTokens satisfies number;
    { await using brief = await BitNet.load('model.gguf'); await brief.tokenize('Hi'); }
    // @ts-expect-error an option of the wrong type
    await BitNet.load('model.gguf', { threads: {} });
    // @ts-expect-error not a thing that can be loaded
    await BitNet.load(7);
    export const code: string | undefined = ((error: unknown) => error instanceof BitNetError ? error.code : undefined)(0);
  `);
  const flags = ['--noEmit', '--strict', '--target', 'es2023', '--lib', 'es2024,dom,dom.iterable,dom.asynciterable', '--types', ''];
  for (const [module, resolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
    const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, '--module', module, '--moduleResolution', resolution, 'use.ts'];
    await run(process.execPath, args, { cwd: app }).catch(({ stdout }) => assert.fail(`${resolution}: ${stdout}`));
  }
});

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

test('an app bundled by esbuild, which leaves the workers behind, says so, and runs with workerUrl', { timeout: 120_000 }, async () => {
  await writeApp();
  const out = join(app, 'esbuild');
  const server = await startServer({ folders: { '/': out, '/bitnet-web/': join(app, 'node_modules/bitnet-web'), '/models/': MODELS } });
  try {
    for (const format of /** @type {const} */ (['esm', 'iife'])) {
      await esbuild.build({ entryPoints: [join(app, 'src/main.js')], bundle: true, format, outdir: out, logLevel: 'error' });
      await writeFile(join(out, 'index.html'), '<!doctype html><title>app</title><link rel="icon" href="data:,"><script type="module" src="main.js"></script>');
      await onPage(`${server.origin}/`, async (use) => {
        const { code, message } = await use({ threads: 2 });
        assert.equal(code, 'worker_failed');
        assert.match(message, /bundler/);
        assert.match(message, /workerUrl/);
        if (format === 'esm') assert.match(message, /from http:\/\/localhost:\d+\/\w+\.js: .*status 404/);
        assert.equal((await use({ threads: 1, workerUrl: '/nowhere/engine.js' })).code, 'worker_failed');
        const got = await use({ threads: 2, workerUrl: '/bitnet-web/engine.js' });
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
