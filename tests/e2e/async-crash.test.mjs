// A fault in any asynchronous part of the engine: every call is told, with a code, and the page goes on. And what is large is
// taken in parts, in as little memory as phones give.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, sendFile, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const FILE = 'gqa4-hd128-tq1_0.gguf';
const MODEL = `/models/${FILE}`;
const HERE = join(ROOT, 'tests/e2e');

/** Bytes behind the model: no tensor is in them, and they are read all the same. */
const TAIL = 300 * 2 ** 20;

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** @type {string} */
let hash;

before(async () => {
  hash = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'))[FILE].exact;
  browser = await launch();
  server = await startDemo({
    folders: { '/models/': join(ROOT, 'tests/fixtures/models'), '/e2e/': HERE },
    handle: async (request, response, path) => {
      const pages = /^\/pages-(\d+)\/engine\.js$/.exec(path)?.[1];
      if (pages !== undefined) {
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`
          import '/dist/engine.js';
          WebAssembly.Memory = class extends WebAssembly.Memory {
            constructor(wanted) { super({ ...wanted, maximum: Math.min(wanted.maximum, ${pages}) }); }
          };`);
      } else if (path === '/long.gguf') {
        const model = await readFile(join(ROOT, 'tests/fixtures/models', FILE));
        response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': model.length + TAIL });
        response.write(model);
        response.end(Buffer.alloc(TAIL));
      } else if (path === '/large-reads/engine.js') {
        // Every answer that is a model comes in one piece, and a long tail with it.
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(`
          import '/pages-4096/engine.js';
          const { fetch } = self;
          self.fetch = async (url, init) => {
            if (!String(url).endsWith('.gguf')) return fetch(url, init);
            const model = new Uint8Array(await (await fetch(url)).arrayBuffer());
            const bytes = new Uint8Array(model.length + ${TAIL});
            bytes.set(model);
            return new Response(new ReadableStream({ start: (controller) => (controller.enqueue(bytes), controller.close()) }));
          };`);
      } else if (path === '/async/engine.js') await sendFile(join(HERE, 'async-crash-engine.js'), request, response);
      else if (path === '/async/deaf.js') await sendFile(join(HERE, 'deaf.js'), request, response);
      else return false;
      return true;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * @param {string} name
 * @param {(page: Page) => Promise<void>} body
 */
function pageTest(name, body) {
  test(name, { timeout: 180_000 }, async () => {
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

/** How each part is reached. @type {[part: string, way: 'load' | 'probe' | 'list' | 'file' | 'stream' | 'again'][]} */
const PARTS = [
  ['a request', 'load'],
  ['an answer', 'load'],
  ['an answer', 'probe'],
  ['a piece of an answer', 'load'],
  ['a timer', 'load'],
  ['a file', 'file'],
  ['a piece of a file', 'file'],
  ['a stream', 'stream'],
  ['a look into the store', 'load'],
  ['a look into the store', 'list'],
  ['a write to the store', 'load'],
  ['a chunk from the store', 'again'],
];

/**
 * The outcome of each fault in each part.
 * @param {Page} page
 * @param {string} query more of the engine's address
 * @param {number} watchdog
 */
function endings(page, query, watchdog) {
  return page.evaluate(
    async ([url, parts, query, watchdog]) => {
      /** @type {string[]} */
      const ends = [];
      for (const [part, way] of parts) {
        await new Promise((resolve) => (indexedDB.deleteDatabase('bitnet-web').onsuccess = resolve));
        const options = { threads: 1, kernel: /** @type {const} */ ('mad'), variant: /** @type {const} */ ('relaxed') };
        if (way === 'again') await (await lib.BitNet.load(url, options)).unload();
        const workerUrl = `/async/engine.js?part=${encodeURIComponent(part)}&${query}`;
        const broken = { ...options, watchdog, workerUrl };
        const file = async () => (await fetch(url)).blob();
        const call = async () => {
          switch (way) {
            case 'probe':
              return lib.BitNet.probe(url, broken);
            case 'list': {
              // The storage's workers are those of the last call that found some.
              await (await lib.BitNet.load(await file(), broken)).unload();
              return lib.BitNet.cache.list();
            }
            case 'file':
              return lib.BitNet.load(await file(), broken);
            case 'stream':
              return lib.BitNet.load((await file()).stream(), broken);
            default:
              return lib.BitNet.load(url, broken);
          }
        };
        ends.push(await call().then(() => `${part}, ${way}: loaded`, ({ code }) => `${part}, ${way}: ${code}`));
      }
      const model = await lib.BitNet.load(url, { threads: 2, precision: 'exact', workerUrl: '/dist/engine.js' });
      ends.push(await model.logitsHash());
      await model.unload();
      return ends;
    },
    /** @type {[string, typeof PARTS, string, number]} */ ([MODEL, PARTS, query, watchdog]),
  );
}

for (const [fault, code] of [['trap', 'crashed'], ['throw', 'out_of_memory'], ['exhaust', 'out_of_memory']]) {
  pageTest(`${fault} in every asynchronous part is told at once, without a watchdog, and the next load works`, async (page) => {
    assert.deepEqual(await endings(page, `fault=${fault}`, 0), [...PARTS.map(([part, way]) => `${part}, ${way}: ${code}`), hash]);
  });
}

pageTest('a task that was killed without a word is missed: its worker answers, and still its call ends', async (page) => {
  assert.deepEqual(await endings(page, 'fault=trap&deaf', 1000), [...PARTS.map(([part, way]) => `${part}, ${way}: crashed`), hash]);
});

/**
 * Ends what the page's only worker executes now, or will next.
 * @param {Page} page
 * @returns {Promise<() => Promise<void>>}
 */
async function terminator(page) {
  const session = await page.context().newCDPSession(page);
  /** @type {string[]} */
  const workers = [];
  session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => void (targetInfo.type === 'worker' && workers.push(sessionId)));
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return async () => {
    assert.equal(workers.length, 1);
    await session.send('Target.sendMessageToTarget', { sessionId: workers[0], message: JSON.stringify({ id: 1, method: 'Runtime.terminateExecution' }) });
  };
}

pageTest('a call that the browser ends as it comes in is missed', async (page) => {
  const terminate = await terminator(page);
  await page.evaluate(async (url) => {
    Object.assign(globalThis, { model: await lib.BitNet.load(url, { threads: 1, kernel: 'scalar', watchdog: 1500 }) });
  }, MODEL);
  await terminate();
  const end = await page.evaluate(() => Reflect.get(globalThis, 'model').tokenize('Hello').then(() => 'answered', (/** @type {any} */ { code }) => code));
  assert.ok(['answered', 'crashed'].includes(end), end); // whether it came in time is up to the browser
});

pageTest('a computation that the browser has ended is found out while twenty calls queue behind it', async (page) => {
  const terminate = await terminator(page);
  await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar', watchdog: 1500 });
    const calls = Array.from({ length: 20 }, () => model.complete('Hello'));
    const ends = calls.map((call) => call.then(() => 'answered', ({ code, message }) => `${code} ${message}`));
    Object.assign(globalThis, { ends: Promise.all(ends) });
  }, MODEL);
  await page.waitForFunction(() => tap.turns > 1);
  await terminate();
  /** @type {string[]} */
  const ends = await page.evaluate(() => Reflect.get(globalThis, 'ends'));
  const lost = ends.filter((end) => end !== 'answered');
  assert.ok(lost.length > 0, ends.join());
  for (const end of lost) assert.match(end, /^crashed The engine worker has lost a call: nothing has worked on it for 1.5 s/);
  const next = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2, precision: 'exact' });
    const hash = await model.logitsHash();
    await model.unload();
    return hash;
  }, MODEL);
  assert.equal(next, hash);
});

