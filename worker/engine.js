// The engine worker: owns the WebAssembly instance, answers the page's calls, leads the compute workers.
import { toWire } from './error.js';
import { streamFrom } from './byte-stream.js';
import { asker } from './headers.js';
import { embed } from './embed.js';
import { Generations } from './generation.js';
import { Grammars } from './grammar.js';
import { crashOf, glueOf, onPanic } from './glue.js';
import { instantiate } from './instance.js';
import { logits, scores } from './logits.js';
import { CallQueue } from './queue.js';
import { exportPrefix, importPrefix } from './saved-prefix.js';
import { nextTask } from './step.js';
import { tokenize } from './tokenize.js';
import { runTrial } from './trial.js';

/** @import { EngineCall, EngineStart, FromEngine, Progress, ToEngine, WireLoadOptions, WireSource } from './protocol.js' */
/** @import { WireError } from './error.js' */
/** @import { WasmModel, WasmPool } from './wasm/relaxed/bitnet_web.js' */

/**
 * Calls that compute, other than generations, run one after the other, between two steps of the generations; the others are
 * answered between any two steps.
 */
const queue = new CallQueue();

/** Trials do not wait for other calls: whether these are stuck is what they are to tell. */
const trials = new CallQueue();

/** @type {EngineStart | undefined} */
let settings;
/** The threads, until a model takes them over. @type {Promise<WasmPool> | undefined} */
let pool;
/** @type {WasmModel | undefined} */
let model;
/** @type {Generations | undefined} */
let generations;
let vocabulary = 0;
/** The page wants generations to rest. */
let isPaused = false;
/** Calls that have come and were not answered. @type {Map<number, EngineCall>} */
const open = new Map();
/** The last call that has come. */
let lastSeen = 0;
/** The last word was said. */
let dead = false;

/** @param {FromEngine} message @param {Transferable[]} [transfer] */
function post(message, transfer = []) {
  self.postMessage(message, { transfer });
}

/** @param {WireSource} source */
function openSource(source) {
  switch (source.kind) {
    case 'url':
      return { url: source.url };
    case 'blob':
      return { blob: source.blob, name: source.name };
    case 'files':
      return { files: source.files };
    case 'port':
      return { stream: streamFrom(source.port), length: source.length };
  }
}

/**
 * Where the page decides by the address which headers are sent, it is asked through a port.
 * @param {WireLoadOptions} options
 */
function withHeaders({ headersPort, ...options }) {
  return headersPort === undefined ? options : { ...options, askHeaders: asker(headersPort) };
}

/** @param {Extract<EngineCall, { method: 'load' }>} call */
async function load({ id, args }) {
  if (settings === undefined || pool === undefined) throw { code: 'internal', message: 'The engine was not started, or has loaded before.' };
  const { variant, isolated, wasmBase } = settings;
  const threads = await pool;
  pool = undefined;
  const onProgress = (/** @type {Progress} */ progress) => post({ type: 'progress', id, progress });
  model = await glueOf(variant).load(openSource(args.source), withHeaders(args.options), threads, onProgress);
  generations = new Generations(model, new Grammars(model, wasmBase));
  generations.pause(isPaused);
  const info = model.info();
  vocabulary = info.vocabulary;
  return { ...info, variant, isolated };
}

/**
 * An adapter is read while other calls compute, and counts for those that come after this one.
 * @param {Extract<EngineCall, { method: 'adapters' }>} call
 * @param {WasmModel} ready
 */
async function adapters({ id, args }, ready) {
  if (args.action !== 'load') return queue.run(id, () => changeAdapters(args, ready));
  const { variant } = /** @type {EngineStart} */ (settings);
  const onProgress = (/** @type {Progress} */ progress) => post({ type: 'progress', id, progress });
  const adapter = await glueOf(variant).readAdapter(openSource(args.source), withHeaders(args.options), onProgress);
  return queue.run(id, () => {
    ready.addAdapter(args.name, adapter, args.weight);
    return ready.adapters();
  });
}

/**
 * @param {Exclude<Extract<EngineCall, { method: 'adapters' }>['args'], { action: 'load' }>} args
 * @param {WasmModel} ready
 */
