// One model in wllama, llama.cpp as WebAssembly: loaded, measured step by step from outside, unloaded. Runs in the
// browser. Times are those that llama.cpp's own server code reports.
import { Wllama } from '/wllama/esm/index.js';
import { promptOf } from './prompt.js';

/** @type {Wllama | undefined} */
let wllama;
let seed = 1;

/**
 * @param {Blob} file
 * @param {{ threads: number, context: number, parallel?: number }} options the tokens of all sequences together, and how many there may be
 */
export async function load(file, { threads, context, parallel = 1 }) {
  wllama = new Wllama({ default: '/wllama/esm/wasm/wllama.wasm' }, { suppressNativeLog: true, logger: quiet });
  const began = performance.now();
  // The processor alone, as ours.
  await wllama.loadModel([file], {
    n_threads: threads, n_ctx: context, n_gpu_layers: 0, n_parallel: parallel, n_batch: 512, warmup: false,
  });
  const loadMs = performance.now() - began;
  return { info: { kernel: 'llama.cpp', threads, version: Wllama.getLibllamaVersion() }, loadMs };
}

const quiet = { debug() {}, log() {}, warn() {}, error: console.error };

/** @param {number} length of the prompt, tokens @param {number} tokens to write */
async function complete(length, tokens) {
  if (wllama === undefined) throw new Error('no model is loaded');
  const result = await wllama.createCompletion(/** @type {any} */ ({
    prompt: promptOf(length, seed++), max_tokens: tokens, temperature: 0, ignore_eos: true, cache_prompt: false, stream: false,
  }));
  return /** @type {any} */ (result).timings;
}

export async function warmUp() {
  await complete(2, 1);
}

/** @param {number} tokens */
export async function prefill(tokens) {
  const timings = await complete(tokens, 1);
  return { tokens: timings.prompt_n, perSecond: timings.prompt_per_second, firstTokenMs: timings.prompt_ms };
}

/** @param {number} tokens at context 0 */
export async function decode(tokens) {
  const timings = await complete(2, tokens + 1);
  // The first token comes out of the prompt's pass, but is counted.
  const written = timings.predicted_n - 1;
  return { tokens: written, perSecond: (written * 1000) / timings.predicted_ms };
}

/**
 * Tokens a second of `count` answers that are written at the same time. Its engine takes a step of all requests whenever one of them asks
 * for news, so that these share passes; what is new comes to the others in heaps, so that only whole answers can be timed: those of so many
 * tokens take longer than those of one, which read their prompts alone.
 * @param {number} count at most `parallel`
 * @param {number} tokens of each answer
 */
export async function crowd(count, tokens) {
  const took = async (/** @type {number} */ tokens) => {
    const began = performance.now();
    await Promise.all(Array.from({ length: count }, () => complete(16, tokens)));
    return performance.now() - began;
  };
  const least = await took(1);
  return (count * (tokens - 1) * 1000) / ((await took(tokens)) - least);
}

export async function unload() {
  await wllama?.exit();
  wllama = undefined;
}
