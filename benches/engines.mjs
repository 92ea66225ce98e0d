// The kernels and the whole model in other browsers, where the order of the kernels' speeds is another: each is started on a page
// that begins by itself and posts its result to us, so that nothing but the browser is needed.
import { dirname, join, resolve } from 'node:path';

import { ROOT } from '../tests/e2e/harness.mjs';
import { posts } from '../tests/e2e/other-browsers.mjs';

/** @import { Options } from './options.mjs' */

/** A browser that has posted nothing by then has failed, milliseconds. */
const PATIENCE = 600_000;

/**
 * @typedef {object} Kernels one run of the self test
 * @property {number} threads
 * @property {string} variant
 * @property {boolean} [passed]
 * @property {number} [cases]
 * @property {string[]} [failures]
 * @property {{ kernel: string, weightsPerSecond: number }[]} [kernels]
 * @property {string} [error]
 */

/**
 * @typedef {object} Decoded answers of the model
 * @property {number} threads
 * @property {string} [variant]
 * @property {string} [kernel]
 * @property {string} [logitsHash]
 * @property {number[]} [speeds] tokens per second of each
 * @property {string} [error]
 */

/** @typedef {{ engine: string, version?: string, userAgent?: string, isolated?: boolean, tests: Kernels[], models?: Decoded[], error?: string }} EngineResult */

/**
 * @param {Options} options
 * @param {(text: string) => void} say
 * @returns {Promise<EngineResult[]>}
 */
export async function testEngines(options, say) {
  const results = [];
  for (const engine of options.engines) {
    say(`kernels and model in ${engine}`);
    const result = await testEngine(engine, options);
    if (result.error) say(`${engine}: ${result.error}`);
    results.push(result);
  }
  return results;
}

/**
 * @param {string} engine
 * @param {Options} options
 * @returns {Promise<EngineResult>}
 */
async function testEngine(engine, { threads, file, name, tokens }) {
  const query = new URLSearchParams({ threads: threads.join(','), model: `/models/${encodeURIComponent(name)}`, tokens: String(tokens) });
  try {
    const posted = await posts(engine, `/benches/page/self-test.html?${query}`, {
      folders: { '/benches/': join(ROOT, 'benches'), '/models/': dirname(resolve(file)) },
      sharing: true,
      patience: PATIENCE,
    });
    return posted ? { engine, ...posted } : { engine, tests: [], error: 'not installed' };
  } catch (error) {
    return { engine, tests: [], error: error instanceof Error ? error.message : String(error) };
  }
}
