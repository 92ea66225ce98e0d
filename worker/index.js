// The public API of bitnet-web.
import { Cache } from './cache.js';
import { Chat, ChatStream } from './chat/chat.js';
import { compare } from './compare.js';
import { SavedChats } from './chat/store.js';
import { WorkerGroup } from './worker-group.js';
import { BitNetError } from './error.js';
import { warmUp, warmUpShared } from './health.js';
import { requirePlatform } from './launch.js';
import { LocalEngine } from './local-engine.js';
import { LoraAdapters } from './lora.js';
import { Model } from './model.js';
import { checkWorkerOptions, checkLoadOptions, resolveAddress } from './options.js';
import { KERNELS } from './schema.js';
import { ChunkStream } from './openai/completions.js';
import { OpenAIError } from './openai/error.js';
import { OpenAI } from './openai/openai.js';
import { choosePreset, measureDevice, withPreset } from './preset.js';
import { ResponseCache, Responses } from './responses.js';
import { sharedKey } from './shared/key.js';
import { SharedEngine } from './shared/shared-engine.js';
import { isAddressed, wireSource } from './source.js';
import { chooseThreads } from './threads.js';
import { chooseVariant, measureFeatures, sharesMemory } from './variant.js';

/** @import { CompareOptions, ComparedSetting, Comparison } from './compare.js' */
/** @import { PresetChoice } from './preset.js' */
/** @import { Source } from './source.js' */
/** @import { LoadOptions, WorkerOptions } from './schema.js' */
/** @import { ModelInfo, Probe, Progress, SelfTest } from './protocol.js' */

export { BitNetError, Chat, ChatStream, ChunkStream, Model, OpenAI, OpenAIError };
export { TokenStream } from './stream.js';
export * from './types.js';

/** Silence of a worker that means its death, in milliseconds. */
const WATCHDOG = 30_000;

/** Silence that means death while the kernels are compared, which is one long step; in milliseconds. */
const SELF_TEST_WATCHDOG = 300_000;

/** The fastest kernel by variant and wish of threads, as the first load of this page measured it. @type {Map<string, string>} */
const fastest = new Map();

/** A download of at least this many bytes is worth asking the browser to keep it. */
const LARGE = 64 * 1024 * 1024;

/** Where the last call found its workers: `BitNet.cache` needs the same. @type {Pick<LoadOptions, 'workerUrl' | 'wasmBase'>} */
let place = {};

let hinted = false;
let asked = false;

/** Once a page: what threads need. */
function hintAtIsolation() {
  if (hinted) return;
  hinted = true;
  console.info(
    'bitnet-web: this page cannot share memory with workers, so one thread does all the work. Serve it with ' +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp (or credentialless) to use more.',
  );
}

/**
 * Starts the workers.
 * @param {WorkerOptions} options already checked
 * @param {number} [mostThreads] of `threads: 'auto'`
 * @returns {WorkerGroup}
 */
function startGroup({ variant = 'auto', threads = 'auto', workerUrl, wasmBase, watchdog = WATCHDOG }, mostThreads = Infinity) {
  requirePlatform();
  const isolated = sharesMemory();
  const chosen = chooseVariant(measureFeatures(), variant);
  const count = chooseThreads(threads, isolated, Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, mostThreads));
  if (!isolated && threads !== 1) hintAtIsolation();
  return new WorkerGroup({
    variant: chosen,
    threads: count,
    measureThreads: threads === 'auto',
    isolated,
    workerUrl: workerUrl === undefined ? undefined : resolveAddress(workerUrl),
    wasmBase: wasmBase === undefined ? undefined : resolveAddress(wasmBase).replace(/\/?$/, '/'),
    watchdog,
    onStarted: () => void (place = { workerUrl, wasmBase }),
  });
}

/**
 * Starts workers for one piece of work without a model, and ends them.
 * @template T
 * @param {WorkerOptions} options already checked
 * @param {(group: WorkerGroup) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withGroup(options, work) {
  options.signal?.throwIfAborted();
  const group = startGroup(options);
  try {
    return await work(group);
  } finally {
    group.dispose(new BitNetError('unloaded', 'The workers have done their work.'));
  }
}

/**
 * Before a large download: asks the browser, once a page, not to clear the storage by itself.
 * @param {Progress} progress
 */
function askToKeep({ phase, total = 0 }) {
  if (asked || phase !== 'download' || total < LARGE) return;
  asked = true;
  BitNet.cache.persist().catch(() => {}); // it is kept as long as the browser likes, then
}

/** What the option `preset` comes to on this device. @param {LoadOptions} options already checked */
async function presetOf({ preset, threads, context, precision, maxConcurrent }) {
  if (preset === undefined) return undefined;
  return choosePreset(preset, await measureDevice(sharesMemory()), { threads, context, precision, maxConcurrent });
}

