// The examples as a reader copies them: built from the packed package with the bundlers that they name, and used in a browser. The
// model's address is a real one, behind which the demo model lies here.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { copyExamples, EXAMPLES, examples } from '../../tools/package/examples.mjs';
import { launch, launchProfile, ROOT, startServer } from './harness.mjs';
import { lendModel, MODEL } from './lending.mjs';

/** @import { Browser, BrowserContext, Page } from 'playwright-core' */

const run = promisify(execFile);

/** The copy of the examples. @type {string} */
let work;
/** The package, unpacked. @type {string} */
let library;
/** @type {Browser} */
let browser;

before(async () => {
  work = await mkdtemp(join(tmpdir(), 'bitnet-web-examples-'));
  library = join(work, 'cdn-page/node_modules/bitnet-web');
  await copyExamples(work);
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: work });
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work, join(ROOT, 'dist')]);
  // Where npm puts it in an app: beside the app's own scripts.
  for (const name of await examples()) {
    const folder = join(work, name, 'node_modules/bitnet-web');
    await mkdir(folder, { recursive: true });
    await run('tar', ['-xzf', join(work, JSON.parse(stdout)[0].filename), '--strip-components=1', '-C', folder]);
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await rm(work, { recursive: true, force: true });
});

test('every example names the version of the package that this is', async () => {
  const { version } = JSON.parse(await readFile(join(ROOT, 'dist/package.json'), 'utf8'));
  for (const entry of await readdir(EXAMPLES, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || /node_modules|public[\\/]\w+\.js/.test(entry.parentPath) || !/\.(html|json)$/.test(entry.name)) continue;
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
    for (const [, found] of text.matchAll(/bitnet-web(?:": "|@)(\d[\w.-]*)/g)) assert.equal(found, version, join(entry.parentPath, entry.name));
  }
});

/** The CDN lends what npm got. @param {BrowserContext} context */
async function lendPackage(context) {
  await context.route('https://cdn.jsdelivr.net/npm/bitnet-web@*/**', async (route) => {
    const [, file] = /bitnet-web@[^/]+\/([^?]+)/.exec(route.request().url()) ?? [];
    const contentType = extname(file) === '.wasm' ? 'application/wasm' : 'text/javascript';
    const headers = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };
    await route.fulfill({ headers, contentType, body: await readFile(join(library, file)) });
  });
}

/**
 * Asks on a page, and waits for the whole answer.
 * @param {Page} page
 * @param {string} answer selector of the answer
 */
async function ask(page, answer) {
  await page.fill('[name=prompt]', 'What is the capital of France?');
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.waitForFunction(
    (selector) => document.querySelector(selector)?.textContent?.trim() && document.querySelector('#stop')?.matches(':disabled'),
    answer,
    { timeout: 60_000 },
  );
  return (await page.locator(answer).last().innerText()).trim();
}

/**
 * Opens an example's page, has a question answered, and looks whether it ran with threads.
 * @param {string} url
 * @param {{ context?: BrowserContext, answer?: string, then?: (page: Page) => Promise<void> }} [how]
 */
async function use(url, { context, answer = '#answer', then } = {}) {
  const own = context ?? (await browser.newContext());
  await lendModel(own);
  await lendPackage(own);
  const page = await own.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  try {
    await page.goto(url);
    const text = await ask(page, answer).catch(async (error) => assert.fail(`${error}\n${await page.innerText('body')}\n${complaints.join('\n')}`));
    assert.notEqual(text, '');
    assert.equal(await page.evaluate(() => crossOriginIsolated), true);
    assert.match(await page.innerText('output'), /^[1-9]\d* threads$/);
    await then?.(page);
    assert.deepEqual(complaints, []);
  } finally {
    await own.close();
  }
}

/**
 * A stop button ends the answer: it is pressed as soon as there is a text.
 * @param {Page} page
 * @param {string} [answer]
 */
async function stopWorks(page, answer = '#answer') {
  const whole = await page.locator(answer).last().innerText();
  await page.evaluate((selector) => {
    const count = document.querySelectorAll(selector).length;
    const observer = new MutationObserver(() => {
      const found = [...document.querySelectorAll(selector)].slice(selector === '#answer' ? 0 : count).at(-1);
      const stop = /** @type {HTMLButtonElement} */ (document.querySelector('#stop'));
      if (!found?.textContent || stop.disabled) return;
      observer.disconnect();
      stop.click();
    });
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  }, answer);
  const cut = await ask(page, answer);
  assert.ok(cut.length <= whole.length, `${cut} | ${whole}`);
  return { cut, whole };
}

/** A port that is free now. @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/**
 * Runs a server of an example while `body` uses it.
 * @param {string} name of the example
 * @param {(port: number) => string[]} command a script of a package and its arguments
 * @param {(url: string) => Promise<void>} body
 */
