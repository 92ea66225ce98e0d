// The browser's storage: resume, integrity, revalidation. See also cache.test.mjs.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import {
  askedBytes, assertLoaded, assertRefused, CHUNK, gate, hashes, hostile, loadTest, model, other, PATIENT, Tab,
} from './loading.mjs';

/** @param {Buffer} bytes */
const sha256 = (bytes) => `sha256-${createHash('sha256').update(bytes).digest('base64')}`;

loadTest('a complete file is loaded again without any request', {}, async ({ tab, url, path }) => {
  const first = await tab.load(url);
  assertLoaded(first);
  assert.equal(askedBytes(path), model.length, 'every byte was asked for once');
  assert.ok(first.progress.some(({ phase, fromCache }) => phase === 'download' && !fromCache));
  hostile.log.length = 0;
  const second = await tab.load(url);
  assertLoaded(second);
  assert.deepEqual(hostile.log, []);
  const last = second.progress.at(-1);
  assert.deepEqual([last?.loaded, last?.total, last?.fromCache], [model.length, model.length, true]);
});

loadTest('stored chunks are read where Blobs give no streams of bytes, or streams that stop', {}, async ({ tab, url }) => {
  assertLoaded(await tab.load(url));
  hostile.log.length = 0;
  for (const streams of ['none', 'silent', 'stop']) {
    assertLoaded(await tab.load(url, { workerUrl: `/e2e/stalled-streams-engine.js?streams=${streams}` }));
  }
  assert.deepEqual(hostile.log, []);
});

loadTest('after a server error only what is missing is asked for', {}, async ({ tab, url, path, file }) => {
  file.fault = (_seen, n) => (n >= 4 ? { status: 500 } : undefined);
  assertRefused(await tab.load(url, { network: { attempts: 1 } }), 'network', /load again to continue/);
  const [kept] = await tab.kept();
  assert.equal(kept.complete, false);
  assert.ok(kept.storedBytes >= CHUNK && kept.storedBytes <= 4 * CHUNK);
  file.fault = undefined;
  hostile.log.length = 0;
  assertLoaded(await tab.load(url));
  assert.equal(askedBytes(path), model.length - kept.storedBytes);
  assert.equal((await tab.kept())[0].complete, true);
});

loadTest('a closed tab costs at most the chunks in flight', {}, async ({ tab, url, path, file }) => {
  const { open, fault } = gate();
  file.fault = fault;
  const closing = await Tab.open(tab.context);
  closing.load(url, PATIENT).catch(() => {}); // it ends with its page
  await tab.keeps(4 * CHUNK);
  await closing.page.close();
  open();
  hostile.log.length = 0;
  assertLoaded(await tab.load(url));
  assert.equal(askedBytes(path), model.length - 4 * CHUNK);
});

loadTest('an abort keeps what has come', {}, async ({ tab, url, path, file }) => {
  const { open, fault } = gate();
  file.fault = fault;
  const load = tab.page.evaluate(
    ([url, chunkBytes]) => {
      const controller = new AbortController();
      Object.assign(globalThis, { controller });
      const network = { chunkBytes: Number(chunkBytes) };
      const load = lib.BitNet.load(String(url), { threads: 1, kernel: 'mad', network, signal: controller.signal });
      return load.then(() => 'loaded', (error) => error.name);
    },
    [url, CHUNK],
  );
  await tab.keeps(4 * CHUNK);
  await tab.page.evaluate(() => Reflect.get(globalThis, 'controller').abort());
  assert.equal(await load, 'AbortError');
  open();
  hostile.log.length = 0;
  assertLoaded(await tab.load(url));
  assert.equal(askedBytes(path), model.length - 4 * CHUNK);
});

