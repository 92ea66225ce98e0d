// Where the library may find itself: on a page of another origin, under policies, in every kind of worker, in a sandboxed frame,
// in Node. It runs there, or says in a coded error what is missing; nothing stays open.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { launch, openPage, ROOT, sendFile, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { LoadOptions } from '../../worker/schema.js' */
/** @import { RunningServer } from './server.mjs' */

const FILE = 'gqa4-hd128-tq1_0.gguf';
const MODEL = `/models/${FILE}`;
const DIST = join(ROOT, 'dist');
const SCRIPT = { 'Content-Type': 'text/javascript' };

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** Another origin, which lends everything (as a CDN does). @type {RunningServer} */
let cdn;
/** Another origin that allows nobody to read. @type {RunningServer} */
let closed;
/** The answer that every kernel must give. @type {string} */
let hash;

/** Headers of the page and its scripts. @type {Record<string, string>} */
let headers = {};
/** Faults of the scripts in `/dist/`, by path. @type {Record<string, import('./server.mjs').Handler>} */
let faults = {};

before(async () => {
  hash = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'))[FILE].exact;
  browser = await launch();
  server = await startDemo({
    folders: { '/models/': join(ROOT, 'tests/fixtures/models') },
    handle: async (request, response, path) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      if (await faults[path]?.(request, response, path)) return true;
      if (path === '/in-worker.js') response.writeHead(200, SCRIPT).end(IN_WORKER);
      else if (path === '/frame.html') {
        response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin'); // the frame's origin is nobody's
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>frame</title>');
      } else return false;
      return true;
    },
  });
  cdn = await startDemo({
    folders: { '/models/': join(ROOT, 'tests/fixtures/models') },
    handle: (_request, response) => {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
      return false;
    },
  });
  closed = await startDemo({ isolated: false });
});

after(async () => {
  await browser?.close();
  for (const host of [server, cdn, closed]) await host?.close();
});

/** A script that loads in whatever worker it finds itself, and answers. */
const IN_WORKER = `
  import { BitNet } from '/dist/index.js';
  const answer = async (post) => {
    try {
      const model = await BitNet.load(new URL('${MODEL}', location.href), { threads: 1, precision: 'exact', cache: false });
      post({ hash: await model.logitsHash() });
      await model.unload();
    } catch ({ name, code, message }) {
      post({ name, code, message });
    }
  };
  self.onmessage = ({ data, ports }) => { if (data === 'load') answer((value) => (ports[0] ?? self).postMessage(value)); };
  self.onconnect = ({ ports: [port] }) => answer((value) => port.postMessage(value));
  self.oninstall = () => skipWaiting();
`;

/**
 * A page with these headers, which also its scripts are sent with; what it loads, and what an error says.
 * @typedef {object} Try
 * @property {string} [policy] Content-Security-Policy
 * @property {string} [library] address of the library, the page's own by default
 * @property {LoadOptions} [options]
 * @property {Record<string, import('./server.mjs').Handler>} [broken] by path
 */

/**
 * @param {Try} what
 * @returns {Promise<{ hash?: string, threads?: number, code?: string, message?: string, details?: any }>}
 */
async function attempt({ policy, library = '/dist/index.js', options = {}, broken = {} }) {
  headers = policy === undefined ? {} : { 'Content-Security-Policy': policy };
  faults = broken;
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    return await page.evaluate(
      async ([library, url, options]) => {
        const { BitNet } = await import(library);
        try {
          const model = await BitNet.load(url, { threads: 2, precision: 'exact', cache: false, ...options });
          const hash = await model.logitsHash();
          await model.unload();
          return { hash, threads: model.info.threads };
        } catch (/** @type {any} */ { name, code, message, details }) {
          return { code: code ?? name, message, details };
        }
      },
      /** @type {[string, string, LoadOptions]} */ ([library, MODEL, options]),
    );
  } finally {
    await context.close();
    [headers, faults] = [{}, {}];
  }
}

/**
 * @param {string} name
 * @param {() => Promise<void>} body
 */
function it(name, body) {
  test(name, { timeout: 120_000 }, body);
}

/**
 * @param {Awaited<ReturnType<typeof attempt>>} got
 * @param {string} code
 * @param {...RegExp} words
 */
function refused(got, code, ...words) {
  assert.equal(got.code, code, JSON.stringify(got));
  for (const word of words) assert.match(got.message ?? '', word);
}

it('imported from another origin, it runs, on all threads', async () => {
  const got = await attempt({ library: `${cdn.origin}/dist/index.js` });
  assert.deepEqual(got, { hash, threads: 2 });
});

