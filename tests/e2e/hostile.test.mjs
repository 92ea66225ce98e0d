// Loading from a server that misbehaves: what the user sees, and that nothing is lost or mixed.
import assert from 'node:assert/strict';

import {
  askedBytes, assertLoaded, assertRefused, CHUNK, gate, hashes, hostile, loadTest, model, other, PATIENT, Tab,
} from './loading.mjs';

loadTest('a connection that is cut again and again is continued where it broke', {
  fault: (_seen, n) => (n % 2 === 0 ? { cut: 5000 } : undefined),
}, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url));
  const sent = hostile.gets(path).reduce((sum, { sent }) => sum + sent, 0);
  assert.ok(sent < model.length + 2 * CHUNK, `${sent} bytes were sent for ${model.length}`);
  assert.ok(hostile.ranges(path).some((range) => range && range[0] % CHUNK === 5000));
});

loadTest('a 206 with another range than asked is not used', {
  fault: (_seen, n) => (n === 2 ? { shift: 7 } : undefined),
}, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url));
  assert.equal(hostile.gets(path).length, Math.ceil(model.length / CHUNK) + 1);
});

loadTest('a server that always sends another range is given up with its answer', { fault: () => ({ shift: 7 }) },
  async ({ tab, url }) => {
    assertRefused(await tab.load(url, { network: { attempts: 2 } }), 'network', /bytes 7-\d+.*bytes 0-16383 were asked for/);
    assert.deepEqual(await tab.kept(), []);
  });

loadTest('a server without ranges is read as one stream, and kept', { ranges: false }, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url));
  assert.equal(hostile.gets(path).length, 1);
  assertLoaded(await tab.load(url));
  assert.equal(hostile.gets(path).length, 1, 'the second load comes from the cache');
});

loadTest('a whole file in answer to a later range is used as a stream', {
  fault: (_seen, n) => (n === 3 ? { ignoreRange: true } : undefined),
}, async ({ tab, url }) => assertLoaded(await tab.load(url)));

loadTest('a 416 inside the file means: no ranges here', { fault: (seen) => (seen.range ? { refuseRange: true } : undefined) },
  async ({ tab, url, path }) => {
    assertLoaded(await tab.load(url));
    assert.deepEqual(hostile.gets(path).map(({ status }) => status), [416, 200]);
  });

loadTest('503 with Retry-After is waited for', {
  fault: (_seen, n) => (n === 1 ? { status: 503, retryAfter: 1 } : undefined),
}, async ({ tab, url, path }) => {
  const began = Date.now();
  const outcome = await tab.load(url);
  assertLoaded(outcome);
  assert.ok(Date.now() - began >= 1000);
  assert.ok(outcome.progress.some(({ message }) => /status 503; trying again/.test(message ?? '')));
  assert.equal(hostile.gets(path).filter(({ status }) => status === 503).length, 1);
});

loadTest('429 that asks for an hour ends the load with the number, and keeps what has come', {
  fault: (_seen, n) => (n >= 4 ? { status: 429, retryAfter: 3600 } : undefined),
}, async ({ tab, url, file }) => {
  assertRefused(await tab.load(url), 'network', /429.*3600 s.*load again to continue/);
  const [kept] = await tab.kept();
  assert.equal(kept.complete, false);
  assert.ok(kept.storedBytes > 0);
  file.fault = undefined;
  assertLoaded(await tab.load(url));
});

loadTest('a file that changes between two chunks is loaded anew, never mixed', {}, async ({ tab, url, file }) => {
  file.fault = (_seen, n) => {
    if (n === 3) Object.assign(file, { bytes: other, etag: '"second"' });
    return undefined;
  };
  assertLoaded(await tab.load(url), hashes.other);
  assert.equal((await tab.kept()).length, 1);
});

loadTest('an ETag of its own for every request is no change of the file', {}, async ({ tab, url, path, file }) => {
  file.fault = (_seen, n) => void (file.etag = `"${n}"`);
  assertLoaded(await tab.load(url));
  assert.ok(hostile.gets(path).length < 12, 'the file is read as one answer');
  hostile.log.length = 0;
  assertLoaded(await tab.load(url));
  assert.deepEqual(hostile.log, [], 'and kept');
});

