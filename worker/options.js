// Checks what callers pass in, on the page, so that a typo is told at once and not by a worker minutes later.
import { BitNetError } from './error.js';

/** @import { CacheMode, Message, NetworkOptions, Prompt, Progress, WireGenerateOptions, WireLoadOptions } from './protocol.js' */
/** @import { Variant } from './variant.js' */

/**
 * @typedef {object} LoadOptions
 * @property {'auto' | number} [threads] 1 to 64; `auto`, the default, starts with what the model's size
 *   suggests and goes on with what is fastest, by the time that its own tokens take; `model.info.threads` tells
 * @property {number} [context] tokens of prompt and answer together; by default what the model allows and memory holds
 * @property {'auto' | 'lut' | 'mad' | 'relaxed' | 'relaxed16' | 'scalar'} [kernel] `auto` (default) measures and picks
 * @property {'fast' | 'exact'} [precision] `fast` (default): int8 head and KV cache, logits of unlikely tokens estimated.
 *   `exact`: f32 KV cache, head in the file's own precision
 * @property {'auto' | Variant} [variant] the WebAssembly build; `auto` by default
 * @property {(progress: Progress) => void} [onProgress]
 * @property {AbortSignal} [signal]
 * @property {CacheMode} [cache] whether the file is kept in the browser's storage; true by default
 * @property {boolean} [evict] whether models that were not used for the longest time may be removed from the browser's
 *   storage where this one does not fit; false by default
 * @property {NetworkOptions} [network]
 * @property {string} [integrity] `sha256-` and the digest of the whole file in base64 or hex
 * @property {Record<string, string>} [headers] sent with every request for the file
 * @property {string | URL} [hfBase] where `hf:` addresses point, `https://huggingface.co/` by default
 * @property {string} [chatTemplate] instead of the file's own
 * @property {string} [preTokenizer] instead of the file's own, for example `llama-bpe`
 * @property {'x86' | 'arm'} [i2sLayout] bit order of I2_S tensors; `x86` by default
 * @property {string | URL} [workerUrl] address of `engine.js`; `compute.js` is taken from beside it
 * @property {string | URL} [wasmBase] folder that holds `relaxed/` and `simd128/`
 * @property {number} [watchdog] milliseconds without a sign of life after which a worker counts as dead; 0: never;
 *   30000 by default
 */

/** @typedef {Pick<LoadOptions, 'threads' | 'variant' | 'signal' | 'workerUrl' | 'wasmBase' | 'watchdog'>} CrewOptions */

/**
 * @typedef {object} GenerateOptions
 * @property {number} [maxTokens] by default what the context still holds
 * @property {number} [temperature] 0 (default) is greedy
 * @property {number} [topK] 0 (default) keeps all
 * @property {number} [topP] above 0, at most 1; 1 (default) keeps all
 * @property {number} [minP] 0 to 1; 0 (default) keeps all
 * @property {number} [repetitionPenalty] 1 (default) changes nothing
 * @property {number} [seed] the same seed gives the same text; random by default
 * @property {string | string[]} [stop] ends the answer where one of these would appear; at most 64. Control tokens, which
 *   an answer does not show, are written by name: `'<|eot_id|>'`
 * @property {number | string | (number | string)[]} [stopTokens] token ids, or the texts of tokens, that end the answer,
 *   besides the model's own ends
 * @property {boolean} [timeParts] whether `timings.parts` tells where the time went; false by default
 * @property {AbortSignal} [signal]
 */

/** @typedef {(value: any) => boolean} Check */

/** Largest values that fit the engine's integer types. */
const MAX_U32 = 2 ** 32 - 1;

/**
 * What each option must be, in words and as a test.
 * @typedef {Record<string, [expected: string, check: Check]>} Rules
 */

const NETWORK_OPTIONS = ['chunkBytes', 'requests', 'attempts', 'retryDelayMs', 'stallMs'];

