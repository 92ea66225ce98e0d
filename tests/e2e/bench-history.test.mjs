// The record of what was measured.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { changes, linesOf, parsed } from '../../benches/history.mjs';
import { chart, historyPage } from '../../docs/history-page.mjs';
import { ROOT } from './harness.mjs';

/** @param {number[]} decode */
const result = (decode, hash = 'h') => ({
  date: '2026-11-26T10:00:00Z',
  machine: 'M, 2 cores',
  browser: 'Chromium 156',
  options: { name: '2b4t.gguf', precision: 'fast' },
  subjects: [
    {
      name: 'bitnet-web auto',
      threads: 1,
      runs: decode.map((perSecond) => ({
        info: { bytes: 9, kernel: 'lut' },
        hash,
        decode: { 0: { perSecond }, 4000: { perSecond: perSecond / 2 } },
        prefill: { 128: { perSecond: 50 } },
        limit: { best: 33e9 },
        processorSeconds: 0.05,
      })),
    },
    { name: 'wllama Q4_0', threads: 1, runs: [{ info: {}, decode: {}, prefill: {} }] },
    { name: 'bitnet-web auto', threads: 2, runs: [] },
  ],
});

test('a run becomes a line for each setting of our own that was measured', () => {
  const lines = linesOf(result([10, 12, 11]), 'abc');
  assert.equal(lines.length, 1);
  assert.deepEqual(lines[0].figures.decode, { median: 11, least: 10, most: 12 });
  assert.deepEqual(Object.keys(lines[0].figures), ['decode', 'decode 4000', 'prefill 128', 'read limit', 'processor seconds']);
  assert.equal(lines[0].model, '2b4t');
  assert.deepEqual(parsed(`${JSON.stringify(lines[0])}\n\n`), lines);
});

test('only what lies beyond the noise of both runs is a change', () => {
  const before = linesOf(result([10, 11, 12]), 'abc');
  assert.match(changes([], before), /^The first run/);
  assert.match(changes(before, linesOf(result([11.5, 13, 14]), 'def')), /^Since abc of 2026-11-26.*: nothing has changed/);
  const faster = changes(before, linesOf(result([13, 14, 15]), 'def'));
  assert.match(faster, /\| 1 \| decode \| 11 \| 14 \| 27\.3% \|/);
  assert.doesNotMatch(faster, /prefill/);
  assert.match(changes(before, linesOf(result([10, 11, 12], 'other'), 'def')), /logits hash \| h \| other/);
  const elsewhere = { ...result([20]), machine: 'another' };
  assert.match(changes(before, linesOf(elsewhere, 'def')), /^The first run/);
});

test('the history that ships can be read, and tells of 2B4T', async () => {
  const lines = parsed(await readFile(join(ROOT, 'benches/history.jsonl'), 'utf8'));
  assert.ok(lines.length >= 4);
  for (const { date, commit, machine, browser, threads, figures } of lines) {
    assert.match(date, /^\d{4}-\d\d-\d\d$/);
    assert.ok(commit && machine && browser && threads > 0);
    for (const { median, least, most } of Object.values(figures)) assert.ok(least <= median && median <= most);
  }
});

/** @param {string} text @param {RegExp} pattern */
const numbers = (text, pattern) => [...text.matchAll(pattern)].map(([, number]) => Number(number));

test('a chart has a mark for every figure of every run, within its frame', () => {
  const lines = [[10, 12, 14], [13, 15, 16], [20]].flatMap((decode, run) =>
    linesOf({ ...result(decode), date: `2026-11-2${run}` }, `c${run}`).flatMap((line) => [line, { ...line, threads: 2 }]));
  const svg = chart(lines);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  assert.equal(svg.match(/<circle/g)?.length, 3 * 2 * 3); // decode, decode 4000 and prefill 128; three runs of two settings
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/);
  const [xs, ys] = [numbers(svg, /cx="([\d.]+)"/g), numbers(svg, /cy="([\d.]+)"/g)];
  assert.ok(xs.every((x) => x > 0 && x < Number(width) / 3) && ys.every((y) => y > 0 && y < Number(height)));
  // Later runs stand to the right, faster ones higher.
  const first = svg.slice(0, svg.indexOf('series-1"><'));
  const [x, y] = [numbers(first, /cx="([\d.]+)"/g), numbers(first, /cy="([\d.]+)"/g)];
  assert.ok(x[0] < x[1] && x[1] < x[2] && y[0] > y[1] && y[1] > y[2]);
  assert.match(svg, /prefers-color-scheme: dark/);
  assert.match(svg, /role="img" aria-label="Tokens per second of 2b4t on M, 2 cores, 3 runs/);
});

test('the page of the history has a chart and a table for each machine, and names from outside stay text', () => {
  const line = linesOf(result([10, 11]), 'abc')[0];
  const lines = [line, { ...line, threads: 2 }, { ...line, machine: 'A "B" <C> | D & E', figures: { decode: line.figures.decode } }];
  const { page, charts } = historyPage(lines.map((line) => JSON.stringify(line)).join('\n'));
  assert.deepEqual(charts.map(({ name }) => name), ['history-1.svg', 'history-2.svg']);
  assert.match(charts[1].svg, /aria-label="Tokens per second of 2b4t on A &quot;B&quot; &lt;C> \| D &amp; E, 1 run:/);
  assert.equal(page.match(/^\| 2026/gm)?.length, 3);
  assert.match(page, /\| 10\.5 \(10-11\) \| 5\.25 \(5-5\.5\) \| 50 \(50-50\) \| 0\.05 \(0\.05-0\.05\) \| h \|/);
  assert.match(page, /\| 10\.5 \(10-11\) \| – \| – \| – \| h \|/);
});
