// The subjects of the comparison: our runtime in each setting, wllama with each type of weights. Each is loaded in a fresh page,
// measured and unloaded, so that none runs in memory that another has left.

/** @import { Browser, Page } from 'playwright-core' */
/** @import { Options } from './options.mjs' */

/**
 * @typedef {object} Place
 * @property {Browser} browser
 * @property {string} origin
 * @property {() => Promise<number>} processorSeconds
 * @property {(text: string) => void} say
 */

/**
 * @typedef {object} Subject
 * @property {string} name
 * @property {number} threads
 * @property {number} rounds
 * @property {any[]} runs what each round came to
 * @property {(place: Place) => Promise<any>} measure
 */

/** Tokens whose logits are asked for, after every one of them. */
const LOGITS_TOKENS = 512;
/** A prompt of a peer that would take longer than this is left out, milliseconds. */
const PEER_PATIENCE = 90_000;

/**
 * @param {Place} place
 * @param {(page: Page) => Promise<any>} work
 */
async function inPage({ browser, origin }, work) {
  const page = await browser.newPage();
  try {
    await page.goto(`${origin}/blank.html`);
    return await work(page);
  } finally {
    await page.close();
  }
}

/**
 * Calls an exported function of a script in the page.
 * @param {Page} page
 * @param {string} script
 * @param {string} name
 * @param {...any} args
 */
export function call(page, script, name, ...args) {
  return page.evaluate(
    async ([script, name, args]) => (await import(script))[name](...args),
    /** @type {const} */ ([`/benches/page/${script}`, name, args]),
  );
}

/**
 * @param {Options} options
 * @param {number} threads
 * @param {string} kernel
 * @param {string} url
 * @returns {Subject}
 */
export function ours(options, threads, kernel, url) {
  const { prompts, contexts, tokens, precision, rounds } = options;
  const measure = (/** @type {Place} */ place) =>
    inPage(place, async (page) => {
      const ask = (/** @type {string} */ name, /** @type {any[]} */ ...args) => call(page, 'ours.js', name, ...args);
      const wish = kernel === 'auto' ? {} : { kernel };
      const run = await ask('load', url, { threads, precision, cache: false, ...wish });
      await ask('warmUp');
      run.hash = await ask('hash');
      [run.prefill, run.decode] = [{}, {}];
      const room = run.info.contextLength - tokens - 2;
      for (const count of prompts.filter((count) => count <= room)) run.prefill[count] = await ask('prefill', count);
      run.logits = await ask('logits', Math.min(LOGITS_TOKENS, room));
      for (const context of contexts.map((context) => Math.min(context, room))) {
        const before = await place.processorSeconds();
        const decoded = await ask('decode', context, tokens);
        // Two tokens of the prompt are run in one pass; filling a context takes time that is no token's.
        if (context === 0) run.processorSeconds = ((await place.processorSeconds()) - before) / (decoded.tokens + 1);
        if (decoded.tokens + 1 !== tokens) place.say(`only ${decoded.tokens + 1} tokens at depth ${context}: the model ended`);
        run.decode[context] = decoded;
      }
      run.limit = await ask('limit');
      await ask('unload');
      return run;
    });
  return { name: `bitnet-web, ${kernel}`, threads, rounds, runs: [], measure };
}

/**
 * @param {Options} options
 * @param {number} threads
 * @param {{ type: string, path: string }} peer
 * @returns {Subject}
 */
export function wllama(options, threads, { type, path }) {
  const { peerPrompts, peerTokens, peerRounds } = options;
  const measure = (/** @type {Place} */ place) =>
    inPage(place, async (page) => {
      // A file that the page was given lies on the disk and is not copied into the page first.
      await page.setContent('<!doctype html><input id="file" type="file">');
      await page.setInputFiles('#file', path);
      const run = await page.evaluate(async (settings) => {
        const input = /** @type {HTMLInputElement} */ (document.querySelector('#file'));
        const script = /** @type {string} */ ('/benches/page/wllama.js');
        return (await import(script)).load(input.files?.[0], settings);
      }, { threads, context: Math.max(...peerPrompts, 64) + 64 });
      const ask = (/** @type {string} */ name, /** @type {any[]} */ ...args) => call(page, 'wllama.js', name, ...args);
      await ask('warmUp');
      [run.prefill, run.decode] = [{}, {}];
      const before = await place.processorSeconds();
      run.decode[0] = await ask('decode', peerTokens);
      run.processorSeconds = ((await place.processorSeconds()) - before) / (peerTokens + 1);
      let speed = Infinity;
      for (const count of peerPrompts) {
        if ((count * 1000) / speed > PEER_PATIENCE) {
          place.say(`${count} tokens would take ${Math.round(count / speed)} s: left out`);
          continue;
        }
        run.prefill[count] = await ask('prefill', count);
        speed = run.prefill[count].perSecond;
      }
      await ask('unload');
      return run;
    });
  return { name: `wllama, ${type}`, threads, rounds: peerRounds, runs: [], measure };
}