function changeAdapters(args, ready) {
  if (args.action === 'enable') ready.enableAdapter(args.name, args.weight);
  else if (args.action === 'disable') ready.disableAdapter(args.name);
  else if (args.action === 'unload') ready.removeAdapter(args.name);
  return ready.adapters();
}

/** @param {Extract<EngineCall, { method: 'selfTest' }>} call */
async function selfTest({ args }) {
  const { variant } = /** @type {EngineStart} */ (settings);
  return glueOf(variant).selfTest(/** @type {WasmPool} */ (await pool), args.seed);
}

/** @param {Extract<EngineCall, { method: 'probe' }>} call */
async function probe({ args }) {
  if (settings === undefined || pool === undefined) throw { code: 'internal', message: 'The engine was not started, or has loaded before.' };
  const { variant, isolated } = settings;
  const workers = await pool;
  const threads = workers.threads;
  pool = undefined;
  const found = await glueOf(variant).probe(openSource(args.source), withHeaders(args.options), workers);
  return { ...found, variant, isolated, threads };
}

/** @param {Extract<EngineCall, { method: 'cache' }>} call */
async function cache({ args: { action, address = '', hfBase, bytes = 0 } }) {
  if (settings === undefined) throw { code: 'internal', message: 'The engine was not started.' };
  await pool;
  return glueOf(settings.variant).cache(action, address, hfBase, bytes);
}

/**
 * @param {EngineCall} call
 * @returns {Promise<unknown>}
 */
async function answer(call) {
  if (call.method === 'load') return load(call);
  if (call.method === 'selfTest') return selfTest(call);
  if (call.method === 'probe') return probe(call);
  if (call.method === 'cache') return cache(call);
  if (model === undefined || generations === undefined) throw { code: 'internal', message: 'The engine was asked before a model was loaded.' };
  const ready = model;
  switch (call.method) {
    case 'generate':
      return generations.run(call.id, call.args, (told) => post({ ...told, id: call.id }));
    case 'exportPrefix':
      return queue.run(call.id, (state) => exportPrefix(ready, call.args, state));
    case 'importPrefix':
      return queue.run(call.id, (state) => importPrefix(ready, call.args, state));
    case 'countTokens':
      return ready.countTokens(call.args.prompt, call.args.options);
    case 'perplexity':
      return queue.run(call.id, (state) => scores(ready, call.args.text, state));
    case 'adapters':
      return adapters(call, ready);
    case 'tokenize':
      return tokenize(ready, new (glueOf(/** @type {EngineStart} */ (settings).variant).WasmEncoding)(call.args.text));
    case 'detokenize':
      return ready.detokenize(call.args.ids);
    case 'chatPrompt':
      return ready.chatPrompt(call.args.messages, call.args.options);
    case 'logits':
      return queue.run(call.id, (state) => logits(ready, call.args, vocabulary, state));
    case 'embed':
      return queue.run(call.id, (state) => embed(ready, call.args.texts, state));
    case 'logitsHash':
      return queue.run(call.id, () => ready.logitsHash());
    case 'readLimit':
      return queue.run(call.id, () => ready.readLimit(call.args.bytes));
    case 'releaseMemory':
      return { ...ready.releaseMemory(), memoryBytes: glueOf(/** @type {EngineStart} */ (settings).variant).memoryBytes() };
    case 'stats':
      return ready.stats();
    case 'responseKey':
      return ready.responseKey(call.args.prompt, call.args.chat, call.args.options);
    case 'wakeThreads':
      return ready.wakeThreads();
    case 'trial':
      return trials
        .run(call.id, (state) => runTrial(ready, call.args, state))
        .finally(() => isPaused && ready.setPaused(true)); // it has woken the threads
    case 'matrices':
      return ready.matrices();
    case 'weightTile': {
      const { name, row, rows, col, cols } = call.args;
      return ready.weightTile(name, row, rows, col, cols);
    }
    case 'countWeights':
      return ready.countWeights(call.args.name, call.args.row, call.args.limit);
    case 'threadLoad':
      return { at: performance.now(), busy: ready.threadLoad(call.args.measured) };
    case 'memoryBytes':
      return glueOf(/** @type {EngineStart} */ (settings).variant).memoryBytes();
  }
}

