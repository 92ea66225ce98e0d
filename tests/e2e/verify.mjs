// The browser's part of `cargo xtask verify`: a model by every build, kernel and thread count, and what it answers.
// Usage: node verify.mjs FILE NATIVE.json MAX_TOKENS. NATIVE.json is what the native report wrote; Markdown goes to stdout.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';

import { launch, openPage, startDemo } from './harness.mjs';

/** @import { Page } from 'playwright-core' */
/** @import { LoadOptions } from '../../worker/schema.js' */

/**
 * The results of the native report.
 * @typedef {object} Native
 * @property {{ precision: string, hash: string }[]} hashes
 * @property {string[]} questions
 * @property {{ prompt: string, text: string }[]} answers to some of the questions
 */

/** @typedef {Pick<LoadOptions, 'variant' | 'kernel' | 'threads' | 'precision'>} Setup */

const KERNELS = /** @type {const} */ (['scalar', 'mad', 'lut', 'relaxed', 'relaxed16']);

/** Every setup worth a hash: all kernels in `fast`, and `exact`, whose other parts no kernel touches, with one. */
function setups() {
  const threads = [...new Set([1, 2, availableParallelism()])];
  /** @type {Setup[]} */
  const all = [];
  for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
    for (const kernel of KERNELS) {
      if (kernel.startsWith('relaxed') && variant !== 'relaxed') continue;
      all.push(...threads.map((count) => ({ variant, kernel, threads: count, precision: /** @type {const} */ ('fast') })));
    }
    all.push(...threads.map((count) => ({ variant, kernel: /** @type {const} */ ('auto'), threads: count, precision: /** @type {const} */ ('exact') })));
  }
  return all;
}

/**
 * Loads the model, takes its hash and frees it.
 * @param {Page} page
 * @param {string} url
 * @param {Setup} setup
 */
function hashOf(page, url, setup) {
  // No watchdog: a large model on the scalar kernel is silent for longer than anybody would wait.
  return page.evaluate(async ({ url, setup }) => {
    try {
      const begin = performance.now();
      const model = await lib.BitNet.load(url, { ...setup, cache: false, watchdog: 0 });
      const loaded = performance.now();
      const hash = await model.logitsHash();
      const seconds = { load: (loaded - begin) / 1000, hash: (performance.now() - loaded) / 1000 };
      const { kernel, memoryBytes } = model.info;
      await model.unload();
      return { hash, kernel, memoryBytes, seconds };
    } catch (error) {
      return { error: String(error) };
    }
  }, { url, setup });
}

/**
 * Answers the fixed questions greedily, each in a fresh chat, with everything left to the defaults.
 * @param {Page} page
 * @param {string} url
 * @param {string[]} questions
 * @param {number} maxTokens
 */
function answersOf(page, url, questions, maxTokens) {
  return page.evaluate(async ({ url, questions, maxTokens }) => {
    const model = await lib.BitNet.load(url, { cache: false, watchdog: 0 });
    const options = { maxTokens, temperature: 0 };
    const answers = [];
    for (const question of questions) {
      if (model.info.embeddingDimensions !== undefined) {
        const [vector] = await model.embed(question);
        const bits = Array.from(new Uint32Array(/** @type {Float32Array} */ (vector).slice().buffer));
        const shown = [...bits.slice(0, 7), bits.reduce((all, bits) => (all ^ bits) >>> 0, 0)];
        const text = shown.map((bits) => bits.toString(16).padStart(8, '0')).join(' ');
        answers.push({ question, text, usage: undefined, timings: undefined, finishReason: 'embedding' });
        continue;
      }
      const answer = await model.complete([{ role: 'user', content: question }], options).catch((error) => {
        if (error.code !== 'chat_template') throw error;
        return model.complete(question, options);
      });
      answers.push({ question, ...answer });
    }
    const { info } = model;
    await model.unload();
    return { info, answers };
  }, { url, questions, maxTokens });
}

