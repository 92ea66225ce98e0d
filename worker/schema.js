// Written by `cargo xtask build` from src/options/: change an option there.

/** @import { Guard } from './guards/guard.js' */
/** @import { HeaderFunction, HeaderRecord } from './headers.js' */
/** @import { MetricsOptions } from './metrics/metrics.js' */
/** @import { CacheMode, NetworkOptions, Prefill, Progress, ResponseFormat, ToolChoice } from './protocol.js' */
/** @import { ResponseCacheOptions } from './responses.js' */
/** @import { Source } from './source.js' */

/**
 * The values that an option may have: in words for an error, and the check in `options.js`.
 * @typedef {{ expected: string } & (
 *   | { kind: 'number', least: number, above: boolean, most: number }
 *   | { kind: 'whole', least: number, most: number }
 *   | { kind: 'flag' }
 *   | { kind: 'text' }
 *   | { kind: 'oneOf', names: readonly string[] }
 *   | { kind: 'custom', check: CheckName })} Rule
 */

/** @typedef {Readonly<Record<string, Rule>>} Rules */

/** @typedef {'isAdapters' | 'isAddress' | 'isCacheMode' | 'isClientId' | 'isDataArray' | 'isDataObject' | 'isFunction' | 'isGuards' | 'isHeaders' | 'isIntegrity' | 'isLogitBias' | 'isLogprobs' | 'isMetricsOptions' | 'isNetworkOptions' | 'isResponseCache' | 'isResponseFormat' | 'isSignal' | 'isStop' | 'isStopTokens' | 'isThreadCount' | 'isToolChoice'} CheckName */

/** The ternary kernels, the reference first. */
export const KERNELS = /** @type {const} */ (['scalar', 'mad', 'lut', 'relaxed', 'relaxed16']);

/**
 * What starts workers.
 * @typedef {object} WorkerOptions
 * @property {'auto' | number | undefined} [threads] 1 to 64; `auto`, the default, starts with what the model's size
 *   suggests and goes on with what is fastest, by the time that its own tokens take; `model.info.threads` tells
 * @property {'auto' | 'relaxed' | 'simd128' | undefined} [variant] the WebAssembly build; `auto` by default
 * @property {AbortSignal | undefined} [signal] stops the call when it aborts; the call rejects with the signal's
 *   reason
 * @property {string | URL | undefined} [workerUrl] address of `engine.js`; `compute.js` is taken from beside it
 * @property {string | URL | undefined} [wasmBase] folder that holds `relaxed/` and `simd128/`
 * @property {number | undefined} [watchdog] milliseconds without a sign of life after which a worker counts as dead;
 *   0: never; 30000 by default
 */

