// The common start of the end-to-end tests: a real browser, and the folders of the built package and the pages.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

import { startServer } from './server.mjs';

export { sendFile, startServer } from './server.mjs';

/** The repository. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The pages, and the package as it ships. */
export const DEMO_FOLDERS = { '/': join(ROOT, 'www'), '/dist/': join(ROOT, 'dist') };

/** The library's modules as they are written: for tests that reach into the engine, which ships as one file. */
const MODULES = { '/modules/': join(ROOT, 'worker'), '/modules/wasm/': join(ROOT, 'dist/wasm') };

const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--no-first-run',
];

/** The browser: `CHROME`, as `cargo xtask test` sets it, or where Debian puts Chromium. */
function browserPath() {
  const path = process.env.CHROME ?? '/usr/bin/chromium';
  if (!existsSync(path)) throw new Error(`no browser at ${path}: install Chromium, or name one in CHROME`);
  return path;
}

/**
 * Starts the system's Chromium, headless.
 * @param {import('playwright-core').LaunchOptions} [options] besides those that every test has
 * @returns {Promise<import('playwright-core').Browser>}
 */
export function launch(options) {
  return chromium.launch({ ...launchOptions(), ...options });
}

/**
 * Starts a browser with a profile in a folder, so that its storage is on the disk.
 * @param {string} folder
 * @param {string[]} [flags] more of them
 * @returns {Promise<import('playwright-core').BrowserContext>}
 */
export function launchProfile(folder, flags = []) {
  const { args, ...options } = launchOptions();
  // Extensions are among what is switched off by default.
  const ignoreDefaultArgs = flags.some((flag) => flag.startsWith('--load-extension')) ? ['--disable-extensions'] : [];
  return chromium.launchPersistentContext(folder, { ...options, args: [...args, ...flags], ignoreDefaultArgs });
}

/** How the browser is started by hand, where a test must be able to kill it. @returns {[command: string, args: string[]]} */
export function browserCommand() {
  const { executablePath, args } = launchOptions();
  return [executablePath, args];
}

function launchOptions() {
  const root = process.getuid?.() === 0;
  return { executablePath: browserPath(), args: root ? [...FLAGS, '--no-sandbox'] : FLAGS };
}

/**
 * The demo page's host. A test that needs the runtime alone opens `/blank.html` and imports `/dist/index.js`.
 * @param {Partial<import('./server.mjs').ServerOptions> & { library?: Record<string, Buffer> }} [options] `library`: scripts that
 *   stand in for those of `dist/`, by address
 */
export function startDemo({ folders, handle, library = {}, ...options } = {}) {
  return startServer({
    folders: { ...DEMO_FOLDERS, ...MODULES, '/wllama/': join(ROOT, 'node_modules/@wllama/wllama'), ...folders },
    handle: async (request, response, path) => {
      if (await handle?.(request, response, path)) return true;
      if (path === '/site.js' || path === '/sealed.html') {
        const { policy, sealedPolicy, text } = await describeSite(library);
        const [type, body] = path === '/site.js'
          ? ['text/javascript', text]
          : ['text/html; charset=utf-8', (await readFile(join(ROOT, 'www/index.html'), 'utf8')).replace(policy, sealedPolicy)];
        response.writeHead(200, { 'Content-Type': type }).end(body);
        return true;
      }
      // As `_headers` and the service worker have it.
      if (path.startsWith('/sealed/')) response.setHeader('Content-Security-Policy', (await describeSite(library)).sealedPolicy);
      if (path === '/bench/history.jsonl') {
        response.writeHead(200, { 'Content-Type': 'application/jsonl' }).end(await readFile(join(ROOT, 'benches/history.jsonl')));
        return true;
      }
      if (Object.hasOwn(library, path)) {
        response.writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' }).end(library[path]);
        return true;
      }
      if (path !== '/blank.html') return false;
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end('<!doctype html><title>blank</title>');
      return true;
    },
    ...options,
  });
}

/**
 * The policies, and the content of `site.js`, which `cargo xtask site` writes, for the demo page's folders.
 * @param {Record<string, Buffer>} [library] as for `startDemo`
 */
export async function describeSite(library = {}) {
  const page = await readFile(join(ROOT, 'www/index.html'), 'utf8');
  const [, policy = ''] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page) ?? [];
  const sealedPolicy = policy.replace(/connect-src [^;]*/, "connect-src 'self' blob:");
  /** @type {Record<string, string>} */
  const files = {};
  for (const [prefix, folder] of Object.entries(DEMO_FOLDERS)) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const name = prefix.slice(1) + relative(folder, path).replaceAll('\\', '/');
      if (!entry.isFile() || /\.(gguf|d\.ts|md)$|package\.json$|coi-sw\.js$/.test(name)) continue;
      files[name] = createHash('sha256').update(library[`/${name}`] ?? (await readFile(path))).digest('hex');
    }
  }
  files['./'] = files['index.html'];
  const version = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  return { policy, sealedPolicy, text: `self.SITE = ${JSON.stringify({ version, policy, sealedPolicy, files })};` };
}

/**
 * Opens an address in a context of its own (empty storage) and keeps what the page complains about.
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function openPage(browser, url, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await page.goto(url);
  return { context, page, complaints };
}
