// Every kind of source, and what is told of a model before it is loaded.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { assertLoaded, assertRefused, CHUNK, hashes, hostile, loadTest, model, other } from './loading.mjs';
import { splitGguf } from './split-gguf.mjs';

loadTest('a Blob, a file, a buffer, a view and a stream are loaded', {}, async ({ tab, url }) => {
  const found = await tab.page.evaluate(async (url) => {
    const buffer = await (await fetch(url)).arrayBuffer();
    const padded = new Uint8Array(buffer.byteLength + 7);
    padded.set(new Uint8Array(buffer), 7);
    const sources = {
      blob: new Blob([buffer]),
      file: new File([buffer], 'dropped.gguf'),
      buffer,
      view: padded.subarray(7),
      stream: new Blob([buffer]).stream(),
    };
    /** @type {Record<string, string>} */
    const hashes = {};
    for (const [name, source] of Object.entries(sources)) {
      const model = await lib.BitNet.load(source, { threads: 1, kernel: 'mad' });
      hashes[name] = await model.logitsHash();
      await model.unload();
    }
    return { hashes, left: buffer.byteLength };
  }, url);
  for (const [name, hash] of Object.entries(found.hashes)) assert.equal(hash, hashes.model, name);
  assert.equal(found.left, model.length, "the caller's buffer is untouched");
  assert.deepEqual(await tab.kept(), []);
});

loadTest('a large file is read by slices, never whole', {}, async ({ tab, url }) => {
  const found = await tab.page.evaluate(async (url) => {
    const file = new File([await (await fetch(url)).arrayBuffer(), new Uint8Array(40 << 20)], 'large.gguf');
    const model = await lib.BitNet.load(file, { threads: 1, kernel: 'mad', workerUrl: '/e2e/small-reads-engine.js?most=16777216' });
    const hash = await model.logitsHash();
    await model.unload();
    return hash;
  }, url);
  assert.equal(found, hashes.model);
});

loadTest('the digest of a file of one\'s own is checked too', {}, async ({ tab, url }) => {
  const [right, wrong] = [model, other].map((bytes) => `sha256-${createHash('sha256').update(bytes).digest('hex')}`);
  const found = await tab.page.evaluate(async ([url, right, wrong]) => {
    const blob = await (await fetch(url)).blob();
    const load = (/** @type {import('../../worker/source.js').Source} */ source, /** @type {string} */ integrity) =>
      lib.BitNet.load(source, { threads: 1, kernel: 'mad', integrity }).then((model) => model.unload().then(() => 'loaded'), ({ code }) => code);
    return [await load(blob, right), await load(blob, wrong), await load(blob.stream(), wrong)];
  }, [url, right, wrong]);
  assert.deepEqual(found, ['loaded', 'integrity', 'integrity']);
});

loadTest('a dropped file of another kind is refused by its first bytes', {}, async ({ tab }) => {
  const error = await tab.page.evaluate(() =>
    lib.BitNet.load(new File(['<!doctype html><p>no'], 'page.gguf'), { threads: 1, kernel: 'mad' }).then(
      () => undefined,
      ({ code, message }) => ({ code, message }),
    ),
  );
  assertRefused({ error, progress: [] }, 'invalid_gguf', /page\.gguf: .*web page/);
});

loadTest('hf: addresses are resolved under the given base', {}, async ({ tab, path }) => {
  hostile.host(`/some${path}/owner/repo/resolve/main/sub/m.gguf`, { bytes: model, cors: true });
  assertLoaded(await tab.load('hf:owner/repo/sub/m.gguf', { hfBase: `${hostile.origin}/some${path}` }));
});

