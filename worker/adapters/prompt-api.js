// The browser's Prompt API (https://webmachinelearning.github.io/prompt-api/) over a model of this library.
import { unlessAborted } from '../abort.js';
import { checkModel } from './loaded-model.js';
import { readInput } from './prompt-input.js';
import { domError, KEY, quotaExceeded, Session } from './prompt-session.js';

/** @import { GenerateOptions } from '../schema.js' */
/** @import { Model } from '../model.js' */
/** @import { Sampling } from './prompt-session.js' */

export { Session };

/** @typedef {'unavailable' | 'downloadable' | 'downloading' | 'available'} Availability */
/** @typedef {{ type: 'text', value: string }} PromptContent */
/** @typedef {{ role: 'system' | 'user' | 'assistant', content: string | PromptContent[], prefix?: boolean }} PromptMessage */
/** @typedef {string | PromptMessage[]} PromptInput */
/** @typedef {{ signal?: AbortSignal, responseConstraint?: object | RegExp, omitResponseConstraintInput?: boolean }} PromptOptions */
/** @typedef {{ name: string, description: string, inputSchema: object, execute: (...args: any[]) => Promise<string> }} PromptTool */
/** @typedef {'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative'} SamplingMode */
/** @typedef {{ defaultTopK: number, maxTopK: number, defaultTemperature: number, maxTemperature: number }} PromptParams */

/**
 * @typedef {object} CreateOptions
 * @property {PromptMessage[]} [initialPrompts] they stay, whatever a full context drops
 * @property {{ type: string, languages?: string[] }[]} [expectedInputs]
 * @property {{ type: string, languages?: string[] }[]} [expectedOutputs]
 * @property {PromptTool[]} [tools]
 * @property {SamplingMode} [samplingMode]
 * @property {number} [topK]
 * @property {number} [temperature]
 * @property {AbortSignal} [signal] destroys the session too, once there is one
 * @property {(monitor: EventTarget) => void} [monitor]
 */

/** @typedef {(onProgress: (loaded: number) => void, signal: AbortSignal) => Promise<Model>} LoadModel `loaded` goes from 0 to 1 */

/**
 * The class itself: sessions are made by `create`.
 * @typedef {object} LanguageModelClass
 * @property {(options?: CreateOptions) => Promise<Availability>} availability whether a session can be had at once
 * @property {(options?: CreateOptions) => Promise<Session>} create
 * @property {() => Promise<PromptParams>} params what `topK` and `temperature` may be
 * @property {Session} prototype
 */

/** @type {Record<SamplingMode, GenerateOptions & { topK: number, temperature: number }>} */
const SAMPLING = {
  'most-predictable': { temperature: 0, topK: 1 },
  predictable: { temperature: 0.3, topK: 40, topP: 0.9 },
  balanced: { temperature: 0.7, topK: 40, topP: 0.95 },
  creative: { temperature: 1, topK: 40, topP: 0.95 },
  'most-creative': { temperature: 1.3, topK: 128, minP: 0.05 },
};

/** @type {PromptParams} */
const PARAMS = { defaultTopK: 40, maxTopK: 128, defaultTemperature: 0.7, maxTemperature: 2 };

/**
 * A class `LanguageModel` as the Prompt API describes it.
 * @param {Model | LoadModel} source a loaded model, or what loads it for the first session: all sessions share it
 * @returns {LanguageModelClass}
 */
export function promptApi(source) {
  const loader = new Loader(source);

  return class LanguageModel extends Session {
    /** @param {CreateOptions} [options] @returns {Promise<Availability>} */
    static async availability(options = {}) {
      samplingOf(options);
      return isText(options) ? loader.availability : 'unavailable';
    }

    /** @returns {Promise<PromptParams>} */
    static async params() {
      return { ...PARAMS };
    }

    /** @param {CreateOptions} [options] @returns {Promise<LanguageModel>} */
    static async create(options = {}) {
      const { signal, initialPrompts = [], tools = [] } = options;
      const sampling = samplingOf(options);
      const messages = [...initialPrompts].length > 0 ? readInput(initialPrompts, false).messages : [];
      signal?.throwIfAborted();
      if (!isText(options)) throw new DOMException('Models here read and write text only.', 'NotSupportedError');
      const listen = monitored(options.monitor);
      try {
        const model = await loader.load(listen, signal);
        listen(1);
        const chat = model.chat({
          ...sampling.options,
          messages,
          keep: messages.filter(({ role }) => role !== 'system').length,
          ...(tools.length > 0 && { tools: tools.map(({ name, description, inputSchema }) => ({ type: 'function', function: { name, description, parameters: inputSchema } })) }),
          onFull: 'truncate',
        });
        const usage = await unlessAborted(chat.countTokens(), signal);
        const quota = model.info.contextLength;
        if (usage >= quota) throw quotaExceeded(`The initial prompts have ${usage} tokens, the context ${quota}: shorten them.`, usage, quota);
        return new LanguageModel(KEY, { model, chat, tools, sampling, usage, signal });
      } catch (error) {
        throw domError(error);
      }
    }
  };
}