it('imported from another origin, where a policy forbids workers from there: the error says what to set, and that works', async () => {
  const library = `${cdn.origin}/dist/index.js`;
  const bare = `script-src 'self' ${cdn.origin}; connect-src 'self'; worker-src 'self'`;
  const got = await attempt({ library, policy: bare });
  refused(got, 'worker_failed', /worker-src refused blob/, /needs worker-src blob:/, new RegExp(`/dist/(engine|compute)\\.js`));
  const said = /The policy needs (worker-src .*?), (script-src .*?) and (connect-src .*?),/.exec(got.message ?? '');
  assert.ok(said, got.message);
  const policy = [said[1], `${said[2]} 'self'`, `${said[3]} 'self'`].join('; ');
  assert.deepEqual(await attempt({ library, policy }), { hash, threads: 2 });
});

it('imported from another origin that lends no scripts to others', async () => {
  const got = await attempt({ options: { workerUrl: `${closed.origin}/dist/engine.js` } });
  refused(got, 'worker_failed', /Access-Control-Allow-Origin/, new RegExp(`${closed.origin}/dist/(engine|compute)\\.js`));
});

it('a policy without wasm-unsafe-eval is told before the wasm is fetched, and with it all works', async () => {
  server.requests.length = 0;
  refused(await attempt({ policy: "script-src 'self'" }), 'unsupported', /Content-Security-Policy/, /'wasm-unsafe-eval'/);
  assert.ok(!server.requests.some(({ path }) => path.endsWith('.wasm')), 'nothing is fetched for nothing');
  assert.deepEqual(await attempt({ policy: "script-src 'self' 'wasm-unsafe-eval'" }), { hash, threads: 2 });
});

it('a policy without workers', async () => {
  const got = await attempt({ policy: "worker-src 'none'" });
  refused(got, 'worker_failed', /worker-src/, /needs worker-src 'self'/, /\/dist\/(engine|compute)\.js/);
  assert.equal(got.details.directive, 'worker-src');
});

it('Trusted Types: a policy of the name bitnet-web is enough, from any origin', async () => {
  const types = "require-trusted-types-for 'script'; trusted-types bitnet-web";
  assert.deepEqual(await attempt({ policy: types }), { hash, threads: 2 });
  assert.deepEqual(await attempt({ policy: types, library: `${cdn.origin}/dist/index.js` }), { hash, threads: 2 });
  const got = await attempt({ policy: "require-trusted-types-for 'script'; trusted-types other" });
  refused(got, 'worker_failed', /trusted-types bitnet-web/, /\/dist\/engine\.js/);
  // Types that are named but not required forbid nothing.
  assert.deepEqual(await attempt({ policy: 'trusted-types other' }), { hash, threads: 2 });
});

/** @type {import('./server.mjs').Handler} */
const asHtml = (_request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>an app</title>');
  return true;
};
/** @type {import('./server.mjs').Handler} */
const missing = (_request, response) => {
  response.writeHead(404).end();
  return true;
};

for (const [what, script, handler, words] of /** @type {[string, string, import('./server.mjs').Handler, RegExp][]} */ ([
  ['is not there', 'engine.js', missing, /engine\.js did not start from \S+\/dist\/engine\.js: .*status 404.*Serve engine\.js, compute\.js and the folder wasm\//],
  ['is a page', 'engine.js', asHtml, /engine\.js did not start from \S+\/dist\/engine\.js: .*text\/html/],
  ['(of a compute worker) is not there', 'compute.js', missing, /compute\.js did not start from \S+\/dist\/compute\.js: .*status 404/],
  [
    'has no embedder policy',
    'engine.js',
    async (request, response) => {
      response.removeHeader('Cross-Origin-Embedder-Policy');
      await sendFile(join(DIST, 'engine.js'), request, response);
      return true;
    },
    /\/dist\/engine\.js: .*no Cross-Origin-Embedder-Policy/,
  ],
])) {
  it(`a worker's script that ${what}: the error has the address and the cause`, async () => {
    refused(await attempt({ broken: { [`/dist/${script}`]: handler } }), 'worker_failed', words);
  });
}

for (const [what, script, handler, words] of /** @type {[string, string, import('./server.mjs').Handler, RegExp][]} */ ([
  ['imports what is not there', 'glue.js', missing, /imports \S+\/modules\/glue\.js, .*status 404/],
  ['imports a page', 'wasm/simd128/bitnet_web.js', asHtml, /imports \S+\/simd128\/bitnet_web\.js, .*text\/html/],
])) {
  it(`a worker's script that is no bundle and ${what}: the error has the address and the cause`, async () => {
    refused(await attempt({ library: '/modules/index.js', broken: { [`/modules/${script}`]: handler } }), 'worker_failed', words);
  });
}

for (const script of ['engine.js', 'compute.js']) {
  it(`a worker's script that is another one and never answers, ${script}`, async () => {
    const broken = { [`/dist/${script}`]: (/** @type {any} */ _request, /** @type {any} */ response) => !!response.writeHead(200, SCRIPT).end('export {};') };
    refused(await attempt({ broken, options: { watchdog: 400 } }), 'worker_failed', new RegExp(`/dist/${script}`), /does not (run|answer)/);
  });
}

it('where a lockdown mode has taken WebAssembly away', async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    const got = await page.evaluate(async () => {
      Reflect.deleteProperty(globalThis, 'WebAssembly');
      const { BitNet } = await import(String('/dist/index.js'));
      return BitNet.load(new Uint8Array(9)).catch((/** @type {any} */ { code, message }) => ({ code, message }));
    });
    refused(got, 'unsupported', /no WebAssembly/, /lockdown/);
  } finally {
    await context.close();
  }
});