/** @type {Rules} */
const LOAD_RULES = {
  threads: ["'auto' or a whole number from 1 to 64", (v) => v === 'auto' || isInteger(v, 1, 64)],
  context: [`a whole number from 1 to ${MAX_U32}`, (v) => isInteger(v, 1, MAX_U32)],
  kernel: oneOf('auto', 'lut', 'mad', 'relaxed', 'relaxed16', 'scalar'),
  precision: oneOf('fast', 'exact'),
  variant: oneOf('auto', 'relaxed', 'simd128'),
  onProgress: ['a function', (v) => typeof v === 'function'],
  signal: ['an AbortSignal', isSignal],
  cache: ["true, false, 'revalidate' or 'reload'", (v) => [true, false, 'revalidate', 'reload'].includes(v)],
  evict: ['true or false', (v) => typeof v === 'boolean'],
  network: [
    'an object with numbers of 0 or more for chunkBytes, requests, attempts, retryDelayMs or stallMs',
    (v) => isObject(v) && Object.entries(v).every(([key, x]) => NETWORK_OPTIONS.includes(key) && isNumber(x) && x >= 0),
  ],
  integrity: [
    "'sha256-' and a digest in base64 or hex",
    (v) => typeof v === 'string' && /^sha256-([A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64})$/.test(v),
  ],
  headers: ['an object of strings', (v) => isObject(v) && Object.values(v).every((x) => typeof x === 'string')],
  hfBase: ['an address', isAddress],
  chatTemplate: ['a string', (v) => typeof v === 'string'],
  preTokenizer: ['a string', (v) => typeof v === 'string'],
  i2sLayout: oneOf('x86', 'arm'),
  workerUrl: ['an address', isAddress],
  wasmBase: ['an address', isAddress],
  watchdog: ['a number of milliseconds, 0 or more', (v) => isNumber(v) && v >= 0],
};

/** @type {Rules} */
const GENERATE_RULES = {
  maxTokens: [`a whole number from 1 to ${MAX_U32}`, (v) => isInteger(v, 1, MAX_U32)],
  temperature: ['a number from 0 to 100', (v) => isNumber(v) && v >= 0 && v <= 100],
  topK: [`a whole number from 0 to ${MAX_U32}`, (v) => isInteger(v, 0, MAX_U32)],
  topP: ['a number above 0, at most 1', (v) => isNumber(v) && Math.fround(v) > 0 && v <= 1],
  minP: ['a number from 0 to 1', (v) => isNumber(v) && v >= 0 && v <= 1],
  repetitionPenalty: ['a number above 0, at most 100', (v) => isNumber(v) && Math.fround(v) > 0 && v <= 100],
  seed: ['a whole number from 0 to 2^53 - 1', (v) => isInteger(v, 0, Number.MAX_SAFE_INTEGER)],
  stop: [
    'a string or an array of at most 64 strings, none empty',
    (v) => [v].flat().length <= 64 && [v].flat().every((s) => typeof s === 'string' && s !== ''),
  ],
  stopTokens: [
    `token ids (whole numbers from 0 to ${MAX_U32}) or the texts of tokens, none empty`,
    (v) => [v].flat().every((t) => isInteger(t, 0, MAX_U32) || (typeof t === 'string' && t !== '')),
  ],
  timeParts: ['true or false', (v) => typeof v === 'boolean'],
  signal: ['an AbortSignal', isSignal],
};

/** @type {Rules} */
const CREW_RULES = Object.fromEntries(
  ['threads', 'variant', 'signal', 'workerUrl', 'wasmBase', 'watchdog'].map((name) => [name, LOAD_RULES[name]]),
);

/**
 * @param {...string} values
 * @returns {[string, Check]}
 */
function oneOf(...values) {
  return [`one of ${values.map((v) => `'${v}'`).join(', ')}`, (v) => values.includes(v)];
}