loadTest('a file that changed between two visits replaces the old one', {}, async ({ tab, url, path, file }) => {
  file.fault = (_seen, n) => (n >= 4 ? { status: 500 } : undefined);
  await tab.load(url, { network: { attempts: 1 } });
  const [{ storedBytes }] = await tab.kept();
  Object.assign(file, { fault: undefined, bytes: other, etag: '"second"' });
  hostile.log.length = 0;
  assertLoaded(await tab.load(url), hashes.other);
  const ranges = hostile.ranges(path);
  const [first] = ranges;
  assert.ok(first && first[0] >= CHUNK && first[0] <= storedBytes, 'the first missing chunk told it');
  const again = ranges.findIndex((range) => range?.[0] !== first[0]);
  assert.deepEqual([again, ranges[again]], [6, [0, CHUNK - 1]], 'asked again, in case it was another replica');
  assert.equal((await tab.kept()).length, 1);
});

loadTest('If-Range goes to the own origin alone', {}, async ({ tab, path, file }) => {
  file.fault = (_seen, n) => (n >= 4 ? { status: 500 } : undefined);
  await tab.load(path, { network: { attempts: 1 } });
  Object.assign(file, { fault: undefined, bytes: other, etag: '"second"' });
  hostile.log.length = 0;
  assertLoaded(await tab.load(path), hashes.other);
  const [first] = hostile.gets(path);
  assert.deepEqual([first.ifRange, first.status], ['"first"', 200]);
});

loadTest('revalidation asks one byte and notices a change', {}, async ({ tab, url, path, file }) => {
  assertLoaded(await tab.load(url));
  hostile.log.length = 0;
  assertLoaded(await tab.load(url, { cache: 'revalidate' }));
  assert.deepEqual(hostile.ranges(path), [[0, 0]]);
  Object.assign(file, { bytes: other, etag: '"second"' });
  assertLoaded(await tab.load(url), hashes.model);
  assertLoaded(await tab.load(url, { cache: 'revalidate' }), hashes.other);
  file.fault = () => ({ status: 503 });
  const outcome = await tab.load(url, { cache: 'revalidate' });
  assertLoaded(outcome, hashes.other);
  assert.ok(outcome.progress.some(({ message }) => /status 503: the file in the cache is used/.test(message ?? '')));
});

loadTest('revalidation refuses what the server refuses, and the kept file stays', {}, async ({ tab, url, file }) => {
  file.fault = ({ headers }) => (headers.authorization === 'Bearer right' ? undefined : { status: 401 });
  const right = { headers: { Authorization: 'Bearer right' } };
  assertLoaded(await tab.load(url, right));
  for (const headers of [undefined, { Authorization: 'Bearer wrong' }]) {
    const outcome = await tab.load(url, { cache: 'revalidate', headers });
    assertRefused(outcome, 'unauthorized', /the file in the cache was not used, and stays/);
    assert.equal(outcome.error?.details?.status, 401);
  }
  assertLoaded(await tab.load(url, { cache: 'revalidate', ...right }));
  for (const [status, code] of /** @type {const} */ ([[403, 'forbidden'], [404, 'not_found'], [410, 'not_found']])) {
    file.fault = () => ({ status });
    assertRefused(await tab.load(url, { cache: 'revalidate' }), code, /was not used, and stays/);
  }
  file.fault = () => ({ html: true });
  assertRefused(await tab.load(url, { cache: 'revalidate' }), 'network', /sign-in/);
  file.fault = undefined;
  assertLoaded(await tab.load(url, { cache: 'revalidate' }));
});