/** Values that are made in the page, are passed in place of a file, and cannot be loaded. */
const REFUSED = {
  'an empty address': ["''", 'invalid_argument', /address is empty/],
  'a blank address': ["'  '", 'invalid_argument', /address is empty/],
  'an address with a password': ["'https://user:secret@a.example/m.gguf'", 'invalid_argument', /user name or password/],
  'ftp:': ["'ftp://a.example/m.gguf'", 'invalid_argument', /ftp: addresses/],
  'file:': ["'file:///m.gguf'", 'invalid_argument', /Pass the File/],
  'javascript:': ["'javascript:1'", 'invalid_argument', /javascript: addresses/],
  'a malformed address': ["'http://['", 'invalid_argument', /no valid address/],
  'a revoked blob:': ["(() => { const url = URL.createObjectURL(new Blob(['x'])); URL.revokeObjectURL(url); return url; })()", 'not_found', /revoked/],
  'a detached buffer': ['(() => { const buffer = new ArrayBuffer(9); structuredClone(buffer, { transfer: [buffer] }); return buffer; })()', 'invalid_argument', /detached/],
  'a view of a detached buffer': ['(() => { const view = new Uint8Array(9); structuredClone(view, { transfer: [view.buffer] }); return view; })()', 'invalid_argument', /detached/],
  'a DataView of a detached buffer': ['(() => { const view = new DataView(new ArrayBuffer(9)); structuredClone(view, { transfer: [view.buffer] }); return view; })()', 'invalid_argument', /detached/],
  'a used Response': ["(async () => { const r = new Response('x'); await r.text(); return r; })()", 'invalid_argument', /read already/],
  'a Response that is being read': ["(() => { const r = new Response('x'); r.body.getReader(); return r; })()", 'invalid_argument', /read already/],
  'a Response without a body': ['new Response(null)', 'invalid_argument', /no body/],
  'a Response with status 404': ["new Response('x', { status: 404 })", 'not_found', /status 404/],
  'a Response with status 403': ["new Response('x', { status: 403 })", 'forbidden', /status 403/],
  'a Response with status 401': ["new Response('x', { status: 401 })", 'unauthorized', /status 401/],
  'a part of the file': ["new Response('x', { status: 206 })", 'network', /a part of the file/],
  'an error Response': ['Response.error()', 'network', /is error/],
  'a number': ['7', 'invalid_argument', /expected an address/],
};

loadTest('what cannot be loaded is told by a code, at once and without a request', {}, async ({ tab }) => {
  for (const [what, [make, code, words]] of Object.entries(REFUSED)) {
    const error = await tab.page.evaluate(async (make) => {
      const source = await new Function(`return ${make}`)();
      return lib.BitNet.load(source, { threads: 1, kernel: 'mad' }).then(() => undefined, ({ code, message }) => ({ code, message }));
    }, String(make));
    assert.equal(error?.code, code, `${what}: ${JSON.stringify(error)}`);
    assert.match(error?.message ?? '', /** @type {RegExp} */ (words), what);
    assert.doesNotMatch(error?.message ?? '', /secret/);
  }
});

loadTest('a Response, a blob: and a data: address are loaded, and not kept', {}, async ({ tab, url, path }) => {
  const found = await tab.page.evaluate(async ([url, path]) => {
    const bytes = await (await fetch(url)).arrayBuffer();
    const text = Array.from(new Uint8Array(bytes), (byte) => String.fromCharCode(byte)).join('');
    const sources = {
      'a Response of another origin': await fetch(url),
      'a Response of this origin': await fetch(path),
      'a Response of its own': new Response(bytes, { headers: { 'Content-Length': '5' } }),
      'a blob: address': URL.createObjectURL(new Blob([bytes])),
      'a data: address': `data:application/octet-stream;base64,${btoa(text)}`,
    };
    /** @type {Record<string, string>} */
    const hashes = {};
    for (const [name, source] of Object.entries(sources)) {
      const model = await lib.BitNet.load(source, { threads: 1, kernel: 'mad' });
      hashes[name] = await model.logitsHash();
      await model.unload();
    }
    return hashes;
  }, [url, path]);
  for (const [name, hash] of Object.entries(found)) assert.equal(hash, hashes.model, name);
  assert.deepEqual(await tab.kept(), []);
});

