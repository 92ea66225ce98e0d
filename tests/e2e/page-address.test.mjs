// What people paste into the address box.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loadablesOf, meaningOf } from '../../www/app/address.js';

const FILE = 'https://huggingface.co/owner/repo/resolve/main/model.gguf';

for (const [text, source] of [
  ['https://huggingface.co/owner/repo/blob/main/model.gguf', FILE],
  ['https://huggingface.co/owner/repo/resolve/main/model.gguf?download=true', FILE],
  ['huggingface.co/owner/repo/blob/main/model.gguf', FILE],
  [' http://hf.co/owner/repo/resolve/main/model.gguf ', FILE],
  ['owner/repo/model.gguf', FILE],
  ['https://huggingface.co/owner/repo/blob/v1/sub%20folder/model.GGUF', 'https://huggingface.co/owner/repo/resolve/v1/sub%20folder/model.GGUF'],
  ['hf:owner/repo/model.gguf', 'hf:owner/repo/model.gguf'],
  ['hf:owner/repo/blob/main/model.gguf', FILE],
  ['https://example.org/a/model.gguf', 'https://example.org/a/model.gguf'],
  ['example.org/model.gguf', 'https://example.org/model.gguf'],
  ['./models/demo.gguf', './models/demo.gguf'],
])
  test(`${text} is a file`, () => assert.deepEqual(meaningOf(text), { kind: 'file', source }));

const REPOSITORY = { kind: 'repository', repo: 'microsoft/bitnet-b1.58-2B-4T-gguf', revision: 'main', folder: '' };
for (const [text, more] of /** @type {[string, object][]} */ ([
  ['microsoft/bitnet-b1.58-2B-4T-gguf', {}],
  ['hf:microsoft/bitnet-b1.58-2B-4T-gguf', {}],
  ['https://huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf', {}],
  ['https://huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf/', {}],
  ['huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf/tree/main', {}],
  ['https://huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf/tree/v2/small', { revision: 'v2', folder: 'small' }],
  ['https://huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf/blob/main/README.md', {}],
  ['https://hf.co/microsoft/bitnet-b1.58-2B-4T-gguf?library=gguf#usage', {}],
]))
  test(`${text} is a repository`, () => assert.deepEqual(meaningOf(text), { ...REPOSITORY, ...more }));

for (const [text, reason] of [
  ['', 'address.empty'],
  ['https://huggingface.co/owner', 'address.owner'],
  ['https://huggingface.co/datasets/owner/name', 'address.noModel'],
  ['https://huggingface.co/spaces/owner/name', 'address.noModel'],
  ['ftp://example.org/model.gguf', 'address.scheme'],
  ['C:\\models\\model.gguf', 'address.scheme'],
  ['the best model', 'address.words'],
])
  test(`${text || 'nothing'} is neither`, () => assert.deepEqual(meaningOf(text), { kind: 'nothing', reason }));

test('of a repository what can be loaded is listed: files, files in parts as one, a folder of safetensors', () => {
  const entry = (/** @type {string} */ path, size = 10) => ({ type: 'file', path, size });
  const entries = [
    entry('README.md'),
    entry('b-00002-of-00002.gguf', 30),
    entry('b-00001-of-00002.gguf', 20),
    { ...entry('a.gguf'), lfs: { size: 7 } },
    { type: 'directory', path: 'sub.gguf', size: 0 },
    entry('sub/c.gguf', 90),
    entry('subway/d.gguf', 95),
    entry('config.json'),
    entry('model-00001-of-00002.safetensors', 100),
    entry('model-00002-of-00002.safetensors', 100),
  ];
  const where = { repo: 'o/r', revision: 'main', folder: '' };
  assert.deepEqual(loadablesOf(entries, where).map(({ name, bytes }) => [name, bytes]), [
    ['a.gguf', 7],
    ['b-00001-of-00002.gguf', 50],
    ['sub/c.gguf', 90],
    ['subway/d.gguf', 95],
    ['o/r (safetensors)', 200],
  ]);
  assert.equal(loadablesOf(entries, { ...where, revision: 'v2' }).at(-1)?.source, 'hf:o/r@v2');
  assert.deepEqual(loadablesOf(entries, { ...where, folder: 'sub' }).map(({ name }) => name), ['sub/c.gguf']);
  assert.deepEqual(loadablesOf([entry('model.safetensors')], where), [], 'a folder without a configuration is none');
});
