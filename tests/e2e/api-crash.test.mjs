// The death of a worker, in every way that one can die: callers get a coded error for each call, and the page goes on.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { readDirectory } from './gguf.mjs';
import { launch, openPage, ROOT, sendFile, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const FILE = 'gqa4-hd128-tq1_0.gguf';
const MODEL = `/models/${FILE}`;
const HERE = join(ROOT, 'tests/e2e');

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** Another origin, which only lends the workers. @type {RunningServer} */
let elsewhere;

before(async () => {
  browser = await launch();
  server = await startDemo({
    folders: { '/models/': join(ROOT, 'tests/fixtures/models'), '/e2e/': HERE },
    handle: async (request, response, path) => {
      // A worker whose engine has a fuse, with the real compute worker beside it; and one whose compute worker is broken.
      // Browsers that have addresses for 512 or 256 MiB of memory at most, or for next to nothing.
      const pages = { '/small/engine.js': 8192, '/narrow/engine.js': 4096, '/tiny/engine.js': 1024 }[path];
      if (path === '/long.gguf') response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end(await longContext());
      else if (pages !== undefined) {
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`
          import '/dist/engine.js';
          WebAssembly.Memory = class extends WebAssembly.Memory {
            constructor(wanted) {
              if (wanted.maximum > ${pages}) throw new RangeError('could not allocate memory');
              super(wanted);
            }
          };`);
      } else if (path === '/fuse/engine.js') await sendFile(join(HERE, 'crash-engine.js'), request, response);
      else if (path === '/fuse/compute.js') await sendFile(join(ROOT, 'dist/compute.js'), request, response);
      else if (path === '/broken/engine.js') await sendFile(join(ROOT, 'dist/engine.js'), request, response);
      else if (path === '/broken/compute.js') {
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end("onmessage = () => { throw new Error('out of order'); };");
      } else if (path.startsWith('/fuse/') || path.startsWith('/broken/')) {
        response.writeHead(302, { Location: path.replace(/^\/\w+/, '/dist') }).end();
      } else if (path === '/html/engine.js') {
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html>');
      } else if (path.endsWith('/bitnet_web_bg.wasm') && path.startsWith('/bad-wasm/')) {
        response.writeHead(200, { 'Content-Type': 'application/wasm' }).end('<!doctype html>');
      } else return false;
      return true;
    },
  });
  elsewhere = await startDemo({
    handle: (_request, response) => {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
      return false;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
  await elsewhere?.close();
});

/** A model that was trained for a million tokens, or so it says. */
async function longContext() {
  const bytes = await readFile(join(ROOT, 'tests/fixtures/models', FILE));
  bytes.writeUInt32LE(1_000_000, readDirectory(bytes).values.get('bitnet-b1.58.context_length'));
  return bytes;
}

/**
 * @param {string} name
 * @param {(page: Page) => Promise<void>} body
 */
function pageTest(name, body) {
  test(name, { timeout: 120_000 }, async () => {
    const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
    try {
      await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
      await page.waitForFunction(() => 'lib' in globalThis);
      await body(page);
    } finally {
      await context.close();
    }
  });
}

/**
 * Lights the fuse while three calls wait; tells how each of them ended, and whether the page can load again.
 * @param {Page} page
 * @param {{ fault: string, threads: number, watchdog?: number }} what
 */
function crash(page, what) {
  return page.evaluate(
    async ([url, { fault, threads, watchdog }]) => {
      const told = (/** @type {any} */ error) => `${error.name} ${error.code} ${error.message}`;
      const model = await lib.BitNet.load(url, { threads, watchdog, kernel: 'scalar', variant: 'relaxed', workerUrl: '/fuse/engine.js' });
      if (fault === 'kill the engine') tap.workers[0].terminate();
      else tap.workers[0].postMessage({ type: 'fuse', fault });
      // A browser takes up to two seconds to end a worker, and until then it works on.
      if (fault.startsWith('kill')) await new Promise((resolve) => setTimeout(resolve, 2500));
      tap.ended = 0;
      const long = 'once upon a time '.repeat(9); // enough work to share between threads
      const calls = [model.complete(long), model.complete('Hello'), model.generate(long).next(), model.complete('World')];
      const pending = await Promise.all(calls.map((call) => call.then(() => 'answered', told)));
      const ended = tap.ended;
      const later = await model.tokenize('Hello').then(() => 'answered', told);
      await model.unload(); // no error, whatever happened before

      const next = await lib.BitNet.load(url, { threads: 2, kernel: 'scalar', precision: 'exact' });
      const hash = await next.logitsHash();
      await next.unload();
      return { pending, later, ended, hash };
    },
    /** @type {[string, typeof what]} */ ([MODEL, what]),
  );
}

const CRASHES = [
  { fault: 'trap', threads: 1, code: 'crashed', says: /out of bounds/ },
  { fault: 'trap', threads: 3, code: 'crashed', says: /out of bounds/ },
  { fault: 'exhaust', threads: 2, code: 'out_of_memory', says: /1073741824 more bytes/ },
  { fault: 'bug', threads: 2, code: 'crashed', says: /a bug of the script/ },
  { fault: 'hang', threads: 2, watchdog: 1500, code: 'crashed', says: /not answered for 1.5 s/ },
  { fault: 'kill the engine', threads: 2, watchdog: 1500, code: 'crashed', says: /not answered for 1.5 s/ },
];

for (const { code, says, ...what } of CRASHES) {
  pageTest(`${what.fault}, ${what.threads} threads: every call is told, and the next load works`, async (page) => {
    const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
    const { pending, later, ended, hash } = await crash(page, what);
    assert.equal(pending.length, 4);
    for (const told of [...pending, later]) {
      assert.ok(told.startsWith(`BitNetError ${code} `), told);
      assert.match(told, says);
    }
    assert.equal(ended, what.threads, 'every worker is ended');
    assert.equal(hash, golden[FILE].exact);
  });
}

pageTest('a compute worker that was killed between two answers is not waited for', async (page) => {
  const texts = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 3, kernel: 'scalar', variant: 'relaxed' });
    const ask = async () => (await model.complete('once upon a time '.repeat(9), { maxTokens: 20, temperature: 0 })).text;
    const before = await ask();
    tap.workers[1].terminate();
    // A browser takes up to two seconds to end a worker, and until then it works on.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const texts = [before, await ask(), await ask()];
    await model.unload();
    return texts;
  }, MODEL);
  assert.deepEqual(texts.slice(1), [texts[0], texts[0]]);
});