/** A stand-in for the hub: a file by `resolve`, its Git LFS pointer by `raw`. @param {string} base @param {Buffer} bytes @param {Buffer} [told] */
function hostOnHub(base, bytes, told = bytes) {
  const digest = createHash('sha256').update(told).digest('hex');
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize ${told.length}\n`;
  hostile.host(base.replace('/resolve/', '/raw/'), { bytes: Buffer.from(pointer), cors: true });
  return hostile.host(base, { bytes, cors: true });
}

loadTest('a file of the hub is checked by the digest that the hub tells', {}, async ({ tab, path }) => {
  const hfBase = `${hostile.origin}/hub${path}`;
  hostOnHub(`/hub${path}/o/r/resolve/main/m.gguf`, model, other);
  assertRefused(await tab.load('hf:o/r/m.gguf', { hfBase }), 'integrity', /expected sha256/);
  assert.deepEqual(await tab.kept(), []);
  hostOnHub(`/hub${path}/o/r/resolve/main/m.gguf`, model);
  assertLoaded(await tab.load(`${hfBase}/o/r/resolve/main/m.gguf`, { hfBase }));
});

loadTest('the same file of the hub under another address or revision is recognized in the cache', {}, async ({ tab, path }) => {
  const hfBase = `${hostile.origin}/hub${path}`;
  hostOnHub(`/hub${path}/o/r/resolve/main/m.gguf`, model);
  hostOnHub(`/hub${path}/o/r/resolve/v2/m.gguf`, model);
  hostOnHub(`/hub${path}/p/q/resolve/main/n.gguf`, model);
  hostOnHub(`/hub${path}/p/q/resolve/main/other.gguf`, other);
  assertLoaded(await tab.load('hf:o/r/m.gguf', { hfBase }));
  for (const address of ['hf:o/r@v2/m.gguf', 'hf:p/q/n.gguf']) {
    hostile.log.length = 0;
    assertLoaded(await tab.load(address, { hfBase }));
    assert.ok(hostile.log.every(({ path }) => path.includes('/raw/')), 'nothing of the file was asked for');
    hostile.log.length = 0;
    assertLoaded(await tab.load(address, { hfBase }));
    assert.deepEqual(hostile.log, [], 'the second time not even the digest');
  }
  assert.equal((await tab.kept()).length, 1);
  assertLoaded(await tab.load('hf:p/q/other.gguf', { hfBase }), hashes.other);
  assert.equal((await tab.kept()).length, 2);
});

loadTest('an expected digest finds the file in the cache, whatever its address was', {}, async ({ tab, url, path }) => {
  const integrity = `sha256-${createHash('sha256').update(model).digest('hex')}`;
  assertLoaded(await tab.load(url, { integrity }));
  const second = hostile.host(`/second${path}`, { bytes: model, cors: true });
  hostile.log.length = 0;
  assertLoaded(await tab.load(second, { integrity }));
  assert.deepEqual(hostile.log, []);
});

loadTest('a function gives the headers for each address', {}, async ({ tab, url, path }) => {
  const found = await tab.page.evaluate(async (url) => {
    /** @type {string[]} */
    const asked = [];
    const headers = async (/** @type {string} */ address) => {
      asked.push(address);
      return { 'X-Token': `${asked.length}` };
    };
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'mad', headers, network: { chunkBytes: 16384 } });
    await model.unload();
    const failed = (/** @type {() => any} */ headers) =>
      lib.BitNet.load(url, { threads: 1, cache: 'reload', headers }).then(() => 'loaded', ({ code, message }) => `${code}: ${message}`);
    return { asked, thrown: await failed(() => { throw new Error('no token'); }), odd: await failed(() => 5) };
  }, url);
  const gets = hostile.gets(path);
  assert.ok(gets.length > 1 && found.asked.length === gets.length);
  assert.ok(found.asked.every((address) => address === url));
  assert.deepEqual(gets.map(({ headers }) => headers['x-token']).sort(), found.asked.map((_, i) => `${i + 1}`).sort());
  assert.match(found.thrown, /^invalid_argument: headers: .*no token/);
  assert.match(found.odd, /^invalid_argument: headers: .*object of strings/);
});

loadTest('headers that go along with a redirect are told of', {}, async ({ tab, url, path, file }) => {
  const target = hostile.host(`/target${path}`, { bytes: model, cors: true });
  file.fault = () => ({ redirect: target.replace('localhost', '127.0.0.1') });
  const outcome = await tab.load(url, { headers: { 'X-Token': 'secret' } });
  assertLoaded(outcome);
  assert.ok(outcome.progress.some(({ message }) => /redirects to http:\/\/127\.0\.0\.1:\d+, which gets the headers/.test(message ?? '')));
  assert.ok(hostile.gets(`/target${path}`).every(({ headers }) => headers['x-token'] === 'secret'));
});

loadTest('own headers go with every request', {}, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url, { headers: { Authorization: 'Bearer secret' } }));
  const gets = hostile.gets(path);
  assert.ok(gets.length > 1 && gets.every(({ headers }) => headers.authorization === 'Bearer secret'));
});

loadTest('a probe reads the directory alone and tells what the load then is', {}, async ({ tab, url, path }) => {
  const large = Buffer.concat([model, Buffer.alloc(2_000_000)]);
  hostile.host(path, { bytes: large, cors: true, expose: '*' });
  const found = await tab.page.evaluate((url) => lib.BitNet.probe(url, { threads: 1, kernel: 'mad' }), url);
  const sent = hostile.gets(path).reduce((sum, { sent }) => sum + sent, 0);
  assert.ok(sent <= 300_000, `${sent} bytes of ${large.length}`);
  assert.deepEqual(await tab.kept(), []);
  const info = await tab.page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'mad', cache: false });
    await model.unload();
    return model.info;
  }, url);
  for (const key of /** @type {const} */ (['architecture', 'parameters', 'quantization', 'contextLength', 'memoryBytes', 'threads', 'variant', 'kernel'])) {
    assert.equal(found[key], info[key], key);
  }
  assert.deepEqual([found.bytes, found.fits], [large.length, true]);
});

loadTest('a probe measures the kernels and estimates the speed by the fastest', {}, async ({ tab, url }) => {
  const { found, wished, test } = await tab.page.evaluate(async (url) => ({
    found: await lib.BitNet.probe(url, { threads: 1 }),
    wished: await lib.BitNet.probe(url, { threads: 1, kernel: 'scalar' }),
    test: await lib.BitNet.selfTest({ threads: 1 }),
  }), url);
  const measured = test.kernels.find(({ kernel }) => kernel === found.kernel);
  const estimate = (found.tokensPerSecond ?? NaN) * found.parameters;
  const speed = measured?.weightsPerSecond ?? NaN;
  // Two measurements on a machine that is busy at times.
  assert.ok(estimate > speed / 10 && estimate < speed * 10, `${found.kernel}: ${estimate} and ${speed} weights/s`);
  assert.deepEqual([wished.kernel, wished.tokensPerSecond ?? null], ['scalar', null], 'a kernel that is asked for is not measured');
});

loadTest('a stored model is probed without any request', {}, async ({ tab, url }) => {
  assertLoaded(await tab.load(url));
  hostile.log.length = 0;
  const found = await tab.page.evaluate((url) => lib.BitNet.probe(url, { threads: 1, kernel: 'mad' }), url);
  assert.equal(found.bytes, model.length);
  assert.deepEqual(hostile.log, []);
});

loadTest('a split model is loaded by the address of any part, and kept', {}, async ({ tab, path }) => {
  const parts = splitGguf(model, 3);
  const urls = parts.map((bytes, i) => hostile.host(`${path}-0000${i + 1}-of-00003.gguf`, { bytes, cors: true, expose: '*' }));
  const outcome = await tab.load(urls[0]);
  assertLoaded(outcome);
  const whole = parts.reduce((sum, { length }) => sum + length, 0);
  assert.deepEqual([outcome.progress.at(-1)?.loaded, outcome.progress.at(-1)?.total], [whole, whole]);
  hostile.log.length = 0;
  assertLoaded(await tab.load(urls[2]));
  assert.deepEqual(hostile.log, [], 'the second load comes from the cache');
  const found = await tab.page.evaluate((url) => lib.BitNet.probe(url, { threads: 1, kernel: 'mad' }), urls[1]);
  assert.equal(found.bytes, whole);
  assert.equal((await tab.kept()).length, 3);
  await tab.page.evaluate((url) => lib.BitNet.cache.delete(url), urls[1]);
  assert.deepEqual(await tab.kept(), []);
});

loadTest('parts of different models are refused', {}, async ({ tab, path }) => {
  const [first] = splitGguf(model, 2);
  const [, , third] = splitGguf(model, 3);
  const urls = [first, third].map((bytes, i) =>
    hostile.host(`${path}-0000${i + 1}-of-00002.gguf`, { bytes, cors: true, expose: '*' }));
  assertRefused(await tab.load(urls[0]), 'invalid_model', /parts of different models/);
  assert.deepEqual(await tab.kept(), []);
});

loadTest('network options out of range are refused by name', {}, async ({ tab, url }) => {
  assertRefused(await tab.load(url, { network: { chunkBytes: -1 } }), 'invalid_argument', /network: expected an object/);
  assertRefused(await tab.load(url, { cache: /** @type {any} */ ('maybe') }), 'invalid_argument', /cache: expected/);
  assert.ok(CHUNK > 0);
});
