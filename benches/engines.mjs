// The kernels in other browsers, where the order of their speeds is another: each is started on a page that begins by
// itself and posts its result to us, so that nothing but the browser is needed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ROOT, startDemo } from '../tests/e2e/harness.mjs';

/** @import { Options } from './options.mjs' */

/** A browser that has posted nothing by then has failed, milliseconds. */
const PATIENCE = 300_000;

/**
 * @typedef {object} Kernels one run of the self test
 * @property {number} threads
 * @property {string} variant
 * @property {boolean} [passed]
 * @property {number} [cases]
 * @property {string[]} [failures]
 * @property {{ kernel: string, weightsPerSecond: number }[]} [kernels]
 * @property {string} [error]
 */

/** @typedef {{ engine: string, version?: string, userAgent?: string, isolated?: boolean, tests: Kernels[], error?: string }} EngineResult */

/** WebKitGTK keeps shared memory from pages unless it is told not to; Safari gives it to isolated pages. */
const SHARING = { JSC_useSharedArrayBuffer: '1' };

/** @param {string[]} candidates */
const found = (candidates) =>
  candidates.find((path) => (path.includes('/') ? existsSync(path) : spawnSync('which', [path]).status === 0));

/**
 * How each browser is started. A profile of its own keeps it away from whoever uses it else.
 * @type {Record<string, (profile: string, url: string) => { command: string, args: string[] } | undefined>}
 */
const STARTS = {
  firefox: (profile, url) => {
    const command = found([process.env.FIREFOX ?? 'firefox-esr', 'firefox']);
    return command ? { command, args: ['--headless', '--no-remote', '--profile', profile, url] } : undefined;
  },
  webkit: (profile, url) => {
    const browser = found([
      process.env.MINIBROWSER ?? '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
      '/usr/lib/x86_64-linux-gnu/webkitgtk-6.0/MiniBrowser',
      '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.0/MiniBrowser',
    ]);
    if (!browser || !found(['xvfb-run'])) return undefined;
    return { command: 'xvfb-run', args: ['--auto-servernum', browser, '--private', url] };
  },
};

/**
 * @param {Options} options
 * @param {(text: string) => void} say
 * @returns {Promise<EngineResult[]>}
 */
export async function testEngines({ engines, threads }, say) {
  const results = [];
  for (const engine of engines) {
    say(`kernels in ${engine}`);
    const result = await testEngine(engine, threads);
    if (result.error) say(`${engine}: ${result.error}`);
    results.push(result);
  }
  return results;
}

/**
 * @param {string} engine
 * @param {number[]} threads
 * @returns {Promise<EngineResult>}
 */
async function testEngine(engine, threads) {
  const profile = await mkdtemp(join(tmpdir(), 'bitnet-web-engine-'));
  /** @type {(text: string) => void} */
  let posted = () => {};
  const result = new Promise((/** @type {typeof posted} */ resolve) => (posted = resolve));
  const server = await startDemo({
    folders: { '/benches/': join(ROOT, 'benches') },
    handle: async (request, response, path) => {
      if (path !== '/posted') return false;
      let text = '';
      for await (const chunk of request) text += chunk;
      response.end();
      posted(text);
      return true;
    },
  });
  const start = STARTS[engine]?.(profile, `${server.origin}/benches/page/self-test.html?threads=${threads.join(',')}`);
  if (start === undefined) {
    await server.close();
    return { engine, tests: [], error: 'not installed' };
  }
  // No updates, no greetings, no questions.
  await writeFile(
    join(profile, 'user.js'),
    ['datareporting.policy.dataSubmissionEnabled', 'app.update.enabled', 'browser.shell.checkDefaultBrowser']
      .map((name) => `user_pref("${name}", false);\n`)
      .join(''),
  );
  // A group of its own: what a script starts in turn is ended with it.
  const child = spawn(start.command, start.args, { stdio: 'ignore', detached: true, env: { ...process.env, ...SHARING } });
  let timer;
  try {
    const text = await Promise.race([
      result,
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`ended with code ${code} before it had answered`))),
      new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE / 1000} s`)), PATIENCE);
      }),
    ]);
    return { engine, version: versionOf(start), ...JSON.parse(/** @type {string} */ (text)) };
  } catch (error) {
    return { engine, tests: [], error: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(-child.pid, 'SIGTERM');
      await once(child, 'exit');
    }
    await server.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** @param {{ command: string, args: string[] }} start */
function versionOf({ command, args }) {
  const browser = command === 'xvfb-run' ? args[1] : command;
  const { stdout } = spawnSync(browser, ['--version'], { encoding: 'utf8' });
  return stdout?.trim() || undefined;
}