/** @type {Check} */
function isNumber(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

/**
 * @param {unknown} value
 * @param {number} min
 * @param {number} max
 */
function isInteger(value, min, max) {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
}

/** @type {Check} */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @type {Check} */
function isSignal(value) {
  return isObject(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function';
}

/** @type {Check} */
function isAddress(value) {
  return (typeof value === 'string' || value instanceof URL) && URL.canParse(value, baseAddress());
}

/** What relative addresses are relative to. */
function baseAddress() {
  return globalThis.document?.baseURI ?? globalThis.location?.href;
}

/**
 * @param {string | URL} address
 * @returns {string} absolute
 */
export function resolveAddress(address) {
  return new URL(address, baseAddress()).href;
}

/**
 * @param {string} option
 * @param {string} expected
 * @param {unknown} value
 */
function invalid(option, expected, value) {
  return new BitNetError('invalid_argument', `${option}: expected ${expected}, found ${show(value)}.`, {
    details: { option, expected },
  });
}

/**
 * A short text for any value, even one that throws when shown.
 * @param {unknown} value
 */
function show(value) {
  if (typeof value === 'function') return 'a function';
  try {
    const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
    // JSON has no word for these.
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/**
 * @param {string} call
 * @param {unknown} options
 * @param {Rules} rules
 */
function check(call, options, rules) {
  if (!isObject(options)) throw invalid(`${call} options`, 'an object', options);
  for (const [name, value] of Object.entries(/** @type {object} */ (options))) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      const expected = `one of the options ${Object.keys(rules).join(', ')}`;
      throw new BitNetError('invalid_argument', `${call} has no option '${name}': expected ${expected}.`, {
        details: { option: name, expected },
      });
    }
    if (value !== undefined && !rule[1](value)) throw invalid(name, rule[0], value);
  }
}

/**
 * @param {LoadOptions} options
 * @returns {WireLoadOptions} the part that the engine needs
 */
export function checkLoadOptions(options) {
  check('load', options, LOAD_RULES);
  const { context, kernel, precision, cache, evict, network, integrity, headers, hfBase } = options;
  const { chatTemplate, preTokenizer, i2sLayout } = options;
  return {
    context,
    kernel: kernel === 'auto' ? undefined : kernel,
    precision,
    cache,
    evict,
    network: network && { ...network },
    integrity,
    headers: headers && { ...headers },
    hfBase: hfBase === undefined ? undefined : resolveAddress(hfBase),
    chatTemplate,
    preTokenizer,
    i2sLayout,
  };
}

/**
 * Checks the options of a call that needs workers but no model.
 * @param {string} call
 * @param {CrewOptions} options
 */
export function checkCrewOptions(call, options) {
  check(call, options, CREW_RULES);
}

/**
 * @param {GenerateOptions} options
 * @returns {WireGenerateOptions}
 */
export function checkGenerateOptions(options) {
  check('generate', options, GENERATE_RULES);
  const { maxTokens, temperature, topK, topP, minP, repetitionPenalty, seed, stop, stopTokens, timeParts } = options;
  return {
    maxTokens, temperature, topK, topP, minP, repetitionPenalty,
    seed: seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
    stop: stop === undefined ? undefined : [stop].flat(),
    stopTokens: stopTokens === undefined ? undefined : [stopTokens].flat(),
    timeParts,
  };
}

/**
 * @param {unknown} prompt
 * @returns {Prompt}
 */
export function checkPrompt(prompt) {
  return typeof prompt === 'string' ? prompt : checkMessages(prompt, 'prompt: expected a string or');
}

/**
 * @param {unknown} messages
 * @param {string} [lead] how the sentence of the error begins
 * @returns {Message[]} copies that hold nothing but role and content
 */
export function checkMessages(messages, lead = 'messages: expected') {
  const found = Array.isArray(messages)
    ? messages.find((m) => !isObject(m) || typeof m.role !== 'string' || typeof m.content !== 'string')
    : messages;
  if (!Array.isArray(messages) || messages.length === 0 || found !== undefined) {
    const expected = 'an array of { role, content } with strings in both';
    throw new BitNetError('invalid_argument', `${lead} ${expected}, found ${show(found ?? messages)}.`, {
      details: { expected },
    });
  }
  return messages.map(({ role, content }) => ({ role, content }));
}

/**
 * @param {unknown} text
 * @returns {string}
 */
export function checkText(text) {
  if (typeof text !== 'string') throw invalid('text', 'a string', text);
  return text;
}

/**
 * @param {unknown} values
 * @param {string} name
 * @returns {Uint32Array} a copy
 */
export function checkIndices(values, name) {
  const list = Array.isArray(values) || ArrayBuffer.isView(values) ? Array.from(/** @type {any} */ (values)) : undefined;
  const bad = list === undefined ? values : list.find((v) => !isInteger(v, 0, MAX_U32));
  if (list === undefined || bad !== undefined) {
    throw invalid(name, `an array of whole numbers from 0 to ${MAX_U32}`, bad);
  }
  return Uint32Array.from(list);
}
