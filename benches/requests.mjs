// How many requests share the machine: the speed of one, two, four and eight answers that are written at the same time, and of guessed
// tokens (`speculative`) where a text repeats itself and where it does not.
//
//   node benches/requests.mjs [MODEL.gguf] [--tokens 24] [--guesses 160] [--threads 1,2] [--rounds 3] [--peer FILE.gguf]
//
// `--peer`: a file of the same shape for wllama, whose answers share passes too (`n_parallel`); each round of it follows one of ours.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { withServedModel } from './served-model.mjs';
import { cell, table } from './statistics.mjs';
import { call } from './subjects.mjs';

const COUNTS = [1, 2, 4, 8];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: 'string', default: '24' }, // of each answer in a crowd
    guesses: { type: 'string', default: '160' }, // tokens of an answer with guesses
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '3' },
    peer: { type: 'string' },
  },
});
await withServedModel(positionals[0], async ({ name, url, browser, openPage }) => {
  console.log(`Chromium ${browser.version()}, ${cpus()[0]?.model}; ${name}\n`);
  const crowds = [];
  const guesses = [];
  for (const threads of values.threads.split(',').map(Number)) {
    const page = await openPage();
    const { info } = await call(page, 'ours.js', 'load', url, { threads, cache: false, maxConcurrent: Math.max(...COUNTS), context: 1024 });
    await call(page, 'ours.js', 'warmUp');
    const peer = values.peer === undefined ? undefined : await openPeer(await openPage(), values.peer, threads);
    const peerSpeeds = new Map(COUNTS.map((count) => [count, /** @type {number[]} */ ([])]));
    const speeds = new Map(COUNTS.map((count) => [count, /** @type {number[]} */ ([])]));
    const runs = { true: /** @type {any[]} */ ([]), false: /** @type {any[]} */ ([]) };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const count of COUNTS) {
        speeds.get(count)?.push(await call(page, 'requests.js', 'crowd', count, Number(values.tokens)));
        if (peer) peerSpeeds.get(count)?.push(await call(peer.page, 'wllama.js', 'crowd', count, Number(values.tokens)));
      }
      for (const repeats of [true, false]) runs[`${repeats}`].push(await call(page, 'requests.js', 'guesses', { tokens: Number(values.guesses), repeats }));
    }
    const rowsOf = (/** @type {string} */ kernel, /** @type {Map<number, number[]>} */ speeds) => {
      const alone = speeds.get(1) ?? [];
      return [...speeds].map(([count, found]) => [String(threads), kernel, String(count), cell(found), cell(found.map((speed, round) => speed / alone[round]))]);
    };
    crowds.push(...rowsOf(info.kernel, speeds));
    if (peer) crowds.push(...rowsOf(`wllama (llama.cpp ${peer.version})`, peerSpeeds));
    await peer?.page.close();
    guesses.push(...Object.entries(runs).map(([repeats, found]) => [
      String(threads), repeats === 'true' ? 'greedy, goes in a circle' : 'sampled, never repeats', cell(found.map(({ plain }) => plain)), cell(found.map(({ ratio }) => ratio)),
      cell(found.map(({ guessed }) => guessed)), cell(found.map(({ accepted }) => accepted)), found.every(({ same }) => same) ? 'same' : 'NOT THE SAME',
    ]));
    await call(page, 'ours.js', 'unload');
    await page.close();
  }
  console.log(table(['threads', 'kernel', 'answers at once', 'tokens a second, all together', 'times one answer'], crowds));
  console.log(`\n${table(['threads', 'text', 'tokens a second without guesses', 'with guesses, times that', 'guessed', 'of them right', 'texts'], guesses)}`);
});

/**
 * wllama with its model, in a page of its own.
 * @param {import('playwright-core').Page} page
 * @param {string} path
 * @param {number} threads
 */
async function openPeer(page, path, threads) {
  const most = Math.max(...COUNTS);
  await page.setContent('<!doctype html><input id="file" type="file">');
  await page.setInputFiles('#file', path);
  const { info } = await page.evaluate(async (settings) => {
    const input = /** @type {HTMLInputElement} */ (document.querySelector('#file'));
    const script = /** @type {string} */ ('/benches/page/wllama.js');
    return (await import(script)).load(input.files?.[0], settings);
  }, { threads, context: most * 128, parallel: most });
  await call(page, 'wllama.js', 'warmUp');
  return { page, version: info.version };
}