/**
 * How a model is loaded.
 * @typedef {object} LoadOptions
 * @property {'auto' | number | undefined} [threads] 1 to 64; `auto`, the default, starts with what the model's size
 *   suggests and goes on with what is fastest, by the time that its own tokens take; `model.info.threads` tells
 * @property {number | undefined} [context] tokens of prompt and answer together; by default what the model allows and
 *   memory holds
 * @property {'auto' | 'scalar' | 'mad' | 'lut' | 'relaxed' | 'relaxed16' | undefined} [kernel] `auto` (default)
 *   measures and picks. Binary weights (Q1_0) have one kernel of their own, which stands in for each of them but
 *   `scalar`
 * @property {'fast' | 'exact' | undefined} [precision] `fast` (default): int8 head and KV cache, logits of unlikely
 *   tokens estimated. `exact`: f32 KV cache, head in the file's own precision
 * @property {'auto' | 'relaxed' | 'simd128' | undefined} [variant] the WebAssembly build; `auto` by default
 * @property {((progress: Progress) => void) | undefined} [onProgress] called as the model arrives
 * @property {AbortSignal | undefined} [signal] stops the call when it aborts; the call rejects with the signal's
 *   reason
 * @property {CacheMode | undefined} [cache] whether the file is kept in the browser's storage; true by default
 * @property {boolean | undefined} [evict] whether models that were not used for the longest time may be removed from
 *   the browser's storage where this one does not fit; false by default
 * @property {NetworkOptions | undefined} [network] how requests are made
 * @property {string | undefined} [integrity] `sha256-` and the digest of the whole file in base64 or hex
 * @property {HeaderRecord | HeaderFunction | undefined} [headers] sent with every request for the file, or a function
 *   that gives them for the address of a request (also a promise of them), each time anew. A browser sends them on to
 *   wherever that address redirects, and takes away `Authorization` alone
 * @property {string | URL | undefined} [hfBase] where `hf:` addresses point, `https://huggingface.co/` by default
 * @property {readonly (AdapterOptions & { source: Source })[] | undefined} [adapters] LoRA adapters that are loaded
 *   with the model and switched on, as by `model.adapters.load`
 * @property {string | undefined} [chatTemplate] instead of the file's own
 * @property {string | undefined} [preTokenizer] instead of the file's own, for example `llama-bpe`
 * @property {'x86' | 'arm' | undefined} [i2sLayout] bit order of I2_S tensors; `x86` by default
 * @property {number | undefined} [maxConcurrent] requests that are computed at once, token by token; by default as
 *   memory allows, at most 8. `model.info` tells
 * @property {number | undefined} [maxQueue] requests that may wait besides, 256 by default; a further one rejects
 *   with `queue_full`
 * @property {number | undefined} [kvTokens] tokens whose keys and values stay in memory, of all requests and of what
 *   was computed before, at least one context; by default as many as two contexts, with at least 64 and at most 256
 *   MiB for the second, where memory allows
 * @property {'run' | 'pause' | undefined} [hidden] what generations do while the page is hidden: `run` (default), or
 *   `pause` until it is shown
 * @property {boolean | undefined} [shared] whether all tabs of this origin that load the same model with the same
 *   options use one engine, which one of them runs. The source must be an address. False by default
 * @property {'repeat' | 'error' | undefined} [onLeaderLost] what becomes of calls under way when the tab that runs a
 *   shared engine is closed or its engine dies: `repeat` (default), by the tab that takes over, without telling
 *   anything twice; or `error`, they reject with `leader_lost` or `crashed`
 * @property {readonly Guard[] | undefined} [guards] limits that the application sets: they look at every request, and
 *   at the text of every answer, in this order. `bitnet-web/guards` has ready-made ones
 * @property {'auto' | 'mobile' | 'laptop' | 'desktop' | undefined} [preset] chooses `threads`, `context`, `precision`
 *   and `maxConcurrent` for a kind of device, or with `auto` for this one; what is given besides wins.
 *   `model.info.preset` tells the choice and its reasons. None by default
 * @property {boolean | ResponseCacheOptions | undefined} [responseCache] whether answers that would be the same again
 *   are kept in the browser's storage, those with a `temperature` of 0 or a `seed`, and told from there; false by
 *   default. Not where the model itself is not kept: with `cache: false`, and of a source that is no address
 * @property {boolean | undefined} [warmUp] whether a few tokens are written before the model is there, and forgotten:
 *   the first answer is then as fast as the next ones; false by default
 * @property {MetricsOptions | undefined} [metrics] how `model.metrics` measures: the interval and the reach of its
 *   history, and whether requests are written onto the browser's Performance timeline
 * @property {string | URL | undefined} [workerUrl] address of `engine.js`; `compute.js` is taken from beside it
 * @property {string | URL | undefined} [wasmBase] folder that holds `relaxed/` and `simd128/`
 * @property {number | undefined} [watchdog] milliseconds without a sign of life after which a worker counts as dead;
 *   0: never; 30000 by default
 */

/**
 * How an adapter is loaded.
 * @typedef {object} AdapterOptions
 * @property {string | undefined} [name] by which the adapter is switched; its address or file by default
 * @property {number | undefined} [weight] what its part is multiplied with; 1 by default
 * @property {((progress: Progress) => void) | undefined} [onProgress] called as the model arrives
 * @property {AbortSignal | undefined} [signal] stops the call when it aborts; the call rejects with the signal's
 *   reason
 * @property {CacheMode | undefined} [cache] whether the file is kept in the browser's storage; true by default
 * @property {boolean | undefined} [evict] whether models that were not used for the longest time may be removed from
 *   the browser's storage where this one does not fit; false by default
 * @property {NetworkOptions | undefined} [network] how requests are made
 * @property {string | undefined} [integrity] `sha256-` and the digest of the whole file in base64 or hex
 * @property {HeaderRecord | HeaderFunction | undefined} [headers] sent with every request for the file, or a function
 *   that gives them for the address of a request (also a promise of them), each time anew. A browser sends them on to
 *   wherever that address redirects, and takes away `Authorization` alone
 * @property {string | URL | undefined} [hfBase] where `hf:` addresses point, `https://huggingface.co/` by default
 */