/** @param {EngineCall} call */
async function serve(call) {
  lastSeen = call.id;
  open.set(call.id, call);
  try {
    const value = await answer(call);
    const transfer = ArrayBuffer.isView(value) ? [/** @type {ArrayBuffer} */ (value.buffer)] : [];
    post({ type: 'result', id: call.id, value }, transfer);
  } catch (thrown) {
    const crash = settings && crashOf(glueOf(settings.variant), thrown);
    if (crash) lastWord(crash);
    else post({ type: 'failure', id: call.id, error: toWire(thrown) });
  }
  open.delete(call.id);
}

/**
 * The instance can no longer be trusted: the page ends this worker and rejects every call.
 * @param {WireError} error
 */
function lastWord(error) {
  if (dead) return;
  dead = true;
  post({ type: 'crash', error });
}

/**
 * An error that nobody caught has ended a task, and whatever waits for that task would wait for ever.
 * @param {unknown} thrown
 */
function uncaught(thrown) {
  const crash = settings && crashOf(glueOf(settings.variant), thrown);
  if (crash) return lastWord(crash);
  const { code, message } = toWire(thrown);
  if (code === 'out_of_memory') return lastWord({ code, message });
  lastWord({ code: 'crashed', message: `The engine stopped on an error that nothing had expected (${message}). Load the model again.` });
}

/**
 * Tells that this worker is alive, and whether somebody works on every call.
 * @param {number} lastCall the last one that was sent before the question
 */
async function pong(lastCall) {
  const { running } = queue;
  const steps = running?.steps;
  const generated = generations?.isBusy ? generations.steps : undefined;
  // A computation that goes on has asked for the event loop before, so it makes its next step first.
  await nextTask();
  const rests = generated !== undefined && generations?.isBusy && !generations.isPaused && generations.steps === generated;
  const isStuck = rests || (running !== undefined && running === queue.running && running.steps === steps);
  const isBroken = settings !== undefined && interrupted(settings);
  const isForgotten = lastSeen < lastCall || [...open.values()].some(({ method }) => AT_ONCE.has(method));
  post({ type: 'pong', lost: isStuck || isBroken || isForgotten });
}

/** Calls that are answered within one task of the event loop. @type {Set<EngineCall['method']>} */
const AT_ONCE = new Set(['detokenize', 'chatPrompt', 'countTokens', 'responseKey', 'stats', 'wakeThreads', 'memoryBytes', 'releaseMemory', 'matrices', 'weightTile', 'countWeights', 'threadLoad']);

/** @param {EngineStart} start */
function interrupted({ variant }) {
  try {
    return glueOf(variant).interrupted();
  } catch {
    return false; // not instantiated yet
  }
}

/** @param {boolean} paused */
function pause(paused) {
  isPaused = paused;
  generations?.pause(paused);
}

/** Ends the running step and lets the compute workers go, which wait inside the pool. */
async function close() {
  generations?.close();
  await Promise.all([queue.close(), trials.close()]);
  model?.free();
  post({ type: 'closed' });
}

onPanic(() => uncaught(undefined));
self.addEventListener('unhandledrejection', (event) => {
  event.preventDefault(); // the page is told
  uncaught(event.reason);
});
self.addEventListener('error', (event) => {
  event.preventDefault();
  uncaught(event.error ?? event.message);
});

self.onmessage = (/** @type {MessageEvent<ToEngine>} */ { data: message }) => {
  switch (message.type) {
    case 'start':
      settings = message;
      pool = instantiate(glueOf(message.variant), message);
      pool.catch(() => {}); // told by `load`, which awaits it
      return;
    case 'call':
      return void serve(message);
    case 'cancel':
      generations?.cancel(message.id);
      trials.cancel(message.id);
      return queue.cancel(message.id);
    case 'pause':
      return pause(message.paused);
    case 'stop':
      return generations?.stop(message.id);
    case 'ping':
      return void pong(message.lastCall);
    case 'close':
      return void close();
  }
};

post({ type: 'hello' });
