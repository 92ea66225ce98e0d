// The tables of the benchmark, from numbers that are known.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readOptions } from '../../benches/options.mjs';
import { report } from '../../benches/report.mjs';
import { cell, short, spread } from '../../benches/statistics.mjs';

test('a median comes with the least and the most', () => {
  assert.deepEqual(spread([3, 1, 2]), { median: 2, min: 1, max: 3 });
  assert.deepEqual(spread([4, 1]), { median: 2.5, min: 1, max: 4 });
  assert.equal(spread([]), undefined);
  assert.deepEqual([1234.5, 12.345, 0.0012345, undefined].map(short), ['1235', '12.3', '0.00123', '–']);
  assert.equal(cell([2, 1, 3]), '2 (1-3)');
  assert.equal(cell([2]), '2');
  assert.equal(cell([NaN]), '–');
});

const PARTS = { ternary: 50, attention: 10, head: 20, norms: 5, sampling: 1, barriers: 10, other: 4 };

/** @param {number} speed */
const ourRun = (speed) => ({
  info: { kernel: 'lut' },
  hash: '00ff',
  prefill: { 16: { perSecond: 40, firstTokenMs: 400, parts: PARTS } },
  logits: { perSecond: 38 },
  decode: { 0: { perSecond: speed, weightBytesPerToken: 1e9, parts: PARTS } },
  limit: { best: 20e9, median: 18e9 },
  processorSeconds: 0.1,
});

const peerRun = {
  info: { kernel: 'llama.cpp', version: 'b1' },
  prefill: { 16: { perSecond: 4 } },
  decode: { 0: { perSecond: 2 } },
  processorSeconds: 0.5,
};

test('the report compares with the peer of the same thread count, and with the speed of memory', () => {
  const text = report({
    machine: 'a machine',
    browser: 'a browser',
    date: '2026-01-02T03:04:05Z',
    options: readOptions(['model.gguf', '--prompts', '16', '--contexts', '0', '--peer-prompts', '16,128']),
    subjects: [
      { name: 'bitnet-web, auto', threads: 1, runs: [ourRun(9), ourRun(10), ourRun(12)] },
      { name: 'bitnet-web, auto', threads: 2, runs: [] },
      { name: 'wllama, q4_0', threads: 1, runs: [peerRun] },
    ],
    loads: [{
      from: 'network', loadMs: 2000, wasmBytes: 1.5e9, expectedBytes: 1e9, firstTokenMs: 250,
      parts: { waiting: 1000, copy: 100, check: 50, directory: 300, unpack: 450, kernels: 100 },
    }],
    engines: [
      { engine: 'webkit', tests: [], error: 'not installed' },
      { engine: 'firefox', version: 'Firefox 1', tests: [{ threads: 1, variant: 'simd128', cases: 240, failures: ['mad 3x4'] }], models: [
        { threads: 1, variant: 'relaxed', kernel: 'lut', logitsHash: '00ff', speeds: [9, 11, 10] }, { threads: 2, error: 'no code: none' },
      ] },
    ],
  });
  assert.match(text, /a machine, a browser, 2026-01-02/);
  assert.match(text, /\| Firefox 1 \| relaxed \| 1 \| lut \| 10 \(9-11\) \| 00ff \|\n\| Firefox 1 \|  \| 2 \|  \| no code: none \|  \|/);
  assert.match(text, /\| 1 \| lut \(chosen\) \| 40 \(40-40\) \| 38 \(38-38\) \| 10 \(9-12\) \| 400 \(400-400\) \| 00ff \|/);
  assert.match(text, /\| 10 \(9-12\) \| 50 \(45-60\) \| 0.1 \(0.1-0.1\) \|/, 'half of what memory gives');
  assert.match(text, /\| decode at 0 \| 50 \| 10 \| 20 \| 5 \| 1 \| 10 \| 4 \|/);
  assert.match(text, /\| 1 \| wllama, q4_0 \| 4, ours 10 times \| not measured \| 2, ours 5 times \| 0.5 \|/);
  assert.match(text, /\| network \| 2 \| 1.5 \| 1 \| 1.5 \| – \|/);
  assert.match(text, /\| network \| 1 \| 0.1 \| 0.05 \| 0.3 \| 0.45 \| 0.1 \| 0.25 \|/);
  assert.match(text, /\| webkit \|  \|  \| not installed \|  \|/);
  assert.match(text, /\| Firefox 1 \| simd128 \| 1 \| 1 of 240 products differ: mad 3x4 \|/);
});