/**
 * What a chat template sees besides the messages.
 * @typedef {object} ChatOptions
 * @property {boolean | undefined} [continueFinalMessage] for messages that end with the assistant's: `true` lets the
 *   answer continue that message, `false` begins a new turn behind it. Needed there: without it such a conversation
 *   is an `invalid_argument`
 * @property {readonly object[] | undefined} [tools] for messages: functions that the answer may call, `{ type:
 *   'function', function: { name, description, parameters, strict } }` with a JSON schema of the arguments as
 *   `parameters`. A call satisfies it; with `strict: false` its arguments are any object
 * @property {readonly object[] | undefined} [documents] for messages: mostly `{ title, text }`, for templates that
 *   show them
 * @property {Record<string, unknown> | undefined} [templateVariables] for messages: further variables of the
 *   template, such as `{ enable_thinking: false }`
 * @property {boolean | undefined} [thinking] for messages: whether a model thinks before it answers, where its
 *   template lets that be chosen (`enable_thinking`); false by default. What it thinks is told as `reasoning`, apart
 *   from `text`
 */

/**
 * How an answer is written.
 * @typedef {object} GenerateOptions
 * @property {number | undefined} [maxTokens] by default what the context still holds
 * @property {number | undefined} [temperature] 0 (default) takes the likeliest token; more of it flattens the
 *   distribution
 * @property {number | undefined} [topK] 0 (default) keeps all
 * @property {number | undefined} [topP] 0 to 1; 1 (default) keeps all, 0 the likeliest alone
 * @property {number | undefined} [minP] 0 to 1; 0 (default) keeps all
 * @property {number | undefined} [typicalP] 0 to 1: keeps the tokens whose information is closest to the expected
 *   one, until they have this probability together (locally typical sampling); 1 (default) keeps all
 * @property {number | undefined} [topNSigma] keeps tokens whose logit is at most so many standard deviations of all
 *   logits below the greatest; 0 (default) keeps all
 * @property {number | undefined} [xtcProbability] 0 to 1: how often all tokens that reach `xtcThreshold` but the
 *   least likely of them are left out (XTC); 0 (default): never
 * @property {number | undefined} [xtcThreshold] 0 to 1, 0.1 by default; above 0.5 no two tokens reach it, and nothing
 *   is left out
 * @property {number | undefined} [mirostatTau] the surprise per token, in bits, that mirostat 2 keeps up, 5 is usual;
 *   0 (default): off. It stands in place of the other filters
 * @property {number | undefined} [mirostatEta] 0 to 1: how fast mirostat 2 follows; 0.1 by default
 * @property {number | undefined} [repetitionPenalty] 1 (default) changes nothing
 * @property {number | undefined} [frequencyPenalty] subtracted from the logit of a recent token, once for each time
 *   that it came; 0 (default) changes nothing
 * @property {number | undefined} [presencePenalty] subtracted from the logit of a recent token, however often it
 *   came; 0 (default) changes nothing
 * @property {number | undefined} [penaltyWindow] how many of the last tokens, those of the prompt included, the three
 *   penalties look at; 64 by default
 * @property {number | undefined} [dryMultiplier] strength of the penalty for a token that would continue a repetition
 *   (DRY), 0.8 is usual; 0 (default): none
 * @property {number | undefined} [dryBase] DRY's penalty is `dryMultiplier * dryBase ** (length - dryAllowedLength)`;
 *   1.75 by default
 * @property {number | undefined} [dryAllowedLength] the longest repetition, in tokens, that DRY lets pass; 2 by
 *   default
 * @property {number | undefined} [dryWindow] how many of the last tokens, those of the prompt included, DRY looks at;
 *   all by default
 * @property {string | readonly string[] | undefined} [dryBreakers] texts over which DRY sees no repetition; line
 *   feed, colon, quotation mark and asterisk by default
 * @property {Readonly<Record<number, number>> | undefined} [logitBias] numbers that are added to the logits of
 *   tokens, by their ids: -1000 rules a token out, 1000 makes it certain
 * @property {string | readonly string[] | undefined} [bannedStrings] texts that the answer never contains: a token
 *   that would complete one is ruled out; at most 64
 * @property {boolean | number | undefined} [logprobs] whether each token tells its log-probability, by the model's
 *   exact logits at temperature 1 before any other option; a number also asks for so many of the likeliest tokens in
 *   its place
 * @property {number | undefined} [seed] the same seed gives the same text; random by default
 * @property {string | readonly string[] | undefined} [stop] ends the answer where one of these would appear; at most
 *   64. Control tokens, which an answer does not show, are written by name: `'<|eot_id|>'`
 * @property {number | string | readonly (number | string)[] | undefined} [stopTokens] token ids, or the texts of
 *   tokens, that end the answer, besides the model's own ends
 * @property {ResponseFormat | undefined} [responseFormat] what the answer must follow: a JSON schema, an expression
 *   or a grammar, enforced while tokens are chosen
 * @property {boolean | undefined} [continueFinalMessage] for messages that end with the assistant's: `true` lets the
 *   answer continue that message, `false` begins a new turn behind it. Needed there: without it such a conversation
 *   is an `invalid_argument`
 * @property {readonly object[] | undefined} [tools] for messages: functions that the answer may call, `{ type:
 *   'function', function: { name, description, parameters, strict } }` with a JSON schema of the arguments as
 *   `parameters`. A call satisfies it; with `strict: false` its arguments are any object
 * @property {ToolChoice | undefined} [toolChoice] whether the answer calls tools: 'auto' (default) as the model
 *   likes, 'none', 'required' at least one, `{ name }` that one
 * @property {boolean | undefined} [parallelToolCalls] whether one answer may call several tools, where the model's
 *   template knows that; true by default
 * @property {readonly object[] | undefined} [documents] for messages: mostly `{ title, text }`, for templates that
 *   show them
 * @property {Record<string, unknown> | undefined} [templateVariables] for messages: further variables of the
 *   template, such as `{ enable_thinking: false }`
 * @property {boolean | undefined} [thinking] for messages: whether a model thinks before it answers, where its
 *   template lets that be chosen (`enable_thinking`); false by default. What it thinks is told as `reasoning`, apart
 *   from `text`
 * @property {boolean | undefined} [speculative] whether tokens may be guessed where the text repeats itself, and
 *   several verified at once: it changes nothing of what is said, and is done where it is measured to be faster. True
 *   by default
 * @property {boolean | undefined} [responseCache] whether the answer may come from the response cache and be kept
 *   there, where the model was loaded with one; true by default
 * @property {number | undefined} [priority] the greater, the earlier it begins; where too many are under way, one of
 *   less priority waits for it. 0 by default
 * @property {number | undefined} [timeout] milliseconds after which the call rejects with `timeout`, waiting
 *   included; `details.usage` tells how far it was. None by default
 * @property {string | undefined} [clientId] who asks, for guards and their audit events: whatever the application
 *   tells its users apart by
 * @property {(prefill: Prefill) => void | undefined} [onPrefill] called as the prompt is read
 * @property {boolean | undefined} [timeParts] whether `timings.parts` tells where the time went; such a call runs
 *   alone. False by default
 * @property {AbortSignal | undefined} [signal] stops the answer within a token when it aborts
 */

