// The page of harness-wasm.mjs: one worker for the tests, and threads over the same memory for their pools.

/**
 * @typedef {{ type: 'names', names: string[] }
 *   | { type: 'start' | 'passed', index: number, name: string }
 *   | { type: 'ignored', index: number, name: string, text: string }
 *   | { type: 'panic' | 'failed', text: string }
 *   | { type: 'done' | 'restart' }} Said what the tests say to the harness
 */

/** @param {Said} said */
const report = (said) => void Reflect.get(globalThis, 'report')(said);

/** @type {Worker[]} */
let workers = [];

/**
 * Runs the tests from an index on, until one fails.
 * @param {number} from
 * @param {number} threads
 * @param {string} filter part of the names of those to run
 */
async function runTests(from, threads, filter) {
  if (!crossOriginIsolated) throw new Error('the page is not isolated');
  for (const worker of workers) worker.terminate();
  workers = Array.from({ length: 1 + threads }, () => new Worker('/harness/wasm-worker.js', { type: 'module' }));
  const module = await WebAssembly.compileStreaming(fetch('/tests/tests_bg.wasm'));
  // As in the runtime, and with room for the tests' own data.
  const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65535, shared: true });
  const [runner, ...compute] = workers;
  const ready = workers.map(
    (worker) =>
      /** @type {Promise<void>} */ (
        new Promise((resolve) => {
          worker.onmessage = ({ data }) => (data === 'ready' ? resolve() : report(data));
          worker.onerror = (event) => report({ type: 'failed', text: `worker: ${event.message}` });
        })
      ),
  );
  // The first one initializes the memory, and calls only when all threads are there: a worker may not start while
  // its creator waits.
  runner?.postMessage({ module, memory });
  await ready[0];
  for (const worker of compute) worker.postMessage({ module, memory, thread: true });
  await Promise.all(ready);
  runner?.postMessage({ from, filter });
}

Reflect.set(globalThis, 'runTests', runTests);