/** @param {string} text */
function quote(text) {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}\n`;
}

/** @param {unknown[]} cells */
const row = (...cells) => console.log(`| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`);

/**
 * @param {Page} page
 * @param {string} url
 * @param {Native} native
 * @returns {Promise<number>} hashes that are not the native one, or could not be had
 */
async function printHashes(page, url, native) {
  console.log('## Logits hash, browser\n');
  row('build', 'kernel', 'threads', 'precision', 'hash', 'as native', 'load s', 'hash s', 'memory bytes');
  row(...Array(9).fill('---'));
  let wrong = 0;
  for (const setup of setups()) {
    process.stderr.write(`    ${setup.variant}, ${setup.kernel}, ${setup.threads} threads, ${setup.precision}\n`);
    const found = await hashOf(page, url, setup);
    if ('error' in found) {
      wrong += 1;
      row(setup.variant, setup.kernel, setup.threads, setup.precision, found.error, '**no**', '', '', '');
      continue;
    }
    const same = native.hashes.every((run) => run.precision !== setup.precision || run.hash === found.hash);
    wrong += same ? 0 : 1;
    const { kernel, hash, seconds, memoryBytes } = found;
    const times = [seconds.load.toFixed(2), seconds.hash.toFixed(2)];
    row(setup.variant, kernel, setup.threads, setup.precision, hash, same ? 'yes' : '**no**', ...times, memoryBytes);
  }
  console.log();
  return wrong;
}

/**
 * @param {Page} page
 * @param {string} url
 * @param {Native} native
 * @param {number} maxTokens
 * @returns {Promise<number>} answers that are not the native ones
 */
async function printAnswers(page, url, native, maxTokens) {
  process.stderr.write('    answers\n');
  const { info, answers } = await answersOf(page, url, native.questions, maxTokens);
  const { variant, kernel, threads, precision } = info;
  console.log(`## Greedy answers, browser: ${variant} build, kernel ${kernel}, ${threads} threads, ${precision}\n`);
  let wrong = 0;
  for (const { question, text, usage, timings, finishReason } of answers) {
    const reference = native.answers.find((answer) => answer.prompt === question);
    const same = reference === undefined || reference.text === text;
    wrong += same ? 0 : 1;
    const verdict = reference === undefined ? '' : same ? ', as native' : ', **not as native**';
    if (usage === undefined) {
      console.log(`**${question}** (${finishReason}${verdict})\n\n${quote(text)}`);
      continue;
    }
    const prefill = `${usage.promptTokens} prompt tokens (${usage.cachedTokens} cached) at ${timings.prefillTokensPerSecond.toFixed(1)} tok/s`;
    const decode = `${usage.completionTokens} tokens at ${timings.decodeTokensPerSecond.toFixed(1)} tok/s`;
    console.log(`**${question}** (${prefill}, ${decode}, ${finishReason}${verdict})\n\n${quote(text)}`);
  }
  return wrong;
}

const [file, numbers, maxTokens] = process.argv.slice(2);
/** @type {Native} */
const native = JSON.parse(await readFile(numbers, 'utf8'));
const server = await startDemo({
  folders: { '/verify/': dirname(resolve(file)), '/e2e/': import.meta.dirname },
});
const browser = await launch();
try {
  const { page } = await openPage(browser, `${server.origin}/blank.html`);
  page.setDefaultTimeout(0);
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
  const url = `${server.origin}/verify/${encodeURIComponent(basename(file))}`;
  console.log(`Browser: Chromium ${browser.version()}, ${availableParallelism()} cores reported\n`);
  const hashes = await printHashes(page, url, native);
  const answers = await printAnswers(page, url, native, Number(maxTokens));
  const verdict = hashes + answers === 0 ? 'every hash and answer is the native one' : `**${hashes} hashes and ${answers} answers differ**`;
  console.log(`Verdict: ${verdict}.`);
  process.exitCode = hashes + answers === 0 ? 0 : 1;
} finally {
  await browser.close();
  await server.close();
}