pageTest('one piece of 300 MB, in 256 MiB of memory: from a stream, a file, a buffer, an answer', async (page) => {
  const got = await page.evaluate(
    async ([url, tail]) => {
      const model = new Uint8Array(await (await fetch(url)).arrayBuffer());
      const bytes = new Uint8Array(model.length + tail);
      bytes.set(model);
      const options = { threads: 1, precision: /** @type {const} */ ('exact'), workerUrl: '/pages-4096/engine.js', cache: false };
      const sources = [new ReadableStream({ start: (controller) => (controller.enqueue(bytes), controller.close()) }), new Blob([bytes]), bytes];
      const hashes = [];
      for (const source of sources) {
        const loaded = await lib.BitNet.load(source, options);
        hashes.push(await loaded.logitsHash());
        await loaded.unload();
      }
      const loaded = await lib.BitNet.load(url, { ...options, workerUrl: '/large-reads/engine.js' });
      hashes.push(await loaded.logitsHash());
      await loaded.unload();
      return hashes;
    },
    /** @type {[string, number]} */ ([MODEL, TAIL]),
  );
  assert.deepEqual(got, [hash, hash, hash, hash]);
});

pageTest('a model of 300 MB with chunks as large as itself, from the cache, where 1.2 GiB of memory are', async (page) => {
  const got = await page.evaluate(async () => {
    const seen = [];
    for (let time = 0; time < 2; time++) {
      let fromCache = false;
      const model = await lib.BitNet.load('/long.gguf', {
        threads: 1,
        precision: 'exact',
        workerUrl: '/pages-19200/engine.js',
        network: { chunkBytes: 300 * 2 ** 20 },
        onProgress: (progress) => (fromCache = progress.fromCache),
      });
      seen.push(await model.logitsHash(), fromCache);
      await model.unload();
    }
    return seen;
  });
  assert.deepEqual(got, [hash, false, hash, true]);
});
