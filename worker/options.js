// Checks what callers pass in, on the page, so that a typo is told at once and not by a worker minutes later.
import { BitNetError } from './error.js';
import { isGuard } from './guards/guard.js';
import { copyHeaders, isHeaderRecord } from './headers.js';
import { isInterval } from './metrics/metrics.js';
import { ADAPTER_RULES, GENERATE_RULES, LOAD_RULES, WORKER_RULES } from './schema.js';

/** @import { ResponseFormat, WireChatOptions, WireGenerateOptions, WireLoadOptions, WireMessage, WirePrompt } from './protocol.js' */
/** @import { AdapterOptions, ChatOptions, CheckName, GenerateOptions, LoadOptions, Rule, Rules, WorkerOptions } from './schema.js' */

/** @typedef {(value: any) => boolean} Check */

/** Largest values that fit the engine's integer types. */
const MAX_U32 = 2 ** 32 - 1;

/** The largest number that may be added to a logit. */
const MAX_BIAS = 1000;

const NETWORK_OPTIONS = ['chunkBytes', 'requests', 'attempts', 'retryDelayMs', 'stallMs'];

/** The checks that only JavaScript can do, by the names that the schema gives. @type {Record<CheckName, Check>} */
const CHECKS = {
  isAdapters: (v) => Array.isArray(v) && v.every((item) => isObject(item) && 'source' in item),
  isAddress,
  isClientId: (v) => typeof v === 'string' && v.length >= 1 && v.length <= 256,
  isCacheMode: (v) => [true, false, 'revalidate', 'reload'].includes(v),
  isDataArray: (v) => Array.isArray(v) && v.every((item) => isObject(item) && isData(item)),
  isDataObject: (v) => isObject(v) && isData(v),
  isFunction: (v) => typeof v === 'function',
  isGuards: (v) => Array.isArray(v) && v.every(isGuard),
  isHeaders: (v) => typeof v === 'function' || isHeaderRecord(v),
  isMetricsOptions,
  isLogitBias: (v) => isObject(v) && Object.entries(v).every(([id, x]) => isId(id) && isNumber(x) && Math.abs(x) <= MAX_BIAS),
  isLogprobs: (v) => typeof v === 'boolean' || isInteger(v, 0, 100),
  isIntegrity: (v) => typeof v === 'string' && /^sha256-([A-Za-z0-9+/]{43}=|[0-9a-fA-F]{64})$/.test(v),
  isResponseCache,
  isResponseFormat,
  isToolChoice: (v) => ['auto', 'none', 'required'].includes(v) || (isObject(v) && typeof v.name === 'string'),
  isNetworkOptions: (v) =>
    isObject(v) && Object.entries(v).every(([key, x]) => NETWORK_OPTIONS.includes(key) && isNumber(x) && x >= 0),
  isSignal,
  isStop: (v) => [v].flat().length <= 64 && [v].flat().every((s) => typeof s === 'string' && s !== ''),
  isStopTokens: (v) => [v].flat().every((t) => isInteger(t, 0, MAX_U32) || (typeof t === 'string' && t !== '')),
  isThreadCount: (v) => v === 'auto' || isInteger(v, 1, 64),
};

/**
 * Whether a value is what a rule says.
 * @param {Rule} rule
 * @param {unknown} value
 */
