// The browser's storage as several tabs and models share it: locks, quota, versions of the database, management.
import assert from 'node:assert/strict';

import {
  askedBytes, assertLoaded, assertRefused, CHUNK, gate, hashes, hostile, loadTest, model, other, PATIENT, Tab,
} from './loading.mjs';

loadTest('two tabs download once, and the second shows the progress of the first', {}, async ({ tab, url, path, file }) => {
  const { open, fault } = gate();
  file.fault = fault;
  const second = await Tab.open(tab.context);
  const first = tab.load(url, PATIENT);
  await tab.reaches(CHUNK);
  const loading = second.load(url, PATIENT);
  await second.isIn('wait');
  open();
  assertLoaded(await first);
  const outcome = await loading;
  assertLoaded(outcome);
  assert.equal(askedBytes(path), model.length);
  const waiting = outcome.progress.filter(({ phase }) => phase === 'wait');
  assert.ok(waiting.length > 0 && (waiting.at(-1)?.loaded ?? 0) > CHUNK, JSON.stringify(outcome.progress));
});

loadTest('when the downloading tab dies, the waiting one goes on where it was', {}, async ({ tab, url, path, file }) => {
  const { open, fault } = gate();
  file.fault = fault;
  const dying = await Tab.open(tab.context);
  dying.load(url, PATIENT).catch(() => {}); // it ends with its page
  await tab.keeps(4 * CHUNK);
  const waiting = tab.load(url, PATIENT);
  await tab.isIn('wait');
  hostile.log.length = 0;
  await dying.page.close();
  open();
  assertLoaded(await waiting);
  assert.equal(askedBytes(path), model.length - 4 * CHUNK);
});

loadTest('a full disk, which IndexedDB tells by an abort, only costs the cache', {}, async ({ tab, url, path }) => {
  const devtools = await tab.context.newCDPSession(tab.page);
  const origin = new URL(tab.page.url()).origin;
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 60_000 });
  const outcome = await tab.load(url);
  assertLoaded(outcome);
  const told = outcome.progress.map(({ message }) => message ?? '').find((message) => message !== '');
  assert.match(told ?? '', /storage is full: the model runs from memory and is not kept \(\d+ of \d+ MB are used\)/);
  assert.equal(askedBytes(path), model.length);
});

loadTest('a model that does not fit runs from memory, and the numbers are told before anything is written', {},
  async ({ tab, url, path }) => {
    const outcome = await tab.load(url, { workerUrl: '/e2e/small-storage-engine.js?room=60000' });
    assertLoaded(outcome);
    assert.ok(outcome.progress.some(({ message }) => /has room for \d+ MB, the model needs \d+ MB/.test(message ?? '')));
    assert.deepEqual(await tab.kept(), []);
    assert.equal(askedBytes(path), model.length);
  });

loadTest('room is made by the least recently used model, when that is allowed', {}, async ({ tab, url, path }) => {
  const second = hostile.host(`/second${path}`, { bytes: other, cors: true, expose: '*' });
  const workerUrl = '/e2e/small-storage-engine.js?room=60000';
  assertLoaded(await tab.load(url));
  assertLoaded(await tab.load(second, { workerUrl }), hashes.other);
  assert.deepEqual((await tab.kept()).map(({ source }) => source), [url]);
  assertLoaded(await tab.load(second, { workerUrl, evict: true }), hashes.other);
  assert.deepEqual((await tab.kept()).map(({ source }) => source), [second], 'the older one has gone');
});

loadTest('before a large download the browser is asked once to keep what is stored', {}, async ({ tab, url, file }) => {
  await tab.page.evaluate(() => {
    let asked = 0;
    Object.assign(navigator.storage, { persist: async () => (Object.assign(globalThis, { asked: ++asked }), false) });
  });
  const asked = () => tab.page.evaluate(() => Reflect.get(globalThis, 'asked') ?? 0);
  assertLoaded(await tab.load(url));
  assert.equal(await asked(), 0, 'a small file is not worth a question');
  // As large as it says it is; the load ends with the connection.
  file.bytes = Buffer.concat([model, Buffer.alloc(65 << 20)]);
  for (let i = 0; i < 2; i++) {
    let answered = 0;
    file.fault = () => (++answered > 3 ? { status: 404 } : undefined);
    assertRefused(await tab.load(url, { cache: 'reload', network: { chunkBytes: 1 << 20 } }), 'not_found', /404/);
  }
  assert.equal(await asked(), 1);
});

for (const how of ['missing', 'throws', 'fails']) {
  loadTest(`without storage (it ${how === 'missing' ? 'is missing' : how}) a model loads, uncached, and that is said`, {},
    async ({ tab, url }) => {
      const outcome = await tab.load(url, { workerUrl: `/e2e/no-storage-engine.js?how=${how}` });
      assertLoaded(outcome);
      assert.ok(outcome.progress.some(({ message }) => /gives no storage here/.test(message ?? '')));
      assert.deepEqual(await tab.kept().catch(({ message }) => /storage/.test(message) && []), []);
    });
}