/**
 * @param {Source} source
 * @param {LoadOptions} options already checked
 * @returns {ResponseCache | undefined}
 */
function responseCacheOf(source, { responseCache = false, cache }) {
  if (responseCache === false) return undefined;
  if (cache === false || !isAddressed(source)) {
    const why = cache === false ? 'with cache: false nothing of this model may be kept' : 'the source is no address, and nothing of it is kept';
    throw new BitNetError('invalid_argument', `responseCache: ${why}, so its answers are not either.`, { details: { option: 'responseCache' } });
  }
  return new ResponseCache(responseCache === true ? {} : responseCache);
}

/**
 * Loads a model into workers of its own.
 * @param {Source} source
 * @param {LoadOptions} options already checked
 * @param {PresetChoice | undefined} preset
 * @param {Pick<LoadOptions, 'signal' | 'onProgress'>} caller
 * @returns {Promise<{ group: WorkerGroup, info: ModelInfo }>}
 */
async function loadGroup(source, options, preset, { signal, onProgress }) {
  const { wire, ports, transfer, release } = await wireSource(source, options);
  /** @type {WorkerGroup | undefined} */
  let group;
  try {
    group = startGroup(options, preset?.options.threads);
    const setting = `${group.variant} ${options.threads ?? preset?.options.threads ?? 'auto'}`;
    const wireOptions = withPreset(checkLoadOptions(options), preset);
    const kernel = wireOptions.kernel ?? fastest.get(setting);
    const info = await group.call('load', { source: wire, options: { ...wireOptions, ...ports, kernel } }, {
      signal,
      transfer,
      onEvent: (event) => {
        if (event.type !== 'progress') return;
        if (options.cache !== false) askToKeep(event.progress);
        onProgress?.(event.progress);
      },
    });
    if (kernel === undefined) fastest.set(setting, info.kernel);
    return { group, info: preset ? { ...info, preset } : info };
  } catch (error) {
    group?.dispose(new BitNetError('unloaded', 'The model was not loaded.'));
    throw error;
  } finally {
    release();
  }
}

/**
 * @param {LoraAdapters} lora
 * @param {LoadOptions} options
 */
async function loadAdapters(lora, { adapters = [], cache, evict, network, headers, hfBase, signal, onProgress }) {
  for (const { source, ...own } of adapters) {
    await lora.load(source, { cache, evict, network, headers, hfBase, signal, onProgress, ...own });
  }
}

/**
 * Makes a model ready whose adapters are there.
 * @param {{ group: WorkerGroup, info: ModelInfo }} loaded
 * @param {LoadOptions} options
 */
async function prepare({ group, info }, { warmUp: isWanted, signal }) {
  if (isWanted) await warmUp(group, info, signal);
}

/** Whether a source can be read more than once. @param {Source} source */
function isLasting(source) {
  return typeof source === 'string' || source instanceof URL || source instanceof Blob || Array.isArray(source) || (typeof FileList !== 'undefined' && source instanceof FileList);
}

/**
 * What loads a model anew into other workers. Functions of the caller are left out: they may lead to the model, which nobody would
 * ever forget then.
 * @param {Source} source
 * @param {LoadOptions} options
 * @param {PresetChoice | undefined} preset
 */
function reloadOf(source, options, preset) {
  const plain = withoutFunctions(options);
  return () => loadGroup(source, plain, preset, {});
}

/** @param {LoadOptions} options @returns {LoadOptions} */
function withoutFunctions({ signal, onProgress, guards, adapters, headers, ...options }) {
  return { ...options, ...headersAsData(headers) };
}

/** @param {LoadOptions['headers']} headers */
function headersAsData(headers) {
  return typeof headers === 'object' && { headers: { ...headers } };
}

/**
 * Loads a model whose engine all tabs of the origin share.
 * @param {Source} source
 * @param {LoadOptions} options already checked
 * @param {PresetChoice | undefined} preset
 * @param {ResponseCache | undefined} responses
 * @returns {Promise<Model>}
 */