loadTest('a chunk that was replaced by anything else is found out and fetched again', {}, async ({ tab, url, path }) => {
  const stand = ['3e9', 'a string', 'null', 'an array', 'an object', 'a smaller Blob', 'a larger Blob', 'an empty Blob', 'a buffer', 'a date', 'nothing'];
  assertLoaded(await tab.load(url));
  for (const what of stand) {
    await tab.page.evaluate(
      ([what, size]) =>
        new Promise((resolve, reject) => {
          /** @type {Record<string, unknown>} */
          const values = {
            '3e9': 3e9, 'a string': 'x'.repeat(Number(size)), null: null, 'an array': [1, 2], 'an object': { length: 3e9 },
            'a smaller Blob': new Blob([new Uint8Array(Number(size) - 1)]), 'a larger Blob': new Blob([new Uint8Array(Number(size) + 1)]),
            'an empty Blob': new Blob([]), 'a buffer': new ArrayBuffer(Number(size)), 'a date': new Date(), nothing: undefined,
          };
          const open = indexedDB.open('bitnet-web');
          open.onsuccess = () => {
            const transaction = open.result.transaction('chunks', 'readwrite');
            const chunks = transaction.objectStore('chunks');
            const keys = chunks.getAllKeys();
            keys.onsuccess = () => {
              if (what === 'nothing') chunks.delete(keys.result[1]);
              else chunks.put(values[String(what)], keys.result[1]);
            };
            transaction.oncomplete = () => resolve(open.result.close());
            transaction.onabort = () => reject(transaction.error);
          };
        }),
      [what, CHUNK],
    );
    hostile.log.length = 0;
    assertLoaded(await tab.load(url));
    assert.deepEqual(hostile.ranges(path), [[CHUNK, 2 * CHUNK - 1]], what);
  }
});

loadTest('a record that is none is dropped, and the file loaded anew', {}, async ({ tab, url, path }) => {
  for (const [what, spoil] of Object.entries({
    'a number': '3e9',
    'an object': '({ schema: 2 })',
    'no JSON': '"{"',
    'another key\'s record': 'text.replace(/"id":"[0-9a-f]{4}/, \'"id":"beef\')',
    'a chunk size of 4 GB': 'text.replace(/"chunk_bytes":[0-9]+/, \'"chunk_bytes":4294967296\')',
    'no chunk size': 'text.replace(/"chunk_bytes":[0-9]+/, \'"chunk_bytes":0\')',
    'a part without bytes': 'text.replace(\'"parts":[]\', \'"parts":[{"index":0,"start":5,"end":5,"sum":1}]\')',
  })) {
    assertLoaded(await tab.load(url));
    await tab.page.evaluate(
      (spoil) =>
        new Promise((resolve, reject) => {
          const open = indexedDB.open('bitnet-web');
          open.onsuccess = () => {
            const transaction = open.result.transaction('manifests', 'readwrite');
            const manifests = transaction.objectStore('manifests');
            const keys = manifests.getAllKeys();
            keys.onsuccess = () => {
              const get = manifests.get(keys.result[0]);
              get.onsuccess = () => manifests.put(new Function('text', `return ${spoil}`)(get.result), keys.result[0]);
            };
            transaction.oncomplete = () => resolve(open.result.close());
            transaction.onabort = () => reject(transaction.error);
          };
        }),
      spoil,
    );
    hostile.log.length = 0;
    assertLoaded(await tab.load(url));
    assert.equal(askedBytes(path), model.length, what);
    assert.equal((await tab.kept()).length, 1, what);
  }
});

for (const [what, make] of Object.entries({
  'without its object stores': '',
  'with one object store alone': 'database.createObjectStore("manifests")',
  'with object stores of another kind': 'database.createObjectStore("manifests", { keyPath: "id" }); database.createObjectStore("chunks", { autoIncrement: true })',
})) {
  loadTest(`a database of the right version ${what} is repaired`, {}, async ({ tab, url }) => {
    await tab.page.evaluate(
      (make) =>
        new Promise((resolve) => {
          const open = indexedDB.open('bitnet-web', 2);
          open.onupgradeneeded = () => new Function('database', make)(open.result);
          open.onsuccess = () => resolve(open.result.close());
        }),
      make,
    );
    const outcome = await tab.load(url);
    assertLoaded(outcome);
    assert.deepEqual(outcome.progress.flatMap(({ message }) => message ?? []), []);
    assert.equal((await tab.kept()).length, 1);
  });
}

