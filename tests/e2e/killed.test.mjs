// The loss when a browser is killed in a download on a slow line.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chromium } from 'playwright-core';

import { HostileServer } from '../hostile-server.mjs';
import { browserCommand, launchProfile, ROOT, startDemo } from './harness.mjs';

/** Bytes of the file: a model, and so much after it that no try comes to the end. */
const BYTES = 64 << 20;

/** Bytes per second of the line, which the requests of a load share. */
const SPEED = 1_000_000;

/** At most so much of the download may be lost, in seconds: five, and what writing takes on a busy machine. */
const LOST_SECONDS = 10;

/** xorshift: where the kill falls, from a seed that a failure names. @param {number} seed */
function dice(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Starts a browser of its own, so that it can be killed, and opens a page in it.
 * @param {string} profile
 * @param {string} url
 */
async function openBrowser(profile, url) {
  const [command, args] = browserCommand();
  const child = spawn(command, [...args, '--headless=new', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'], { stdio: 'ignore' });
  /** @type {string | undefined} */
  let port;
  for (let tries = 0; port === undefined && tries < 600; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    port = await readFile(join(profile, 'DevToolsActivePort'), 'utf8').then((text) => text.split('\n')[0], () => undefined);
  }
  const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
  const page = await browser.contexts()[0].newPage();
  await page.goto(url);
  return { child, browser, page };
}

test('a browser that is killed on a slow line loses some seconds of the download', { timeout: 300_000 }, async () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e6);
  const random = dice(seed);
  const bytes = Buffer.alloc(BYTES);
  (await readFile(join(ROOT, 'tests/fixtures/models/tiny-i2_s.gguf'))).copy(bytes);
  const hostile = await HostileServer.start();
  const url = hostile.host('/slow/model.gguf', { bytes, etag: '"first"', cors: true, expose: '*', rate: SPEED });
  const demo = await startDemo();
  const profile = await mkdtemp(join(tmpdir(), 'bitnet-killed-'));
  try {
    const { child, browser, page } = await openBrowser(profile, `${demo.origin}/blank.html`);
    await page.addScriptTag({ type: 'module', content: `import { BitNet } from '/dist/index.js'; globalThis.BitNet = BitNet; BitNet.load('${url}', { threads: 1, kernel: 'mad' }).catch((error) => (globalThis.failed = String(error)));` });
    /** Bytes that had been sent, by time. @type {[number, number][]} */
    const sent = [];
    const total = () => hostile.log.reduce((sum, seen) => sum + seen.sent, 0);
    const end = 7_000 + random() * 15_000;
    while (total() === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const began = Date.now();
    while (Date.now() - began < end) {
      sent.push([Date.now(), total()]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(await page.evaluate(() => Reflect.get(globalThis, 'failed')), undefined);
    child.kill('SIGKILL');
    const killed = Date.now();
    const all = total();
    await browser.close().catch(() => {}); // it is gone
    await rm(join(profile, 'SingletonLock'), { force: true });
    const context = await launchProfile(profile);
    try {
      const again = await context.newPage();
      await again.goto(`${demo.origin}/blank.html`);
      const kept = await again.evaluate(async (/** @type {string} */ index) => (await import(index)).BitNet.cache.list(), `${demo.origin}/dist/index.js`);
      const stored = kept[0]?.storedBytes ?? 0;
      const [reached] = sent.findLast(([, bytes]) => bytes <= stored) ?? [began];
      const seconds = (killed - reached) / 1000;
      console.log(`seed ${seed}: killed after ${(killed - began) / 1000} s and ${all} bytes; ${stored} are kept, ${seconds} s are lost`);
      assert.ok(seconds <= LOST_SECONDS, `seed ${seed}: ${seconds} s of the download are lost`);
    } finally {
      await context.close();
    }
  } finally {
    await demo.close();
    await hostile.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