/** @type {Rules} */
export const WORKER_RULES = {
  threads: { expected: "'auto' or a whole number from 1 to 64", kind: 'custom', check: 'isThreadCount' },
  variant: { expected: "one of 'auto', 'relaxed', 'simd128'", kind: 'oneOf', names: ['auto', 'relaxed', 'simd128'] },
  signal: { expected: "an AbortSignal", kind: 'custom', check: 'isSignal' },
  workerUrl: { expected: "an address", kind: 'custom', check: 'isAddress' },
  wasmBase: { expected: "an address", kind: 'custom', check: 'isAddress' },
  watchdog: { expected: "a number of 0 or more", kind: 'number', least: 0, above: false, most: Infinity },
};

/** @type {Rules} */
export const LOAD_RULES = {
  threads: { expected: "'auto' or a whole number from 1 to 64", kind: 'custom', check: 'isThreadCount' },
  context: { expected: "a whole number from 1 to 4294967295", kind: 'whole', least: 1, most: 4294967295 },
  kernel: { expected: "one of 'auto', 'scalar', 'mad', 'lut', 'relaxed', 'relaxed16'", kind: 'oneOf', names: ['auto', 'scalar', 'mad', 'lut', 'relaxed', 'relaxed16'] },
  precision: { expected: "one of 'fast', 'exact'", kind: 'oneOf', names: ['fast', 'exact'] },
  variant: { expected: "one of 'auto', 'relaxed', 'simd128'", kind: 'oneOf', names: ['auto', 'relaxed', 'simd128'] },
  onProgress: { expected: "a function", kind: 'custom', check: 'isFunction' },
  signal: { expected: "an AbortSignal", kind: 'custom', check: 'isSignal' },
  cache: { expected: "true, false, 'revalidate' or 'reload'", kind: 'custom', check: 'isCacheMode' },
  evict: { expected: "true or false", kind: 'flag' },
  network: { expected: "an object with numbers of 0 or more for chunkBytes, requests, attempts, retryDelayMs or stallMs", kind: 'custom', check: 'isNetworkOptions' },
  integrity: { expected: "'sha256-' and a digest in base64 or hex", kind: 'custom', check: 'isIntegrity' },
  headers: { expected: "Headers or an object of strings that may be sent as headers, or a function that gives them", kind: 'custom', check: 'isHeaders' },
  hfBase: { expected: "an address", kind: 'custom', check: 'isAddress' },
  adapters: { expected: "an array of objects with the source of an adapter, and options of adapters.load", kind: 'custom', check: 'isAdapters' },
  chatTemplate: { expected: "a string", kind: 'text' },
  preTokenizer: { expected: "a string", kind: 'text' },
  i2sLayout: { expected: "one of 'x86', 'arm'", kind: 'oneOf', names: ['x86', 'arm'] },
  maxConcurrent: { expected: "a whole number from 1 to 64", kind: 'whole', least: 1, most: 64 },
  maxQueue: { expected: "a whole number from 0 to 4294967295", kind: 'whole', least: 0, most: 4294967295 },
  kvTokens: { expected: "a whole number from 1 to 4294967295", kind: 'whole', least: 1, most: 4294967295 },
  hidden: { expected: "one of 'run', 'pause'", kind: 'oneOf', names: ['run', 'pause'] },
  shared: { expected: "true or false", kind: 'flag' },
  onLeaderLost: { expected: "one of 'repeat', 'error'", kind: 'oneOf', names: ['repeat', 'error'] },
  guards: { expected: "an array of guards, each an object with a name, and beforeGenerate or onText as functions; timeout and maxHold above 0", kind: 'custom', check: 'isGuards' },
  preset: { expected: "one of 'auto', 'mobile', 'laptop', 'desktop'", kind: 'oneOf', names: ['auto', 'mobile', 'laptop', 'desktop'] },
  responseCache: { expected: "true, false, or an object with maxBytes and maxEntries, whole numbers of 1 or more", kind: 'custom', check: 'isResponseCache' },
  warmUp: { expected: "true or false", kind: 'flag' },
  metrics: { expected: "an object with interval and history in milliseconds, or timeline as true or false", kind: 'custom', check: 'isMetricsOptions' },
  workerUrl: { expected: "an address", kind: 'custom', check: 'isAddress' },
  wasmBase: { expected: "an address", kind: 'custom', check: 'isAddress' },
  watchdog: { expected: "a number of 0 or more", kind: 'number', least: 0, above: false, most: Infinity },
};