pageTest('a silent worker is given time: a short pause is no death', async (page) => {
  const text = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, watchdog: 1500 });
    const busy = performance.now() + 4000;
    const call = model.complete('Hello', { maxTokens: 5 });
    while (performance.now() < busy); // a page that is stuck itself hears nothing
    const { text } = await call;
    await model.unload();
    return text;
  }, MODEL);
  assert.equal(typeof text, 'string');
});

pageTest('workers and wasm that cannot be had are told', async (page) => {
  const rows = await page.evaluate(async (url) => {
    /** @type {Record<string, import('../../worker/schema.js').LoadOptions>} */
    const options = {
      'no such worker': { workerUrl: '/nowhere/engine.js' },
      'a worker that is a page': { workerUrl: '/html/engine.js' },
      'a broken compute worker': { workerUrl: '/broken/engine.js', threads: 2 },
      'no such wasm': { wasmBase: '/nowhere' },
      'wasm that is a page': { wasmBase: '/bad-wasm/' },
    };
    /** @type {[string, string, string][]} */
    const rows = [];
    for (const [what, option] of Object.entries(options)) {
      await lib.BitNet.load(url, { threads: 1, ...option }).then(
        () => rows.push([what, 'loaded', '']),
        (error) => rows.push([what, error.code, error.message]),
      );
    }
    return [...rows, ['ended', String(tap.ended), String(tap.workers.length)]];
  }, MODEL);
  const ended = rows.pop();
  assert.equal(ended?.[1], ended?.[2], 'workers that are of no use are ended');
  assert.deepEqual(rows.map(([what, code]) => [what, code]), [
    ['no such worker', 'worker_failed'],
    ['a worker that is a page', 'worker_failed'],
    ['a broken compute worker', 'worker_failed'],
    ['no such wasm', 'network'],
    ['wasm that is a page', 'unsupported'],
  ]);
});

pageTest('where the browser refuses 4 GiB of addresses, less is tried', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, workerUrl: '/small/engine.js', precision: 'exact' });
    const hash = await model.logitsHash();
    await model.unload();
    return [hash, await lib.BitNet.load(url, { threads: 1, workerUrl: '/tiny/engine.js' }).then(String, (error) => error.code)];
  }, MODEL);
  const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
  assert.deepEqual(got, [golden[FILE].exact, 'out_of_memory']);
});

pageTest('a context that does not fit is refused with numbers, and without one as much as fits is taken', async (page) => {
  const { probe, whole, refused, fits, context } = await page.evaluate(async () => {
    const options = { threads: 1, kernel: /** @type {const} */ ('mad'), workerUrl: '/narrow/engine.js', cache: false };
    const probe = await lib.BitNet.probe('/long.gguf', options);
    const all = { ...options, context: 1_000_000 };
    const whole = await lib.BitNet.probe('/long.gguf', all);
    const refused = await lib.BitNet.load('/long.gguf', all).then(() => 'loaded', ({ code, message }) => `${code} ${message}`);
    const context = Number(/a context of (\d+) tokens fits/.exec(refused)?.[1]);
    const model = await lib.BitNet.load('/long.gguf', options);
    const { text } = await model.complete('Hello', { maxTokens: 3 });
    await model.unload();
    const short = await lib.BitNet.probe('/long.gguf', { ...options, context: 100 });
    return { probe, whole, refused, context, fits: [typeof text, model.info.contextLength, short.fits] };
  });
  assert.match(refused, /^out_of_memory the model needs \d+ MiB of memory \(\d+ for weights, \d+ for a context of 1000000 tokens\), \d+ are there: /);
  assert.deepEqual([whole.fits, whole.contextLength], [false, 1_000_000]);
  assert.ok(context > 1000, `${context} tokens`);
  assert.equal(whole.contextThatFits, context);
  assert.deepEqual([probe.fits, probe.contextLength, probe.contextThatFits], [true, context, context]);
  assert.deepEqual(fits, ['string', context, true]);
});

