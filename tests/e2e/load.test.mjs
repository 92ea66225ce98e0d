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
