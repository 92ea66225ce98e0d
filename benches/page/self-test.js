// The kernels alone, in a browser that nobody drives: the page begins by itself and posts what it found.
import { BitNet } from '/dist/index.js';

const query = new URLSearchParams(location.search);

/** @param {number} threads @param {'relaxed' | 'simd128'} variant */
async function outcome(threads, variant) {
  try {
    return { threads, variant, ...(await BitNet.selfTest({ threads, variant })) };
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
    return { threads, variant, error: `${code ?? 'no code'}: ${message}` };
  }
}

const tests = [];
try {
  for (const threads of (query.get('threads') ?? '1').split(',').map(Number)) {
    for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) tests.push(await outcome(threads, variant));
  }
} finally {
  const { userAgent } = navigator;
  await fetch('/posted', {
    method: 'POST',
    body: JSON.stringify({ userAgent, isolated: self.crossOriginIsolated, tests }),
  });
}