async function serving(name, command, body) {
  const port = await freePort();
  const [script, ...args] = command(port);
  const server = spawn(process.execPath, [script, ...args], { cwd: join(work, name), env: { ...process.env, PORT: String(port) } });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (output += text));
  const ended = new Promise((resolve) => server.on('exit', resolve));
  try {
    const url = `http://localhost:${port}/`;
    while (!(await fetch(url).then(({ ok }) => ok, () => false))) {
      if (server.exitCode !== null) assert.fail(output);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await body(url);
  } finally {
    server.kill();
    await ended;
  }
}

/**
 * @param {string} name of an example
 * @param {string} [script]
 */
async function npmRun(name, script = 'build') {
  const env = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', CI: '1' };
  await run('npm', ['run', '--silent', script], { cwd: join(work, name), env }).catch(({ stdout, stderr, message }) => assert.fail(`${message}\n${stdout}\n${stderr}`));
}

/** @param {string} name of a package @param {string} path of a script in it @param {string} from example */
async function script(name, path, from) {
  const own = join(work, from, 'node_modules', name, path);
  return (await readFile(own).then(() => own, () => join(work, 'node_modules', name, path)));
}

/**
 * @param {string} name
 * @param {() => Promise<void>} body
 */
function it(name, body) {
  test(name, { timeout: 180_000 }, body);
}

it('plain-page: an import map, no bundler; the stop button cuts the answer', async () => {
  await serving('plain-page', () => ['serve.mjs'], (url) => use(url, {
    then: async (page) => {
      const { cut, whole } = await stopWorks(page);
      assert.ok(cut.length < whole.length, `${cut} | ${whole}`);
      assert.equal(await page.innerText('output'), 'Stopped.');
      assert.equal(await ask(page, '#answer'), whole);
    },
  }));
});

it('cdn-page: the library, its workers and its wasm from another origin', async () => {
  const { headers } = JSON.parse(await readFile(join(EXAMPLES, 'cdn-page/serve.json'), 'utf8'));
  const server = await startServer({
    folders: { '/': join(work, 'cdn-page') },
    isolated: false,
    handle: (_request, response) => {
      for (const { key, value } of headers[0].headers) response.setHeader(key, value);
      return false;
    },
  });
  try {
    await use(`${server.origin}/`);
  } finally {
    await server.close();
  }
});

it('vite-react: in development, where StrictMode mounts twice, and built', async () => {
  const vite = await script('vite', 'bin/vite.js', 'vite-react');
  const answer = 'p.assistant';
  await serving('vite-react', (port) => [vite, '--port', String(port), '--strictPort'], (url) => use(url, {
    answer,
    then: async (page) => void (await stopWorks(page, answer)),
  }));
  await npmRun('vite-react');
  await serving('vite-react', (port) => [vite, 'preview', '--port', String(port), '--strictPort'], (url) => use(url, { answer }));
});

it('vite6: in development, where its dependencies are packed without workers, and built', async () => {
  const vite = await script('vite', 'bin/vite.js', 'vite6');
  await serving('vite6', (port) => [vite, '--port', String(port), '--strictPort'], (url) => use(url));
  await npmRun('vite6');
  await serving('vite6', (port) => [vite, 'preview', '--port', String(port), '--strictPort'], (url) => use(url));
});

it('svelte, built', async () => {
  const vite = await script('vite', 'bin/vite.js', 'svelte');
  await npmRun('svelte');
  await serving('svelte', (port) => [vite, 'preview', '--port', String(port), '--strictPort'], (url) => use(url));
});

for (const name of ['webpack', 'esbuild']) {
  it(`${name}, built into a folder for a static host`, async () => {
    await npmRun(name);
    const server = await startServer({ folders: { '/': join(work, name, 'public') } });
    try {
      await use(`${server.origin}/`);
    } finally {
      await server.close();
    }
  });
}

it('next: rendered on the server, loaded in the browser', async () => {
  await npmRun('next');
  const next = await script('next', 'dist/bin/next', 'next');
  await serving('next', (port) => [next, 'start', '--port', String(port)], (url) => use(url));
});

it('extension: a page of a manifest v3 extension', async () => {
  await npmRun('extension');
  const profile = await mkdtemp(join(tmpdir(), 'bitnet-web-profile-'));
  const folder = join(work, 'extension');
  const context = await launchProfile(profile, [`--disable-extensions-except=${folder}`, `--load-extension=${folder}`]);
  try {
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
    await use(new URL('chat.html', worker.url()).href, { context });
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
});

it('deno: a model from a file, in the terminal', async () => {
  const deno = join(work, 'node_modules/deno/bin.cjs');
  const { stdout, stderr } = await run(process.execPath, [deno, 'run', '--allow-net', '--allow-read', 'main.js', MODEL, 'What is the capital of France?'], {
    cwd: join(work, 'deno'),
    env: { ...process.env, NO_COLOR: '1', DENO_NO_UPDATE_CHECK: '1' },
  }).catch(({ stdout, stderr, message }) => assert.fail(`${message}\n${stdout}\n${stderr}`));
  assert.notEqual(stdout.trim(), '', stderr);
});