function follows(rule, value) {
  switch (rule.kind) {
    case 'number':
      // The engine counts in f32: what is above 0 here must be so there.
      return isNumber(value) && Number(value) <= rule.most && (rule.above ? Math.fround(Number(value)) > rule.least : Number(value) >= rule.least);
    case 'whole':
      return isInteger(value, rule.least, rule.most);
    case 'flag':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string';
    case 'oneOf':
      return typeof value === 'string' && rule.names.includes(value);
    case 'custom':
      return CHECKS[rule.check](value);
  }
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

/** Whether the key of an object is a token id. @param {string} key */
function isId(key) {
  return /^(0|[1-9][0-9]*)$/.test(key) && Number(key) <= MAX_U32;
}

/** Whether a value has named fields: a Map has none, and would be taken for an empty object. @type {Check} */
function isObject(value) {
  return typeof value === 'object' && value !== null && !(Symbol.iterator in value);
}

/**
 * Whether a value is plain data: what JSON can write, nested at most 64 deep. A field that is undefined is one that is not there.
 * @param {unknown} value
 * @param {number} [depth]
 * @returns {boolean}
 */
function isData(value, depth = 0) {
  if (value === null || ['string', 'boolean'].includes(typeof value) || isNumber(value)) return true;
  if (typeof value !== 'object' || depth > 64) return false;
  const prototype = Object.getPrototypeOf(value);
  const plain = Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
  const isField = (/** @type {unknown} */ item) => (item === undefined && !Array.isArray(value)) || isData(item, depth + 1);
  return plain && Object.values(/** @type {object} */ (value)).every(isField);
}

/**
 * Plain data without fields that are undefined.
 * @template T
 * @param {T} data
 * @returns {T}
 */
function withoutUndefined(data) {
  return data === undefined ? data : JSON.parse(JSON.stringify(data));
}

/** @type {Check} */
function isMetricsOptions(value) {
  if (!isObject(value)) return false;
  const { interval, history, timeline, ...others } = value;
  const isHistory = history === undefined || (isNumber(history) && history >= 0);
  return Object.keys(others).length === 0 && isHistory && (interval === undefined || isInterval(interval)) && ['boolean', 'undefined'].includes(typeof timeline);
}

/** @type {Check} */
function isResponseCache(value) {
  if (typeof value === 'boolean') return true;
  return isObject(value) && Object.entries(value).every(([key, x]) => ['maxBytes', 'maxEntries'].includes(key) && (x === undefined || isInteger(x, 1, Number.MAX_SAFE_INTEGER)));
}

/** @type {Check} */
function isResponseFormat(value) {
  if (!isObject(value)) return false;
  switch (value.type) {
    case 'text':
    case 'json_object':
      return true;
    case 'json_schema':
      return typeof value.schema === 'boolean' || (isObject(value.schema) && isData(value.schema));
    case 'regex':
      return typeof value.pattern === 'string' || value.pattern instanceof RegExp;
    case 'grammar':
      return [undefined, 'lark', 'gbnf'].includes(value.syntax) && typeof value.grammar === 'string';
    default:
      return false;
  }
}

/**
 * @param {ResponseFormat | undefined} format already checked
 * @param {string[] | undefined} without texts that may not come
 * @returns {string | undefined} JSON of it; `undefined` where everything is allowed
 */
function wireResponseFormat(format, without) {
  if (format === undefined || format.type === 'text') return undefined;
  if (format.type !== 'regex') return JSON.stringify({ ...format, without });
  const { pattern } = format;
  const { source, flags } = typeof pattern === 'string' ? { source: pattern, flags: undefined } : pattern;
  return JSON.stringify({ type: 'regex', pattern: source, flags, without });
}

/** @type {Check} */
function isSignal(value) {
  return isObject(value) && typeof value.aborted === 'boolean' && typeof value.addEventListener === 'function';
}

/** @type {Check} */
function isAddress(value) {
  return (typeof value === 'string' || value instanceof URL) && URL.canParse(value, baseAddress());
}

/** The base of relative addresses. */
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
    if (value !== undefined && !follows(rule, value)) throw invalid(name, rule.expected, value);
  }
}

/**
 * @param {LoadOptions} options
 * @returns {WireLoadOptions} the part that the engine needs
 */
export function checkLoadOptions(options) {
  check('load', options, LOAD_RULES);
  const { context, kernel, precision, cache, evict, network, integrity, headers, hfBase } = options;
  const { chatTemplate, preTokenizer, i2sLayout, maxConcurrent, maxQueue, kvTokens } = options;
  return {
    context,
    kernel: kernel === 'auto' ? undefined : kernel,
    precision,
    cache,
    evict,
    network: network && { ...network },
    integrity,
    headers: typeof headers === 'function' ? undefined : headers && copyHeaders(headers),
    hfBase: hfBase === undefined ? undefined : resolveAddress(hfBase),
    chatTemplate,
    preTokenizer,
    i2sLayout,
    maxConcurrent,
    maxQueue,
    kvTokens,
  };
}

/**
 * @param {AdapterOptions} options
 * @returns {WireLoadOptions} the part that the engine needs
 */
export function checkAdapterOptions(options) {
  check('adapters.load', options, ADAPTER_RULES);
  const { cache, evict, network, integrity, headers, hfBase } = options;
  return {
    cache,
    evict,
    network: network && { ...network },
    integrity,
    headers: typeof headers === 'function' ? undefined : headers && copyHeaders(headers),
    hfBase: hfBase === undefined ? undefined : resolveAddress(hfBase),
  };
}

/**
 * @param {unknown} name
 * @returns {string}
 */
export function checkAdapterName(name) {
  if (typeof name !== 'string') throw invalid('name', 'the name of an adapter', name);
  return name;
}

/**
 * @param {unknown} weight
 * @returns {number | undefined}
 */
export function checkWeight(weight) {
  if (weight !== undefined && !isNumber(weight)) throw invalid('weight', 'a number', weight);
  return /** @type {number | undefined} */ (weight);
}

/**
 * Checks the options of a call that needs workers but no model.
 * @param {string} call
 * @param {WorkerOptions} options
 */
export function checkWorkerOptions(call, options) {
  check(call, options, WORKER_RULES);
}

/**
 * @param {GenerateOptions} options
 * @returns {WireGenerateOptions}
 */