for (const [what, tags] of /** @type {const} */ ([['ETags', 'etag'], ['dates', 'lastModified']])) {
  loadTest(`two replicas with ${what} of their own are one file, read by ranges`, { etag: undefined }, async ({ tab, url, path, file }) => {
    const dates = ['Wed, 01 Jan 2025 00:00:00 GMT', 'Thu, 02 Jan 2025 00:00:00 GMT'];
    file.fault = (_seen, n) => void (file[tags] = tags === 'etag' ? `"${n % 2}"` : dates[n % 2]);
    assertLoaded(await tab.load(url));
    assert.ok(hostile.ranges(path).every((range) => range !== undefined));
    file.fault = undefined;
    assertLoaded(await tab.load(url, { cache: 'revalidate' }));
  });
}

loadTest('two files of one length behind one address are never mixed', {}, async ({ tab, url, file }) => {
  for (const period of [2, 3, 5]) {
    for (const [name, tag] of [['steady tags', () => ''], ['a tag for each answer', (/** @type {number} */ n) => n]]) {
      file.fault = (_seen, n) => {
        const second = n % period === 0;
        Object.assign(file, { bytes: second ? other : model, etag: `"${second}${/** @type {any} */ (tag)(n)}"` });
        return undefined;
      };
      const outcome = await tab.load(url, { cache: 'reload' });
      const fine = outcome.error ? outcome.error.code === 'changed' : Object.values(hashes).includes(outcome.hash ?? '');
      assert.ok(fine, `every ${period}th, ${name}: ${JSON.stringify(outcome.error ?? outcome.hash)}`);
    }
  }
});

loadTest('a page in the middle of the file is not taken for it', {
  fault: (_seen, n) => (n === 3 ? { type: 'text/html; charset=utf-8', shift: 0 } : n === 5 ? { html: true } : undefined),
}, async ({ tab, url }) => {
  const outcome = await tab.load(url);
  assertLoaded(outcome);
  assert.ok(outcome.progress.some(({ message }) => /in place of the file.*trying again/.test(message ?? '')));
});

for (const status of [401, 403, 404, 500, 501]) {
  loadTest(`a single ${status} in the middle is retried like a cut`, {
    fault: (_seen, n) => (n === 4 ? { status } : undefined),
  }, async ({ tab, url, path }) => {
    assertLoaded(await tab.load(url));
    assert.equal(hostile.gets(path).length, Math.ceil(model.length / CHUNK) + 1);
  });
}

loadTest('an address that is signed for some answers is signed anew', {}, async ({ tab, url, path, file }) => {
  const target = hostile.host(`/signed${path}`, { bytes: model, etag: '"first"', cors: true, expose: '*' });
  let valid = 0;
  let signed = 0;
  const signedFile = hostile.files.get(`/signed${path}`);
  assert.ok(signedFile);
  // A signature is good for three answers.
  signedFile.fault = () => (--valid < 0 ? { status: 403 } : undefined);
  file.fault = (_seen, n) => {
    if (n % 4 === 0) [valid, signed] = [3, signed + 1];
    return { redirect: target };
  };
  assertLoaded(await tab.load(url));
  assert.ok(signed > 2);
  assert.ok(hostile.gets(`/signed${path}`).some(({ status }) => status === 403));
});

loadTest('a Retry-After that is a date counts from the answer\'s own Date', {
  fault: (_seen, n) => (n === 1 ? { status: 503, retryAfter: 'Sun, 06 Nov 1994 08:49:38 GMT', date: 'Sun, 06 Nov 1994 08:49:37 GMT' } : undefined),
}, async ({ tab, url }) => {
  const began = Date.now();
  assertLoaded(await tab.load(url));
  assert.ok(Date.now() - began >= 1000, 'one second, although that date is long past');
});

loadTest('a Content-Length that is too large is a cut connection', {
  fault: (_seen, n) => (n === 1 ? { claim: 100 } : undefined),
}, async ({ tab, url }) => assertLoaded(await tab.load(url)));