/**
 * Puts a `LanguageModel` among the page's globals, where the browser has none of its own.
 * @param {Model | LoadModel} source
 * @returns {boolean} whether it was put there
 */
export function installPromptApi(source) {
  if ('LanguageModel' in globalThis) return false;
  Object.defineProperty(globalThis, 'LanguageModel', { value: promptApi(source), configurable: true, writable: true });
  return true;
}

/** The one model of all sessions, loaded for the first. */
class Loader {
  #source;
  /** @type {Promise<Model> | undefined} */
  #loading;
  #isLoaded = false;
  /** @type {Set<(loaded: number) => void>} */
  #listeners = new Set();
  #abort = new AbortController();

  /** @param {Model | LoadModel} source */
  constructor(source) {
    this.#source = source;
    if (typeof source === 'function') return;
    this.#loading = Promise.resolve(checkModel(source));
    this.#isLoaded = true;
  }

  /** @returns {Availability} */
  get availability() {
    return this.#isLoaded ? 'available' : this.#loading ? 'downloading' : 'downloadable';
  }

  /**
   * The model. What is loaded for several sessions is aborted once none of them waits any more.
   * @param {(loaded: number) => void} listen
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Model>}
   */
  async load(listen, signal) {
    this.#listeners.add(listen);
    const loading = (this.#loading ??= this.#begin());
    loading.catch(() => this.#loading === loading && (this.#loading = undefined)); // the next session tries again
    try {
      return await unlessAborted(loading, signal);
    } finally {
      this.#listeners.delete(listen);
      if (!this.#isLoaded && this.#listeners.size === 0 && this.#loading === loading) {
        this.#loading = undefined;
        this.#abort.abort(signal?.reason);
      }
    }
  }

  /** @returns {Promise<Model>} */
  async #begin() {
    this.#abort = new AbortController();
    const model = await /** @type {LoadModel} */ (this.#source)((loaded) => this.#listeners.forEach((listen) => listen(loaded)), this.#abort.signal);
    this.#isLoaded = true;
    return model;
  }
}

/** @param {CreateOptions} options */
function isText({ expectedInputs = [], expectedOutputs = [] }) {
  return [...expectedInputs, ...expectedOutputs].every(({ type }) => type === 'text' || type === 'tool-call' || type === 'tool-response');
}

/** @param {CreateOptions} options @returns {Sampling} */
function samplingOf({ samplingMode: mode = 'balanced', samplingMode, topK, temperature }) {
  if (!Object.hasOwn(SAMPLING, mode)) throw new TypeError(`samplingMode: expected one of ${Object.keys(SAMPLING).join(', ')}, found ${mode}.`);
  if (topK === undefined && temperature === undefined) {
    const options = SAMPLING[mode];
    return { mode, topK: options.topK, temperature: options.temperature, options };
  }
  if (samplingMode !== undefined) throw new TypeError('samplingMode stands in place of topK and temperature: leave one of them out.');
  if (topK === undefined || temperature === undefined) throw new TypeError('topK and temperature belong together: give both, or none.');
  if (!(topK >= 1)) throw new RangeError(`topK: expected a number of 1 or more, found ${topK}.`);
  if (!(temperature >= 0)) throw new RangeError(`temperature: expected a number of 0 or more, found ${temperature}.`);
  // What is larger counts as the largest, as the specification has it.
  const options = { topK: Math.floor(Math.min(topK, PARAMS.maxTopK)), temperature: Math.min(temperature, PARAMS.maxTemperature) };
  return { mode, ...options, options };
}

/**
 * Tells the progress of a load, from 0 to 1, as far as somebody listens.
 * @param {CreateOptions['monitor']} monitor
 * @returns {(loaded: number) => void}
 */
function monitored(monitor) {
  if (monitor === undefined) return () => {};
  const target = Object.assign(new EventTarget(), { ondownloadprogress: /** @type {((event: Event) => any) | null} */ (null) });
  target.addEventListener('downloadprogress', (event) => target.ondownloadprogress?.(event));
  monitor(target);
  let last = -1;
  const tell = (/** @type {number} */ loaded) => {
    if (!(loaded > last)) return;
    last = loaded;
    target.dispatchEvent(progressEvent(Math.min(loaded, 1)));
  };
  tell(0);
  return tell;
}

/** @param {number} loaded */
function progressEvent(loaded) {
  const progress = { loaded, total: 1, lengthComputable: true };
  const event = globalThis.ProgressEvent && new ProgressEvent('downloadprogress', progress);
  // Browsers whose events know whole numbers only, and places without such events.
  return event?.loaded === loaded ? event : Object.defineProperties(new Event('downloadprogress'), Object.getOwnPropertyDescriptors(progress));
}