export function checkGenerateOptions(options) {
  check('generate', options, GENERATE_RULES);
  const { maxTokens, temperature, topK, topP, minP, typicalP, topNSigma, xtcProbability, xtcThreshold } = options;
  const { mirostatTau, mirostatEta, repetitionPenalty, frequencyPenalty, presencePenalty, penaltyWindow } = options;
  const { dryMultiplier, dryBase, dryAllowedLength, dryWindow, dryBreakers, logitBias, bannedStrings } = options;
  const { logprobs, seed, stop, stopTokens, speculative, priority, timeout, timeParts } = options;
  return {
    maxTokens, temperature, topK, topP, minP, typicalP, topNSigma, xtcProbability, xtcThreshold,
    mirostatTau, mirostatEta, repetitionPenalty, frequencyPenalty, presencePenalty, penaltyWindow,
    dryMultiplier, dryBase, dryAllowedLength, dryWindow,
    dryBreakers: listOf(dryBreakers),
    logitBias: logitBias && Object.entries(logitBias).map(([id, bias]) => [Number(id), bias]),
    bannedStrings: listOf(bannedStrings),
    logprobs: typeof logprobs === 'boolean' ? (logprobs ? 0 : undefined) : logprobs,
    seed: seed ?? Math.floor(Math.random() * Number.MAX_SAFE_INTEGER),
    stop: listOf(stop),
    stopTokens: listOf(stopTokens),
    responseFormat: wireResponseFormat(options.responseFormat, listOf(bannedStrings)),
    chat: wireChatOptions(options),
    speculative,
    priority,
    timeout,
    timeParts,
  };
}

/**
 * A list of one or more.
 * @template {string | number} T
 * @param {T | readonly T[] | undefined} value
 * @returns {T[] | undefined}
 */
function listOf(value) {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? [...value] : [/** @type {T} */ (value)];
}

/**
 * @param {unknown} prompt
 * @returns {WirePrompt}
 */
export function checkPrompt(prompt) {
  return typeof prompt === 'string' ? prompt : checkMessages(prompt, 'prompt: expected a string or');
}

/**
 * Whether a message's content is a string, parts that are all texts, or nothing.
 * @param {any} content
 */
function isContent(content) {
  if (Array.isArray(content)) {
    return content.every((part) => isObject(part) && part.type === 'text' && typeof part.text === 'string');
  }
  return content === null || content === undefined || typeof content === 'string';
}

/**
 * What is wrong with a message, if anything.
 * @param {any} message
 * @returns {{ expected: string, found: unknown } | undefined}
 */
function badMessage(message) {
  if (!isObject(message) || typeof message.role !== 'string') {
    return { expected: 'an array of { role, content } with a string as role', found: message };
  }
  const { content } = message;
  const other = Array.isArray(content) ? content.find((part) => isObject(part) && typeof part.type === 'string' && part.type !== 'text') : undefined;
  if (other !== undefined) {
    return { expected: 'an array of { role, content } with nothing but text in content, since models here read text only', found: other };
  }
  const isSilent = (content ?? null) === null;
  if (!isContent(content) || (isSilent && !Array.isArray(message.tool_calls))) {
    return { expected: "an array of { role, content } with a string or [{ type: 'text', text }] as content", found: message };
  }
  if (!isData(message)) {
    return { expected: 'an array of { role, content } with nothing but plain data in further fields', found: message };
  }
  return undefined;
}

/**
 * @param {unknown} messages
 * @param {string} [lead] how the sentence of the error begins
 * @returns {WireMessage[]}
 */
export function checkMessages(messages, lead = 'messages: expected') {
  const list = Array.isArray(messages) ? messages : [];
  const bad = list.map(badMessage).find((bad) => bad !== undefined);
  if (bad !== undefined || list.length === 0) {
    const { expected, found } = bad ?? { expected: 'an array of { role, content } with strings in both', found: messages };
    throw new BitNetError('invalid_argument', `${lead} ${expected}, found ${show(found)}.`, { details: { expected } });
  }
  return list.map(({ role, content, ...fields }) => ({
    role,
    content: Array.isArray(content) ? content.map(({ text }) => text) : (content ?? undefined),
    fields: withoutUndefined(fields),
  }));
}

/**
 * Those of `generate` that concern messages.
 * @param {GenerateOptions} options
 * @returns {Pick<GenerateOptions, 'continueFinalMessage' | 'tools' | 'toolChoice' | 'documents' | 'templateVariables' | 'thinking'>}
 */
export function templateOptions({ continueFinalMessage, tools, toolChoice, documents, templateVariables, thinking }) {
  return { continueFinalMessage, tools, toolChoice, documents, templateVariables, thinking };
}

/**
 * @param {ChatOptions} options
 * @returns {WireChatOptions}
 */
function wireChatOptions({ continueFinalMessage, tools, documents, templateVariables, thinking }) {
  return {
    continueFinalMessage,
    tools: withoutUndefined(tools),
    documents: withoutUndefined(documents),
    templateVariables: withoutUndefined(templateVariables),
    thinking,
  };
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
 * @param {unknown} texts
 * @returns {string[]} a copy
 */
export function checkTexts(texts) {
  const list = Array.isArray(texts) ? [...texts] : [texts];
  const bad = list.findIndex((text) => typeof text !== 'string');
  if (bad >= 0) throw invalid(Array.isArray(texts) ? `texts[${bad}]` : 'texts', 'a string', list[bad]);
  return list;
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
