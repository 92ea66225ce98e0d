/**
 * wllama (llama.cpp as WebAssembly) in a document of its own, for the benchmark page, which asks it through a port: the engine's
 * package is loaded from this site when it is asked to. Times are those that llama.cpp's own server code reports.
 */

/** @typedef {{ type: 'load', file: Blob, threads: number, context: number } | { type: 'complete', prompt: string, tokens: number } | { type: 'exit' }} Request */
/** @typedef {{ loadMs: number, version: string }} Loaded */
/** @typedef {{ promptTokens: number, prefillPerSecond: number, tokens: number, decodePerSecond: number }} Completed */

const PACKAGE = new URL('../wllama/esm/', import.meta.url);
/** Errors alone, of its own log. */
const LOG_LEVEL = 4;
/** What every answer is made of, because wllama fails at one that is no text, such as that of a model with random weights. */
const ANSWER = [['a', 1000]];

/** @type {any} */
let wllama = null;
/** What llama.cpp said went wrong: what it throws tells less. @type {string[]} */
let complaints = [];

/** @param {Extract<Request, { type: 'load' }>} request @returns {Promise<Loaded>} */
async function load({ file, threads, context }) {
  const { Wllama } = await import(new URL('index.js', PACKAGE).href);
  complaints = [];
  const complain = (/** @type {unknown[]} */ ...parts) => void complaints.push(parts.map(String).join(' ').trim());
  const logger = { debug() {}, log() {}, warn() {}, error: complain };
  wllama = new Wllama({ default: new URL('wasm/wllama.wasm', PACKAGE).href }, { logger });
  // Where a browser lacks what its module needs, it would fetch another one from a network of others.
  wllama.setCompat(null);
  const began = performance.now();
  // One sequence, and the processor alone, as ours.
  await wllama.loadModel([file], { n_threads: threads, n_ctx: context, n_gpu_layers: 0, n_parallel: 1, n_batch: 512, warmup: false, log_level: LOG_LEVEL });
  return { loadMs: performance.now() - began, version: String(Wllama.getLibllamaVersion()) };
}

/** @param {Extract<Request, { type: 'complete' }>} request @returns {Promise<Completed>} */
async function complete({ prompt, tokens }) {
  const { timings } = await wllama.createCompletion({
    prompt, max_tokens: tokens, temperature: 0, ignore_eos: true, cache_prompt: false, stream: false, logit_bias: ANSWER,
  });
  // The first token comes out of the prompt's pass, but is counted.
  const written = timings.predicted_n - 1;
  return {
    promptTokens: timings.prompt_n,
    prefillPerSecond: timings.prompt_per_second,
    tokens: written,
    decodePerSecond: (written * 1000) / timings.predicted_ms,
  };
}

async function exit() {
  await wllama?.exit();
  wllama = null;
}

addEventListener('message', ({ origin, ports: [port] }) => {
  if (origin !== location.origin || !port) return;
  port.onmessage = async ({ data: { id, request } }) => {
    try {
      const { type } = /** @type {Request} */ (request);
      const value = await (type === 'load' ? load(request) : type === 'complete' ? complete(request) : exit());
      port.postMessage({ id, value });
    } catch (error) {
      port.postMessage({ id, error: complaints[0] ?? (error instanceof Error ? error.message : String(error)) });
    }
  };
  port.postMessage({ id: 0 });
});