async function loadShared(source, options, preset, responses) {
  const { signal, onProgress, hidden, onLeaderLost = 'repeat', watchdog = WATCHDOG, adapters = [] } = options;
  const setting = { variant: chooseVariant(measureFeatures(), options.variant ?? 'auto'), isolated: sharesMemory() };
  // Tabs whose presets come to the same share an engine.
  const key = await sharedKey(source, withPreset(options, preset), { ...setting, mostThreads: preset?.options.threads });
  const plain = withoutFunctions(options);
  const named = adapters.map(({ signal: _, onProgress: __, headers, ...own }) => ({ ...own, ...headersAsData(headers) }));
  const load = async (/** @type {(progress: Progress) => void} */ onProgress, /** @type {AbortSignal} */ signal) => {
    const loaded = await loadGroup(source, plain, preset, { signal, onProgress });
    try {
      await loadAdapters(new LoraAdapters(loaded.group), { ...plain, adapters: named, signal, onProgress });
      await prepare(loaded, { ...plain, signal });
    } catch (error) {
      loaded.group.dispose(new BitNetError('unloaded', 'The model was not loaded.'));
      throw error;
    }
    return loaded;
  };
  const engine = new SharedEngine(key, { load, onLeaderLost, pauses: hidden === 'pause', watchdog });
  const info = await engine.join({ signal, onProgress });
  try {
    // Whoever leads has not been asked for it, maybe.
    if (options.warmUp && engine.status.shared === 'follower') await warmUpShared(engine, signal);
  } catch (error) {
    await engine.close(new BitNetError('unloaded', 'The model was not loaded.'));
    throw error;
  }
  return new Model(engine, preset ? { ...info, preset } : info, { ...options, responses });
}

/** Runs ternary language models in this page. */
export const BitNet = {
  /**
   * The names that the option `kernel` takes besides `auto`, the plain reference first. Which of them a browser can run
   * depends on the build that it takes: see `selfTest`.
   */
  kernels: KERNELS,

  /**
   * Loads a model: from an address (also `hf:owner/repo/file.gguf`, or `hf:owner/repo` for a folder of safetensors), a File or
   * Blob, an array of the Files of such a folder, a Response, an ArrayBuffer or a
   * stream of bytes.
   * @param {Source} source
   * @param {LoadOptions} [options]
   * @returns {Promise<Model>}
   */
  async load(source, options = {}) {
    checkLoadOptions(options);
    options.signal?.throwIfAborted();
    requirePlatform();
    const responses = responseCacheOf(source, options);
    const preset = await presetOf(options);
    if (options.shared === true) return loadShared(source, options, preset, responses);
    const { group, info } = await loadGroup(source, options, preset, options);
    const reload = isLasting(source) ? reloadOf(source, options, preset) : undefined;
    const engine = new LocalEngine(group, { reload, pauses: options.hidden === 'pause' });
    const model = new Model(engine, info, { ...options, responses });
    try {
      await loadAdapters(model.adapters, options);
      await prepare({ group, info }, options);
    } catch (error) {
      await model.unload();
      throw error;
    }
    return model;
  },

  /**
   * Compares every kernel with the plain reference in this very browser, and measures how fast each is.
   * @param {WorkerOptions & { seed?: number | undefined }} [options] the seed chooses the random cases
   * @returns {Promise<SelfTest>}
   */
  async selfTest({ seed = 1, ...options } = {}) {
    checkWorkerOptions('selfTest', options);
    const { signal, watchdog = SELF_TEST_WATCHDOG } = options;
    return withGroup({ ...options, watchdog }, (group) => group.call('selfTest', { seed }, { signal }));
  },

  /**
   * Tells the properties and needs of a model, by reading its header alone.
   * @param {Source} source
   * @param {LoadOptions} [options] as for `load`
   * @returns {Promise<Probe>}
   */
  async probe(source, options = {}) {
    const checked = checkLoadOptions(options);
    const { signal } = options;
    requirePlatform();
    const wireOptions = withPreset(checked, await presetOf(options));
    const { wire, ports, transfer, release } = await wireSource(source, options);
    try {
      return await withGroup(options, (group) => group.call('probe', { source: wire, options: { ...wireOptions, ...ports } }, { signal, transfer }));
    } finally {
      release();
    }
  },

  /**
   * Compares settings of a load on this device: threads, kernels, precision, contexts. Every round gives each setting its turn: the
   * model is loaded from the browser's storage, warmed up, answers once, and is unloaded, one model at a time.
   * @param {Source} source an address, a File, or an array of the Files of a folder
   * @param {readonly ComparedSetting[]} settings options of `load`, each with a `label` where its options are no name
   * @param {CompareOptions} [options]
   * @returns {Promise<Comparison>} a row for each setting, also for those that failed, and the same in Markdown
   */
  async compare(source, settings, options = {}) {
    return compare((source, options) => BitNet.load(source, options), source, settings, options);
  },

  /** The models that the browser's storage keeps. */
  cache: new Cache(() => startGroup({ threads: 1, ...place })),

  /** The conversations that the browser's storage keeps. */
  chats: new SavedChats(),

  /** The answers that the browser's storage keeps, where models are loaded with `responseCache`. */
  responses: new Responses(),
};
