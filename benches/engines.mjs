// The kernels in other browsers, where the order of their speeds is another: each is started on a page that begins by
// itself and posts its result to us, so that nothing but the browser is needed.
import { join } from 'node:path';

import { ROOT } from '../tests/e2e/harness.mjs';
import { posts } from '../tests/e2e/other-browsers.mjs';

/** @import { Options } from './options.mjs' */

/** A browser that has posted nothing by then has failed, milliseconds. */
const PATIENCE = 300_000;

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

/** @typedef {{ engine: string, version?: string, userAgent?: string, isolated?: boolean, tests: Kernels[], error?: string }} EngineResult */

/**
 * @param {Options} options
 * @param {(text: string) => void} say
 * @returns {Promise<EngineResult[]>}
 */
export async function testEngines({ engines, threads }, say) {
  const results = [];
  for (const engine of engines) {
    say(`kernels in ${engine}`);
    const result = await testEngine(engine, threads);
    if (result.error) say(`${engine}: ${result.error}`);
    results.push(result);
  }
  return results;
}

/**
 * @param {string} engine
 * @param {number[]} threads
 * @returns {Promise<EngineResult>}
 */
async function testEngine(engine, threads) {
  try {
    const posted = await posts(engine, `/benches/page/self-test.html?threads=${threads.join(',')}`, {
      folders: { '/benches/': join(ROOT, 'benches') },
      sharing: true,
      patience: PATIENCE,
    });
    return posted ? { engine, ...posted } : { engine, tests: [], error: 'not installed' };
  } catch (error) {
    return { engine, tests: [], error: error instanceof Error ? error.message : String(error) };
  }
}