loadTest('without locks and channels each tab loads for itself, and keeps it', {}, async ({ tab, url, path }) => {
  const workerUrl = '/e2e/no-storage-engine.js?how=no locks';
  assertLoaded(await tab.load(url, { workerUrl }));
  assertLoaded(await tab.load(url, { workerUrl }));
  assert.equal(askedBytes(path), model.length);
});

loadTest('a database of an older schema is dropped', {}, async ({ tab, url }) => {
  await tab.page.evaluate(
    () =>
      new Promise((resolve) => {
        const open = indexedDB.open('bitnet-web', 1);
        open.onupgradeneeded = () => open.result.createObjectStore('manifests').put({ what: 'else' }, 'x');
        open.onsuccess = () => {
          open.result.close();
          resolve(undefined);
        };
      }),
  );
  assert.deepEqual(await tab.kept(), []);
  assertLoaded(await tab.load(url));
  assert.equal((await tab.kept()).length, 1);
});

loadTest('a newer version of the page upgrades while this one loads, which goes on from memory', {},
  async ({ tab, url, file }) => {
    const { open, fault } = gate();
    file.fault = fault;
    const newer = await Tab.open(tab.context);
    const load = tab.load(url, PATIENT);
    await newer.keeps(4 * CHUNK);
    const upgraded = await newer.page.evaluate(
      () =>
        new Promise((resolve) => {
          const request = indexedDB.open('bitnet-web', 99);
          request.onsuccess = () => {
            request.result.close();
            resolve('upgraded');
          };
          request.onerror = () => resolve('failed');
        }),
    );
    assert.equal(upgraded, 'upgraded');
    open();
    const outcome = await load;
    assertLoaded(outcome);
    assert.ok(outcome.progress.some(({ message }) => /another version of this page/.test(message ?? '')));
    file.fault = undefined;
    const again = await tab.load(url);
    assertLoaded(again);
    assert.ok(again.progress.some(({ message }) => /another version of this page/.test(message ?? '')));
  });

loadTest('a tab that does not let go of an old database only costs the cache', {}, async ({ tab, url }) => {
  const old = await Tab.open(tab.context);
  await old.page.evaluate(
    () =>
      new Promise((resolve) => {
        const open = indexedDB.open('bitnet-web', 1);
        // It ignores `versionchange`, as a page without a handler does.
        open.onsuccess = () => resolve(Object.assign(globalThis, { held: open.result }) && undefined);
      }),
  );
  const outcome = await tab.load(url);
  assertLoaded(outcome);
  assert.ok(outcome.progress.some(({ message }) => /another version of this page/.test(message ?? '')));
  await old.page.close();
  assertLoaded(await tab.load(url));
  assert.equal((await tab.kept()).length, 1);
});

loadTest('a model that is loaded again is the last to go', {}, async ({ tab, url, path }) => {
  const second = hostile.host(`/second${path}`, { bytes: other, cors: true, expose: '*' });
  assertLoaded(await tab.load(url));
  assertLoaded(await tab.load(second), hashes.other);
  assertLoaded(await tab.load(url));
  await tab.page.evaluate(() => lib.BitNet.cache.evict(1));
  assert.deepEqual((await tab.kept()).map(({ source }) => source), [url]);
});

loadTest('the cache is cleared while a model loads: it loads all the same', {},
  async ({ tab, url, file }) => {
    const { open, fault } = gate();
    file.fault = fault;
    const second = await Tab.open(tab.context);
    const load = tab.load(url, PATIENT);
    await second.keeps(4 * CHUNK);
    await second.page.evaluate(() => lib.BitNet.cache.clear());
    open();
    assertLoaded(await load);
    assert.deepEqual(await tab.kept(), []);
  });

loadTest('the cache is listed, measured, deleted from and cleared', {}, async ({ tab, url, path }) => {
  const second = hostile.host(`/second${path}`, { bytes: other, cors: true, expose: '*' });
  assertLoaded(await tab.load(url));
  assertLoaded(await tab.load(second), hashes.other);
  const kept = await tab.kept();
  assert.deepEqual(kept.map(({ name, source, bytes, storedBytes, complete }) => [name, source, bytes, storedBytes, complete]), [
    ['model.gguf', second, other.length, other.length, true],
    ['model.gguf', url, model.length, model.length, true],
  ]);
  assert.ok(kept[0].lastUsed > kept[1].lastUsed && kept[0].lastUsed <= Date.now());
  const got = await tab.page.evaluate(async ([url]) => {
    const { cache } = lib.BitNet;
    const estimate = await cache.estimate();
    const evicted = await cache.evict(1);
    const left = (await cache.list()).length;
    const tooMuch = await cache.evict(1e12).then(String, (error) => error.code);
    const freed = await cache.delete(url);
    await cache.clear();
    return { estimate, evicted, left, tooMuch, freed, empty: await cache.list(), persist: typeof (await cache.persist()) };
  }, [second]);
  assert.ok((got.estimate.usage ?? 0) > model.length && (got.estimate.quota ?? 0) > 0);
  assert.deepEqual([got.evicted, got.left, got.tooMuch, got.freed], [model.length, 1, 'storage', other.length]);
  assert.deepEqual([got.empty, got.persist], [[], 'boolean']);
});