it('in a dedicated worker it runs; in a shared and in a service worker the error says where to go', async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    const got = await page.evaluate(async () => {
      const heard = (/** @type {EventTarget} */ port) =>
        new Promise((resolve) => port.addEventListener('message', (event) => resolve(/** @type {MessageEvent} */ (event).data)));
      const dedicated = new Worker('/in-worker.js', { type: 'module' });
      const first = heard(dedicated);
      dedicated.postMessage('load');
      const { port } = new SharedWorker('/in-worker.js', { type: 'module' });
      const second = heard(port);
      port.start();
      const registration = await navigator.serviceWorker.register('/in-worker.js', { type: 'module' });
      await navigator.serviceWorker.ready;
      const { port1, port2 } = new MessageChannel();
      const third = heard(port1);
      port1.start();
      registration.active?.postMessage('load', [port2]);
      return Promise.all([first, second, third]);
    });
    assert.deepEqual(got[0], { hash });
    for (const [what, error] of /** @type {[RegExp, any][]} */ ([[/SharedWorkerGlobalScope/, got[1]], [/ServiceWorkerGlobalScope.*offscreen document/, got[2]]])) {
      assert.deepEqual([error.name, error.code], ['BitNetError', 'unsupported'], JSON.stringify(error));
      assert.match(error.message, what);
    }
  } finally {
    await context.close();
  }
});

it('in a sandboxed frame it runs without storage, if its host lends the files', async () => {
  const { context, page } = await openPage(browser, `${cdn.origin}/blank.html`);
  try {
    await page.evaluate((src) => {
      const frame = Object.assign(document.createElement('iframe'), { src, name: 'sandboxed' });
      frame.setAttribute('sandbox', 'allow-scripts');
      document.body.replaceChildren(frame);
      return new Promise((resolve) => frame.addEventListener('load', resolve));
    }, `${server.origin}/frame.html`);
    const frame = page.frame('sandboxed');
    assert.ok(frame);
    const got = await frame.evaluate(
      async ([library, url, foreign]) => {
        const code = (/** @type {any} */ error) => error.code ?? `${error}`;
        const { BitNet } = await import(library);
        const model = await BitNet.load(url, { precision: 'exact' });
        const hash = await model.logitsHash();
        await model.unload();
        const lent = await BitNet.load(url, { workerUrl: foreign }).catch(code);
        return { origin, hash, threads: model.info.threads, cache: await BitNet.cache.list().catch(code), lent };
      },
      [`${cdn.origin}/dist/index.js`, `${cdn.origin}${MODEL}`, `${closed.origin}/dist/engine.js`],
    );
    assert.deepEqual(got, { origin: 'null', hash, threads: 1, cache: 'storage', lent: 'worker_failed' });
  } finally {
    await context.close();
  }
});

it('a stream whose load fails at the start is given back to its owner', async () => {
  headers = { 'Content-Security-Policy': "worker-src 'none'" };
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    const got = await page.evaluate(async () => {
      const { BitNet } = await import(String('/dist/index.js'));
      let cancelled = 0;
      const stream = () => new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(9)), cancel: () => void (cancelled += 1) });
      for (const call of [BitNet.load, BitNet.probe]) await call(stream(), { threads: 1 }).catch(() => {});
      return cancelled;
    });
    assert.equal(got, 2);
  } finally {
    headers = {};
    await context.close();
  }
});

test('in Node every call rejects with a code, and the process ends', { timeout: 60_000 }, async () => {
  const script = `
    import { BitNet } from ${JSON.stringify(join(DIST, 'index.js'))};
    const stream = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(9)) });
    const calls = [BitNet.load(stream), BitNet.load(new ArrayBuffer(9)), BitNet.load('https://example.org/m.gguf'), BitNet.probe(new Blob(['x'])),
      BitNet.selfTest(), BitNet.cache.list(), BitNet.cache.clear()];
    const told = await Promise.all(calls.map((call) => call.then(() => 'done', ({ name, code, message }) => [name, code, message].join(' '))));
    console.log(JSON.stringify({ told, locked: stream.locked }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { timeout: 30_000 });
  const { told, locked } = JSON.parse(stdout);
  assert.equal(told.length, 7);
  for (const text of told) assert.match(text, /^BitNetError unsupported .*Web Workers.*Node\.js/);
  assert.equal(locked, false);
});