for (const [what, keep] of Object.entries({ 'with all of its object stores': ['manifests', 'chunks'], 'that had records alone': ['manifests'] })) {
  loadTest(`a database of an older version ${what} keeps its models`, {}, async ({ tab, url }) => {
    assertLoaded(await tab.load(url));
    await tab.page.evaluate(async (keep) => {
      /** @param {IDBRequest} request @returns {Promise<any>} */
      const done = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const names = ['manifests', 'chunks'];
      const now = await done(indexedDB.open('bitnet-web'));
      const transaction = now.transaction(names);
      const rows = await Promise.all(names.map(async (name) => {
        const store = transaction.objectStore(name);
        const [keys, values] = await Promise.all([done(store.getAllKeys()), done(store.getAll())]);
        return keys.map((/** @type {any} */ key, /** @type {number} */ i) => ({ name, key, value: values[i] }));
      }));
      now.close();
      await done(indexedDB.deleteDatabase('bitnet-web'));
      const open = indexedDB.open('bitnet-web', 1);
      open.onupgradeneeded = () => {
        for (const name of [...keep, 'other']) open.result.createObjectStore(name);
        for (const { name, key, value } of rows.flat()) if (keep.includes(name)) open.transaction?.objectStore(name).put(value, key);
        open.transaction?.objectStore('other').put('kept', 1);
      };
      (await done(open)).close();
    }, keep);
    hostile.log.length = 0;
    assertLoaded(await tab.load(url));
    // Without its chunks a model is loaded anew, into the store that was missing.
    assert.equal(hostile.log.length === 0, keep.length === 2);
    assert.deepEqual((await tab.kept()).map(({ complete }) => complete), [true]);
    const other = await tab.page.evaluate(() => new Promise((resolve) => {
      const open = indexedDB.open('bitnet-web');
      open.onsuccess = () => {
        const request = open.result.transaction('other').objectStore('other').get(1);
        request.onsuccess = () => (open.result.close(), resolve(request.result));
      };
    }));
    assert.equal(other, 'kept');
  });
}

loadTest('reload fetches anew, and no cache means no cache', {}, async ({ tab, url, path, file }) => {
  assertLoaded(await tab.load(url));
  file.bytes = other;
  assertLoaded(await tab.load(url, { cache: 'reload' }), hashes.other);
  assert.equal((await tab.kept()).length, 1);
  hostile.log.length = 0;
  assertLoaded(await tab.load(url, { cache: false }), hashes.other);
  assert.equal(askedBytes(path), other.length);
});

loadTest('a damaged and a missing chunk are fetched again, alone', {}, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url));
  await tab.page.evaluate(
    (size) =>
      new Promise((resolve) => {
        const open = indexedDB.open('bitnet-web');
        open.onsuccess = () => {
          const transaction = open.result.transaction('chunks', 'readwrite');
          const chunks = transaction.objectStore('chunks');
          const keys = chunks.getAllKeys();
          keys.onsuccess = () => {
            chunks.put(new Blob([new Uint8Array(size)]), keys.result[2]);
            chunks.delete(keys.result[5]);
          };
          transaction.oncomplete = () => {
            open.result.close();
            resolve(undefined);
          };
        };
      }),
    CHUNK,
  );
  hostile.log.length = 0;
  assertLoaded(await tab.load(url));
  assert.deepEqual(hostile.ranges(path), [[2 * CHUNK, 3 * CHUNK - 1], [5 * CHUNK, 6 * CHUNK - 1]]);
  hostile.log.length = 0;
  assertLoaded(await tab.load(url));
  assert.deepEqual(hostile.log, [], 'they are whole again');
});

loadTest('the digest of the whole file is checked, and a mismatch leaves nothing', {}, async ({ tab, url }) => {
  const integrity = sha256(model);
  assertLoaded(await tab.load(url, { integrity }));
  assertLoaded(await tab.load(url, { integrity }));
  assertRefused(await tab.load(url, { integrity: sha256(other) }), 'integrity', /expected sha256 [0-9a-f]{64}, found/);
  assert.deepEqual(await tab.kept(), []);
});