loadTest('a Content-Length that is too small is no end of the chunk', {
  fault: (_seen, n) => (n === 1 ? { claim: -100 } : undefined),
}, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url));
  assert.ok(hostile.gets(path).length > Math.ceil(model.length / CHUNK), 'the rest was asked for');
});

loadTest('a server that falls silent is asked again for the rest', {
  fault: (_seen, n) => (n === 1 ? { stall: 3000 } : undefined),
}, async ({ tab, url, path }) => {
  assertLoaded(await tab.load(url));
  const silent = hostile.gets(path)[1].range?.[0] ?? NaN;
  assert.ok(hostile.ranges(path).some((range) => range?.[0] === silent + 3000));
});

loadTest('a server that compresses on the fly is read, with its lengths ignored', { fault: () => ({ gzip: true }) },
  async ({ tab, url, path }) => {
    assertLoaded(await tab.load(url));
    const asked = hostile.gets(path).length;
    assertLoaded(await tab.load(url));
    assert.equal(hostile.gets(path).length, asked, 'the second load comes from the cache');
  });

loadTest('so is one that hides that it compresses', { expose: undefined, ranges: false, fault: () => ({ gzip: true }) },
  async ({ tab, url }) => assertLoaded(await tab.load(url)));

loadTest('a server without ranges and without a length is read', { ranges: false, fault: () => ({ chunked: true }) },
  async ({ tab, url, path }) => {
    const outcome = await tab.load(url);
    assertLoaded(outcome);
    assert.equal(outcome.progress.find(({ phase }) => phase === 'download')?.total, undefined);
    assertLoaded(await tab.load(url));
    assert.equal(hostile.gets(path).length, 1);
  });

loadTest('a redirect to another origin is followed, without a preflight', {}, async ({ tab, url, path, file }) => {
  const target = hostile.host(`/target${path}`, { bytes: model, etag: '"first"', cors: true, expose: '*' });
  file.fault = () => ({ redirect: target.replace('localhost', '127.0.0.1') });
  assertLoaded(await tab.load(url));
  assert.ok(hostile.log.every(({ method }) => method === 'GET'));
});

loadTest('hidden headers: the first chunk tells that it is the same file', { etag: undefined, expose: undefined },
  async ({ tab, url, path, file }) => {
    file.fault = (_seen, n) => (n >= 4 ? { status: 500 } : undefined);
    assertRefused(await tab.load(url, { network: { attempts: 1 } }), 'network', /status 500/);
    const [{ storedBytes }] = await tab.kept();
    file.fault = undefined;
    hostile.log.length = 0;
    assertLoaded(await tab.load(url));
    const ranges = hostile.ranges(path);
    assert.deepEqual(ranges.slice(0, 2), [[storedBytes, storedBytes + CHUNK - 1], [0, CHUNK - 1]]);
    assert.ok(ranges.slice(2).every((range) => range && range[0] >= storedBytes));
    assert.ok(hostile.log.every(({ method, ifRange }) => method !== 'OPTIONS' && ifRange === undefined));
  });

loadTest('hidden headers: another first chunk means another file', { etag: undefined, expose: undefined },
  async ({ tab, url, file }) => {
    file.fault = (_seen, n) => (n >= 4 ? { status: 500 } : undefined);
    await tab.load(url, { network: { attempts: 1 } });
    const renamed = Buffer.from(other);
    renamed[renamed.indexOf('general.name') + 30] ^= 1; // within the first chunk
    Object.assign(file, { fault: undefined, bytes: renamed });
    assertLoaded(await tab.load(url), hashes.other);
  });

const DATE = 'Wed, 01 Jan 2025 00:00:00 GMT';

