// Browsers that Playwright cannot drive as they are installed: a page of ours works by itself in them and posts what it
// found, so that nothing but the browser is needed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startDemo } from './harness.mjs';

/** WebKitGTK keeps shared memory from pages unless it is told not to; Safari gives it to isolated pages. */
const SHARING = { JSC_useSharedArrayBuffer: '1' };

/** No updates, no greetings, no questions. */
const PREFERENCES = ['datareporting.policy.dataSubmissionEnabled', 'app.update.enabled', 'browser.shell.checkDefaultBrowser'];

/** @param {string[]} candidates */
const found = (candidates) =>
  candidates.find((path) => (path.includes('/') ? existsSync(path) : spawnSync('which', [path]).status === 0));

/** @typedef {{ command: string, args: string[], browser: string }} Start */

/**
 * How each browser is started. A profile of its own keeps it away from whoever uses it else.
 * @type {Record<string, (profile: string, url: string) => Start | undefined>}
 */
const STARTS = {
  firefox: (profile, url) => {
    const browser = found([process.env.FIREFOX ?? 'firefox-esr', 'firefox']);
    if (!browser) return undefined;
    return { browser, command: browser, args: ['--headless', '--no-remote', '--profile', profile, url] };
  },
  webkit: (_, url) => {
    const browser = found([
      process.env.MINIBROWSER ?? '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
      '/usr/lib/x86_64-linux-gnu/webkitgtk-6.0/MiniBrowser',
      '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.0/MiniBrowser',
    ]);
    if (!browser || !found(['xvfb-run'])) return undefined;
    return { browser, command: 'xvfb-run', args: ['--auto-servernum', browser, '--private', url] };
  },
};

/** @param {string} engine `firefox` or `webkit` */
export const isInstalled = (engine) => STARTS[engine]?.('', '') !== undefined;

/**
 * @typedef {object} Options
 * @property {number} patience milliseconds, after which a browser that has posted nothing has failed
 * @property {boolean} [sharing] let WebKitGTK share memory
 * @property {boolean} [isolated] send the headers that isolate the page; default true
 * @property {Record<string, string>} [folders] besides those of the pages
 */

/**
 * Opens a page that posts an object to `/posted`, and returns that object with the browser's `version`. Undefined: the
 * browser is not installed.
 * @param {string} engine `firefox` or `webkit`
 * @param {string} path of the page
 * @param {Options} options
 * @returns {Promise<any>}
 */
export async function posts(engine, path, { patience, sharing = false, isolated = true, folders }) {
  if (!isInstalled(engine)) return undefined;
  const profile = await mkdtemp(join(tmpdir(), 'bitnet-web-engine-'));
  /** @type {(text: string) => void} */
  let posted = () => {};
  const result = new Promise((/** @type {typeof posted} */ resolve) => (posted = resolve));
  const server = await startDemo({
    isolated,
    folders,
    handle: async (request, response, asked) => {
      if (asked !== '/posted') return false;
      let text = '';
      for await (const chunk of request) text += chunk;
      response.end();
      posted(text);
      return true;
    },
  });
  await writeFile(join(profile, 'user.js'), PREFERENCES.map((name) => `user_pref("${name}", false);\n`).join(''));
  const start = /** @type {Start} */ (STARTS[engine](profile, server.origin + path));
  // A group of its own: what a script starts in turn is ended with it.
  const env = sharing ? { ...process.env, ...SHARING } : process.env;
  const child = spawn(start.command, start.args, { stdio: 'ignore', detached: true, env });
  let timer;
  try {
    const text = await Promise.race([
      result,
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`ended with code ${code} before it had answered`))),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${patience / 1000} s`)), patience);
      }),
    ]);
    return { version: versionOf(start), ...JSON.parse(/** @type {string} */ (text)) };
  } finally {
    clearTimeout(timer);
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(-child.pid, 'SIGTERM');
      await once(child, 'exit');
    }
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @param {Start} start */
function versionOf({ browser }) {
  return spawnSync(browser, ['--version'], { encoding: 'utf8' }).stdout?.trim() || undefined;
}