pageTest('workers and wasm from another origin run', async (page) => {
  const info = await page.evaluate(
    async ([url, origin]) => {
      const model = await lib.BitNet.load(url, { threads: 2, workerUrl: `${origin}/dist/engine.js`, wasmBase: `${origin}/dist/wasm/` });
      const { text } = await model.complete('Hello', { maxTokens: 3 });
      await model.unload();
      return { ...model.info, text };
    },
    [MODEL, elsewhere.origin],
  );
  assert.equal(info.threads, 2);
});

pageTest('unload rejects what is under way, ends every worker, and is final', async (page) => {
  const got = await page.evaluate(async (url) => {
    const told = (/** @type {any} */ error) => `${error.name} ${error.code}`;
    const model = await lib.BitNet.load(url, { threads: 3, kernel: 'scalar' });
    const calls = [model.complete('Hello'), model.generate('Hello').next(), model.logitsHash()].map((call) => call.then(() => 'answered', told));
    const [unloaded, twice] = [model.unload(), model.unload()];
    await Promise.all([unloaded, twice]);
    return { pending: await Promise.all(calls), later: await model.complete('Hello').catch(told), ended: tap.ended };
  }, MODEL);
  assert.deepEqual(new Set([...got.pending, got.later]), new Set(['BitNetError unloaded']));
  assert.equal(got.ended, 3);
});

/** The processes that the browser runs its pages in. */
async function renderers() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  return processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
}

pageTest('a machine that slept through the limit is no dead worker; one that is dead after it is found out', async (page) => {
  const sleep = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await page.evaluate(async (url) => {
    const told = (/** @type {any} */ error) => error.code;
    const model = await lib.BitNet.load(url, { threads: 1, watchdog: 3000, workerUrl: '/fuse/engine.js' });
    tap.workers[0].postMessage({ type: 'fuse', fault: 'drowsy' });
    const answer = async () => {
      const through = await model.complete('Hello', { maxTokens: 60 }).then(() => 'answered', told);
      tap.workers[0].terminate();
      await new Promise((resolve) => setTimeout(resolve, 2500)); // a browser takes up to two seconds to end a worker
      const after = await model.complete('Hello').then(() => 'answered', told);
      await model.unload();
      return { through, after };
    };
    Object.assign(globalThis, { answer: answer() });
  }, MODEL);
  await sleep(500);
  const asleep = await renderers();
  for (const id of asleep) process.kill(id, 'SIGSTOP');
  await sleep(5000);
  for (const id of asleep) process.kill(id, 'SIGCONT');
  const got = await page.evaluate(() => Reflect.get(globalThis, 'answer'));
  assert.deepEqual(got, { through: 'answered', after: 'crashed' });
});

/**
 * Memory of the browser's pages in bytes: resident, and reserved.
 * @returns {Promise<{ resident: number, reserved: number }>}
 */
async function memoryOfPages() {
  let [resident, reserved] = [0, 0];
  for (const id of await renderers()) {
    const status = await readFile(`/proc/${id}/status`, 'utf8');
    resident += Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    reserved += Number(/VmSize:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }
  return { resident, reserved };
}

pageTest('twenty rounds of load and unload do not grow the page', async (page) => {
  const rounds = (/** @type {number} */ count) =>
    page.evaluate(
      async ([url, times]) => {
        for (let i = 0; i < times; i++) {
          const model = await lib.BitNet.load(url, { threads: 2, kernel: 'scalar' });
          await model.complete('Hello', { maxTokens: 3 });
          await model.unload();
        }
      },
      /** @type {[string, number]} */ ([MODEL, count]),
    );
  await rounds(3); // what the first ones leave in caches is no growth
  const before = await memoryOfPages();
  await rounds(17);
  // Ended workers are torn down in their own time.
  const [mega, giga] = [2 ** 20, 2 ** 30];
  for (let tries = 0; ; tries++) {
    const after = await memoryOfPages();
    const [resident, reserved] = [(after.resident - before.resident) / mega, (after.reserved - before.reserved) / giga];
    // One memory that stays costs 4 GiB of addresses, and a model's weights and caches of pages.
    if (resident < 60 && reserved < 4) return;
    assert.ok(tries < 40, `17 rounds left ${resident.toFixed()} MiB of memory and ${reserved.toFixed(1)} GiB of addresses behind`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
});
