// The library and the chat page in Firefox and in WebKitGTK, where they are installed.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from './harness.mjs';
import { isInstalled, posts } from './other-browsers.mjs';

const FOLDERS = { '/fixtures/': join(ROOT, 'tests/fixtures/models'), '/e2e/': join(ROOT, 'tests/e2e') };

for (const { engine, name, isolated, threads } of [
  { engine: 'firefox', name: 'Firefox, isolated', isolated: true, threads: 2 },
  { engine: 'firefox', name: 'Firefox, a plain host', isolated: false, threads: 1 },
  { engine: 'webkit', name: 'WebKitGTK', isolated: true, threads: 1 },
]) {
  const skip = !isInstalled(engine) && `${engine} is not installed here, nothing was tested in it`;
  test(`${name}: every kernel has the native logits hash, and the page chats`, { skip, timeout: 120_000 }, async () => {
    const found = await posts(engine, '/e2e/other-browser.html', { isolated, folders: FOLDERS, patience: 100_000 });
    assert.equal(found.error, undefined);
    const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
    const builds = found.relaxed === 'unsupported' ? ['simd128'] : ['relaxed', 'simd128'];
    for (const build of builds) {
      const hashes = Object.entries(found[build]);
      assert.ok(hashes.length >= 2 * threads, JSON.stringify(found[build]));
      for (const [kernel, hash] of hashes) assert.equal(hash, golden['gqa1-i2_s.gguf'].exact, `${build} ${kernel}`);
      assert.equal(hashes.some(([kernel]) => kernel.endsWith(' 2')), threads === 2, JSON.stringify(found[build]));
    }
    assert.deepEqual(found.chat.states, ['done', 'done'], JSON.stringify(found.chat));
    assert.match(found.chat.answers.join('\n'), /Tokyo[^]*632/);
    assert.equal(found.chat.notices, '');
  });
}