loadTest('without an ETag, the date and the length tell that it is the same file', { etag: undefined, lastModified: DATE },
  async ({ tab, url, path, file }) => {
    file.fault = (_seen, n) => (n >= 4 ? { status: 500 } : undefined);
    assertRefused(await tab.load(url, { network: { attempts: 1 } }), 'network', /load again to continue/);
    const [{ storedBytes }] = await tab.kept();
    file.fault = undefined;
    hostile.log.length = 0;
    assertLoaded(await tab.load(url));
    assert.equal(askedBytes(path), model.length - storedBytes, 'nothing was fetched to be compared');
  });

loadTest('without an ETag, another date means another file', { etag: undefined, lastModified: DATE },
  async ({ tab, url, path, file }) => {
    // Its first chunk, which would be compared, is the same; the second, which is kept, is not.
    const bytes = Buffer.from(model);
    for (let at = CHUNK; at < CHUNK + 2000; at++) bytes[at] ^= 1; // the lowest bits of the embedding
    const plain = hostile.host(`/plain${path}`, { bytes, cors: true });
    const { hash } = await tab.load(plain, { cache: false });
    assert.notEqual(hash, hashes.model);
    const { open, fault } = gate();
    file.fault = fault;
    const first = await Tab.open(tab.context);
    first.load(url, PATIENT).catch(() => {}); // it ends with its page
    await tab.keeps(4 * CHUNK);
    await first.page.close();
    open();
    Object.assign(file, { bytes, fault: undefined, lastModified: 'Thu, 02 Jan 2025 00:00:00 GMT' });
    assertLoaded(await tab.load(url), hash);
  });

loadTest('progress tells speed and time left while bytes come slowly', { fault: () => ({ pause: 120 }) },
  async ({ tab, url }) => {
    const { progress, ...outcome } = await tab.load(url);
    assertLoaded({ progress, ...outcome });
    const measured = progress.filter(({ phase, loaded }) => phase === 'download' && loaded > 4 * CHUNK && loaded < model.length);
    assert.ok(measured.length > 0, JSON.stringify(progress));
    for (const { bytesPerSecond, secondsLeft, total, loaded } of measured) {
      // Three requests at once, 4096 bytes each in 120 ms: 100 kB/s on a machine that has nothing else to do.
      assert.ok(bytesPerSecond > 5_000 && bytesPerSecond < 200_000, `${bytesPerSecond} bytes per second`);
      assert.equal(total, model.length);
      assert.ok(Math.abs((secondsLeft ?? NaN) - (model.length - loaded) / bytesPerSecond) < 0.5, `${secondsLeft} s left`);
    }
  });

loadTest('an error page with status 200 is told as such', { fault: () => ({ html: true }) }, async ({ tab, url, path }) => {
  assertRefused(await tab.load(url), 'invalid_gguf', /web page/);
  assert.equal(hostile.gets(path).length, 1);
  assert.deepEqual(await tab.kept(), []);
});

loadTest('404 fails at once', { fault: () => ({ status: 404 }) }, async ({ tab, url, path }) => {
  assertRefused(await tab.load(url), 'not_found', /status 404: there is no such file/);
  assert.equal(hostile.gets(path).length, 1);
});

for (const [status, code, words] of /** @type {const} */ ([
  [401, 'unauthorized', /access token/],
  [403, 'forbidden', /access token/],
  [410, 'not_found', /no such file/],
  [400, 'network', /status 400/],
])) {
  loadTest(`${status} has the code ${code}, and its number`, { fault: () => ({ status }) }, async ({ tab, url, path }) => {
    const outcome = await tab.load(url);
    assertRefused(outcome, code, words);
    assert.equal(outcome.error?.details?.status, status);
    assert.equal(hostile.gets(path).length, 1);
  });
}

loadTest('a server that stays busy is told with its status', { fault: () => ({ status: 503 }) }, async ({ tab, url }) => {
  const outcome = await tab.load(url, { network: { attempts: 2 } });
  assertRefused(outcome, 'network', /status 503 .*tried 2 times/);
  assert.equal(outcome.error?.details?.status, 503);
});

loadTest('a server that allows no other origin is told as such, soon', { cors: false }, async ({ tab, url, path }) => {
  assertRefused(await tab.load(url), 'network', /CORS/);
  assert.ok(hostile.gets(path).length <= 4);
});
