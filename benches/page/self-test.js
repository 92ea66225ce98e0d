// The kernels alone, and a whole model where one is named, in a browser that nobody drives: the page begins by itself and posts what
// it found.
import { BitNet } from '/dist/index.js';
import { decode, hash, load, unload, warmUp } from './ours.js';

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

/** A browser that nobody drives is measured once, so the middle one of so many. */
const ANSWERS = 3;

/** @param {string} url @param {number} threads @param {number} tokens */
async function decoded(url, threads, tokens) {
  try {
    const { info } = await load(url, { threads, cache: false });
    await warmUp();
    const speeds = [];
    for (let i = 0; i < ANSWERS; i++) speeds.push((await decode(0, tokens)).perSecond);
    const logitsHash = await hash();
    await unload();
    return { threads: info.threads, variant: info.variant, kernel: info.kernel, logitsHash, speeds };
  } catch (error) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
    return { threads, error: `${code ?? 'no code'}: ${message}` };
  }
}

const counts = (query.get('threads') ?? '1').split(',').map(Number);
const [tests, models] = [/** @type {any[]} */ ([]), /** @type {any[]} */ ([])];
try {
  for (const threads of counts) {
    for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) tests.push(await outcome(threads, variant));
  }
  const model = query.get('model');
  if (model) for (const threads of counts) models.push(await decoded(model, threads, Number(query.get('tokens') ?? 16)));
} finally {
  const { userAgent } = navigator;
  await fetch('/posted', {
    method: 'POST',
    body: JSON.stringify({ userAgent, isolated: self.crossOriginIsolated, tests, models }),
  });
}
