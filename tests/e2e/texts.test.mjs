// The interface's texts in every language and on every page. No browser is needed, so that `cargo xtask check` runs these too.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { DE } from '../../www/texts/de.js';
import { EN } from '../../www/texts/en.js';
import { ROOT } from './harness.mjs';

test('German has every text of English, with the same values in it, and the page carries the English ones', async () => {
  const names = (/** @type {string} */ text) => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();
  for (const [key, text] of Object.entries(EN)) {
    const german = /** @type {Record<string, string>} */ (DE)[key];
    assert.ok(german, `${key} is missing`);
    assert.deepEqual(names(german), names(text), key);
  }
  assert.deepEqual(Object.keys(DE).filter((key) => !Object.hasOwn(EN, key)), [], 'texts that nobody asks for');
  const plain = (/** @type {string} */ text) => text.replaceAll('&minus;', '−').trim();
  for (const name of ['index.html', 'bench.html', 'lanes.html']) {
    const page = await readFile(join(ROOT, 'www', name), 'utf8');
    for (const [, key, text] of page.matchAll(/data-t="([^"]+)"[^>]*>([^<]*)</g))
      assert.equal(plain(text), /** @type {Record<string, string>} */ (EN)[key]?.trim(), key);
    for (const [element] of page.matchAll(/<[a-z][^>]*data-t-[^>]*>/g))
      for (const [, name, key] of element.matchAll(/data-t-([a-z-]+)="([^"]+)"/g)) {
        const text = new RegExp(` ${name}="([^"]*)"`).exec(element)?.[1] ?? '';
        assert.equal(plain(text), /** @type {Record<string, string>} */ (EN)[key]?.trim(), `${name} of ${element.slice(0, 60)}`);
      }
  }
});

test('every error of the library has a title and an advice', async () => {
  const source = await readFile(join(ROOT, 'worker/error.js'), 'utf8');
  const type = /@typedef \{([^}]*)\} ErrorCode/.exec(source)?.[1] ?? '';
  const codes = [...type.matchAll(/'([a-z_]+)'/g)].map(([, code]) => code);
  assert.ok(codes.length > 15, `${codes}`);
  for (const code of codes.filter((code) => code !== 'aborted'))
    for (const key of [`error.${code}`, `error.${code}.advice`]) assert.ok(Object.hasOwn(EN, key), key);
});