/** @type {Rules} */
export const ADAPTER_RULES = {
  name: { expected: "a string", kind: 'text' },
  weight: { expected: "a number", kind: 'number', least: -Infinity, above: false, most: Infinity },
  onProgress: { expected: "a function", kind: 'custom', check: 'isFunction' },
  signal: { expected: "an AbortSignal", kind: 'custom', check: 'isSignal' },
  cache: { expected: "true, false, 'revalidate' or 'reload'", kind: 'custom', check: 'isCacheMode' },
  evict: { expected: "true or false", kind: 'flag' },
  network: { expected: "an object with numbers of 0 or more for chunkBytes, requests, attempts, retryDelayMs or stallMs", kind: 'custom', check: 'isNetworkOptions' },
  integrity: { expected: "'sha256-' and a digest in base64 or hex", kind: 'custom', check: 'isIntegrity' },
  headers: { expected: "Headers or an object of strings that may be sent as headers, or a function that gives them", kind: 'custom', check: 'isHeaders' },
  hfBase: { expected: "an address", kind: 'custom', check: 'isAddress' },
};

/** @type {Rules} */
export const GENERATE_RULES = {
  maxTokens: { expected: "a whole number from 1 to 4294967295", kind: 'whole', least: 1, most: 4294967295 },
  temperature: { expected: "a number from 0 to 100", kind: 'number', least: 0, above: false, most: 100 },
  topK: { expected: "a whole number from 0 to 4294967295", kind: 'whole', least: 0, most: 4294967295 },
  topP: { expected: "a number from 0 to 1", kind: 'number', least: 0, above: false, most: 1 },
  minP: { expected: "a number from 0 to 1", kind: 'number', least: 0, above: false, most: 1 },
  typicalP: { expected: "a number from 0 to 1", kind: 'number', least: 0, above: false, most: 1 },
  topNSigma: { expected: "a number from 0 to 100", kind: 'number', least: 0, above: false, most: 100 },
  xtcProbability: { expected: "a number from 0 to 1", kind: 'number', least: 0, above: false, most: 1 },
  xtcThreshold: { expected: "a number from 0 to 1", kind: 'number', least: 0, above: false, most: 1 },
  mirostatTau: { expected: "a number from 0 to 100", kind: 'number', least: 0, above: false, most: 100 },
  mirostatEta: { expected: "a number from 0 to 1", kind: 'number', least: 0, above: false, most: 1 },
  repetitionPenalty: { expected: "a number above 0, at most 100", kind: 'number', least: 0, above: true, most: 100 },
  frequencyPenalty: { expected: "a number from -100 to 100", kind: 'number', least: -100, above: false, most: 100 },
  presencePenalty: { expected: "a number from -100 to 100", kind: 'number', least: -100, above: false, most: 100 },
  penaltyWindow: { expected: "a whole number from 0 to 4294967295", kind: 'whole', least: 0, most: 4294967295 },
  dryMultiplier: { expected: "a number from 0 to 100", kind: 'number', least: 0, above: false, most: 100 },
  dryBase: { expected: "a number from 1 to 100", kind: 'number', least: 1, above: false, most: 100 },
  dryAllowedLength: { expected: "a whole number from 0 to 4294967295", kind: 'whole', least: 0, most: 4294967295 },
  dryWindow: { expected: "a whole number from 0 to 4294967295", kind: 'whole', least: 0, most: 4294967295 },
  dryBreakers: { expected: "a string or an array of at most 64 strings, none empty", kind: 'custom', check: 'isStop' },
  logitBias: { expected: "an object of token ids and numbers from -1000 to 1000", kind: 'custom', check: 'isLogitBias' },
  bannedStrings: { expected: "a string or an array of at most 64 strings, none empty", kind: 'custom', check: 'isStop' },
  logprobs: { expected: "true, false or a whole number from 0 to 100", kind: 'custom', check: 'isLogprobs' },
  seed: { expected: "a whole number from 0 to 2^53 - 1", kind: 'whole', least: 0, most: 9007199254740991 },
  stop: { expected: "a string or an array of at most 64 strings, none empty", kind: 'custom', check: 'isStop' },
  stopTokens: { expected: "token ids (whole numbers from 0 to 4294967295) or the texts of tokens, none empty", kind: 'custom', check: 'isStopTokens' },
  responseFormat: { expected: "{ type: 'text' }, { type: 'json_object' }, { type: 'json_schema', schema } with a schema of plain data, { type: 'regex', pattern } with a string or a RegExp, or { type: 'grammar', grammar } with the syntax 'lark' or 'gbnf'", kind: 'custom', check: 'isResponseFormat' },
  continueFinalMessage: { expected: "true or false", kind: 'flag' },
  tools: { expected: "an array of objects of plain data", kind: 'custom', check: 'isDataArray' },
  toolChoice: { expected: "'auto', 'none', 'required' or { name } with the name of a tool", kind: 'custom', check: 'isToolChoice' },
  parallelToolCalls: { expected: "true or false", kind: 'flag' },
  documents: { expected: "an array of objects of plain data", kind: 'custom', check: 'isDataArray' },
  templateVariables: { expected: "an object of plain data", kind: 'custom', check: 'isDataObject' },
  thinking: { expected: "true or false", kind: 'flag' },
  speculative: { expected: "true or false", kind: 'flag' },
  responseCache: { expected: "true or false", kind: 'flag' },
  priority: { expected: "a number from -1000 to 1000", kind: 'number', least: -1000, above: false, most: 1000 },
  timeout: { expected: "a number above 0, at most 2147483647", kind: 'number', least: 0, above: true, most: 2147483647 },
  clientId: { expected: "a string of 1 to 256 characters", kind: 'custom', check: 'isClientId' },
  onPrefill: { expected: "a function", kind: 'custom', check: 'isFunction' },
  timeParts: { expected: "true or false", kind: 'flag' },
  signal: { expected: "an AbortSignal", kind: 'custom', check: 'isSignal' },
};
