// Starts the engine: one WebAssembly module over one shared memory, in the engine worker and in every compute worker.
import { wasmUrl } from './glue.js';
import { provideWaitAsync } from './wait-async.js';

/** @import { WireError } from './error.js' */
/** @import { Glue } from './glue.js' */
/** @import { EngineStart, FromThread, ToThread } from './protocol.js' */
/** @import { WasmPool } from './wasm/relaxed/bitnet_web.js' */

/** Pages of 64 KiB that a fresh memory has: enough for the module's data and the first stack. */
const INITIAL_PAGES = 256;

/**
 * Maximum sizes to try, largest first: where address space is short (phones, 32-bit browsers) engines refuse 4 GiB. One
 * page less than 4 GiB, so that every length still fits 32 bits.
 */
const MAXIMUM_PAGES = [65535, 49152, 32768, 24576, 16384, 8192, 4096];

/**
 * Compiles and starts the build, in this worker and in the compute workers behind the ports.
 * @param {Glue} glue
 * @param {EngineStart} start
 * @returns {Promise<WasmPool>} the pool, which compute workers have entered
 */
export async function instantiate(glue, { variant, wasmBase, ports, measureThreads }) {
  const module = await compile(wasmUrl(variant, wasmBase));
  const { memory, maximum } = createMemory();
  provideWaitAsync();
  await glue.default({ module_or_path: module, memory });
  glue.prepare(maximum);
  // Nothing may block before every worker is ready: a worker may not start while its creator waits.
  await Promise.all(ports.map((port) => join(port, module, memory)));
  const pool = new glue.WasmPool(ports.length + 1, measureThreads);
  ports.forEach((port, i) => {
    port.postMessage(/** @type {ToThread} */ ({ type: 'enter', ticket: pool.ticket(), index: i + 1 }));
  });
  return pool;
}

/**
 * @param {MessagePort} port
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 * @returns {Promise<void>}
 */
function join(port, module, memory) {
  return new Promise((resolve) => {
    port.onmessage = (/** @type {MessageEvent<FromThread>} */ { data }) => {
      if (data.type === 'ready') resolve();
    };
    port.postMessage(/** @type {ToThread} */ ({ type: 'join', module, memory }));
  });
}

/** The smallest module: it holds nothing. */
const EMPTY_MODULE = new Uint8Array([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);

/** A policy can forbid WebAssembly: that is said before a megabyte is fetched for nothing. */
function requireCompilation() {
  try {
    new WebAssembly.Module(EMPTY_MODULE);
  } catch (cause) {
    const message =
      "The Content-Security-Policy of the page, or of the worker's script, forbids WebAssembly: its script-src needs " +
      `'wasm-unsafe-eval' (${cause}).`;
    throw /** @type {WireError} */ ({ code: 'unsupported', message, details: { directive: 'script-src', needs: "'wasm-unsafe-eval'" } });
  }
}

/**
 * Fetches and compiles a module.
 * @param {URL} url
 * @returns {Promise<WebAssembly.Module>}
 */
export async function compile(url) {
  requireCompilation();
  let response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw /** @type {WireError} */ ({ code: 'network', message: `The engine's file ${url.href} could not be fetched: ${cause}` });
  }
  if (!response.ok) {
    const message = `The engine's file ${url.href} could not be fetched: HTTP status ${response.status}.`;
    throw /** @type {WireError} */ ({ code: 'network', message, details: { status: response.status } });
  }
  try {
    // Compiling while downloading needs the right type from the server; without it, compile afterwards.
    const streams = response.headers.get('Content-Type')?.startsWith('application/wasm');
    return await (streams ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()));
  } catch (cause) {
    const message = `The engine's file ${url.href} is not the WebAssembly that belongs to this version: ${cause}`;
    throw /** @type {WireError} */ ({ code: 'unsupported', message });
  }
}

/** @returns {{ memory: WebAssembly.Memory, maximum: number }} the maximum in pages */
function createMemory() {
  for (const maximum of MAXIMUM_PAGES) {
    try {
      return { memory: new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared: true }), maximum };
    } catch {
      // refused: try less
    }
  }
  throw /** @type {WireError} */ ({
    code: 'out_of_memory',
    message: 'The browser refused even 256 MiB of shared memory. Close other tabs, or unload other models.',
  });
}

