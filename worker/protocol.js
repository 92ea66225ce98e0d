// Every message between the page and its workers. Types only: whatever could be computed is computed in Rust.

/** @import { WireError } from './error.js' */
/** @import { PresetChoice } from './preset.js' */
/** @import { Variant } from './variant.js' */

/**
 * Where a model comes from, after the page has resolved it.
 * @typedef {{ kind: 'url', url: string }
 *   | { kind: 'blob', blob: Blob, name: string }
 *   | { kind: 'files', files: { name: string, blob: Blob }[] }
 *   | { kind: 'port', port: MessagePort, length: number | undefined }} WireSource
 * `port` answers every `pull` message with a `{ bytes }` chunk, `{ end: true }` or `{ error }`.
 */

/**
 * How the browser's storage is used. `true`: a complete file is taken from it without asking any server;
 * `'revalidate'`: the server is asked first whether the file has changed (where it refuses the file, the load fails;
 * without an answer the kept one is taken, and the progress says so); `'reload'`: the file is loaded anew; `false`: nothing is read or kept.
 * @typedef {boolean | 'revalidate' | 'reload'} CacheMode
 */

/**
 * How a file is requested.
 * @typedef {object} NetworkOptions
 * @property {number | undefined} [chunkBytes] size of one request and of one kept piece, 4 KiB to 32 MiB; 16 MiB by default
 * @property {number | undefined} [requests] at once; 3 by default, 8 at most
 * @property {number | undefined} [attempts] failures in a row, without any progress, before giving up; 8 by default
 * @property {number | undefined} [retryDelayMs] after the first failure; doubles with each further one; 500 by default
 * @property {number | undefined} [stallMs] how long a silent server is waited for; 30000 by default
 */

/**
 * Options of `load` that the engine needs; `undefined` means: decide.
 * @typedef {object} WireLoadOptions
 * @property {number} [context] tokens
 * @property {number} [mostContext] of a preset: no more tokens than this, and than memory holds
 * @property {string} [kernel]
 * @property {string} [precision]
 * @property {CacheMode} [cache]
 * @property {boolean} [evict]
 * @property {NetworkOptions} [network]
 * @property {string} [integrity]
 * @property {Record<string, string>} [headers]
 * @property {MessagePort} [headersPort] where the page says them by address: see `headers.js`
 * @property {string} [hfBase]
 * @property {string} [chatTemplate]
 * @property {string} [preTokenizer]
 * @property {string} [i2sLayout]
 * @property {number} [maxConcurrent]
 * @property {number} [maxQueue]
 * @property {number} [kvTokens]
 */

/**
 * Options of a generation; `undefined` means the default of `src/generate.rs`.
 * @typedef {object} WireGenerateOptions
 * @property {number} [maxTokens]
 * @property {number} [temperature]
 * @property {number} [topK]
 * @property {number} [topP]
 * @property {number} [minP]
 * @property {number} [typicalP]
 * @property {number} [topNSigma]
 * @property {number} [xtcProbability]
 * @property {number} [xtcThreshold]
 * @property {number} [mirostatTau]
 * @property {number} [mirostatEta]
 * @property {number} [repetitionPenalty]
 * @property {number} [frequencyPenalty]
 * @property {number} [presencePenalty]
 * @property {number} [penaltyWindow]
 * @property {number} [dryMultiplier]
 * @property {number} [dryBase]
 * @property {number} [dryAllowedLength]
 * @property {number} [dryWindow]
 * @property {string[]} [dryBreakers]
 * @property {[id: number, bias: number][]} [logitBias]
 * @property {string[]} [bannedStrings]
 * @property {number} [logprobs] how many of the likeliest tokens are told beside the chosen one
 * @property {number} [seed]
 * @property {string[]} [stop]
 * @property {(number | string)[]} [stopTokens]
 * @property {string} [responseFormat] JSON of a {@link ResponseFormat}
 * @property {WireChatOptions} [chat] for messages
 * @property {boolean} [speculative]
 * @property {number} [priority]
 * @property {number} [timeout] milliseconds
 * @property {boolean} [timeParts]
 * @property {number} [waited] milliseconds of the timeout that are over
 * @property {boolean} [waitsForRoom] whether the call waits where the queue is full, in place of `queue_full`
 * @property {number} [syntheticContext] for `bench.js`: made-up tokens before the prompt
 */

/**
 * What an answer must follow; it is enforced while tokens are chosen.
 *
 * * `text` (as without the option): anything.
 * * `json_object`: a JSON object.
 * * `json_schema`: a JSON value that satisfies a JSON schema (drafts 4 to 2020-12). A keyword that cannot be enforced is an error
 *   with the code `invalid_grammar`, before anything is generated: `not` but of types, `if`, `contains`, `uniqueItems`, `dependentRequired`,
 *   `dependentSchemas`, `$dynamicRef`, `propertyNames` but for lists of names, patterns and lengths, `unevaluatedItems` and
 *   `unevaluatedProperties` beside `allOf` and its like, `oneOf` whose choices overlap, the drafts' further formats, and `$ref` to other
 *   documents. Properties come in the order of the schema.
 * * `regex`: a text that matches as a whole, in JavaScript's own sense. A string is read as `new RegExp(pattern, 'u')`, or without the
 *   flag where it is an error with it. There are no back-references, and look-around at the ends only.
 * * `grammar`: a text of a grammar, in llguidance's variant of Lark's syntax, which begins with `start`, or in GBNF, llama.cpp's syntax, which
 *   begins with `root`. Without `syntax` the grammar's first rule tells: `root ::=` is GBNF.
 *
 * An answer that runs out of `maxTokens` is cut off: its `finishReason` is `length`.
 * @typedef {{ type: 'text' }
 *   | { type: 'json_object' }
 *   | { type: 'json_schema', schema: object | boolean }
 *   | { type: 'regex', pattern: string | RegExp }
 *   | { type: 'grammar', syntax?: 'lark' | 'gbnf' | undefined, grammar: string }} ResponseFormat
 */

/**
 * Whether an answer calls tools. `auto` (where there are tools): as the model likes; `none`: never, and it is not told of them;
 * `required`: at least once; `{ name }`: that one.
 * @typedef {'auto' | 'none' | 'required' | { name: string }} ToolChoice
 */

/**
 * A call that an answer makes.
 * @typedef {object} ToolCall
 * @property {string} id made up, for the message with the result: `{ role: 'tool', tool_call_id, content }`
 * @property {string} name of the tool
 * @property {Record<string, unknown>} arguments they satisfy the tool's JSON schema
 */

/**
 * A piece of a call, as it is written.
 * @typedef {object} ToolCallDelta
 * @property {number} index of the call in the answer
 * @property {string} [id] with the first piece
 * @property {string} [name] with the first piece
 * @property {string} arguments the next piece of their JSON
 */

/**
 * One turn of a conversation. Further fields, such as `name` or `reasoning_content`, are for templates that know them.
 * @typedef {object} Message
 * @property {string} role `system`, `user` or `assistant`, or what else the model's template knows
 * @property {string | readonly TextPart[] | null | undefined} [content] may be missing only beside `tool_calls`
 * @property {readonly object[] | undefined} [tool_calls]
 * @property {string | undefined} [tool_call_id]
 * @property {string | undefined} [name]
 * @property {string | undefined} [reasoning_content]
 */

/**
 * A part of a message; models here read text only.
 * @typedef {object} TextPart
 * @property {'text'} type
 * @property {string} text
 */

/**
 * A message as the engine gets it.
 * @typedef {{ role: string, content: string | string[] | undefined, fields: Record<string, unknown> }} WireMessage
 */

/** @typedef {string | WireMessage[]} WirePrompt */

/**
 * What a chat template sees besides the messages.
 * @typedef {object} WireChatOptions
 * @property {boolean | undefined} [continueFinalMessage]
 * @property {readonly object[] | undefined} [tools]
 * @property {readonly object[] | undefined} [documents]
 * @property {Record<string, unknown> | undefined} [templateVariables]
 * @property {boolean | undefined} [thinking]
 */

/** @typedef {string | readonly Message[]} Prompt Raw text, or messages that go through the model's chat template. */

/**
 * How far a load is.
 * @typedef {object} Progress
 * @property {'connect' | 'download' | 'cache' | 'read' | 'retry' | 'wait' | 'prepare'} phase `read`: a file or buffer of
 *   the page; `retry`: a failed request waits; `wait`: another tab downloads the same file
 * @property {number} loaded bytes
 * @property {number | undefined} total bytes; undefined while unknown
 * @property {boolean} fromCache whether all of `loaded` came from the browser's storage
 * @property {number} bytesPerSecond 0 while unknown
 * @property {number | undefined} secondsLeft undefined while unknown
 * @property {string} [message] a sentence worth showing: why it waits, why nothing is stored
 */

/**
 * The properties of a loaded model, and how it runs.
 * @typedef {object} ModelInfo
 * @property {string} architecture
 * @property {string} [name] as the file calls itself
 * @property {number} parameters
 * @property {number} contextLength tokens that it runs with: what was asked for, else what it was trained for, or what memory holds
 * @property {string} quantization the types of the ternary matrices, and those of embedding and head where they are quantized as
 *   well: 'TQ2_0, embedding Q4_K, head Q6_K'
 * @property {Variant} variant the WebAssembly build
 * @property {number} threads that write an answer; with `threads: 'auto'` the number may change from one token to the next
 * @property {string} kernel
 * @property {string} precision
 * @property {boolean} isolated whether the page is cross-origin isolated, which threads need
 * @property {number} bytes of the file
 * @property {number} memoryBytes of weights and caches
 * @property {number} weightBytes of weights alone, most of which every token reads
 * @property {number} vocabulary tokens
 * @property {number} maxConcurrent requests that are computed at once
 * @property {number} kvTokens tokens whose keys and values stay in memory, of all requests and of what was computed before
 * @property {'leader' | 'follower' | undefined} [shared] whether this tab runs the engine that tabs share, or asks the one that does
 * @property {number} [embeddingDimensions] numbers in a vector of `embed`, where the model was made for it
 * @property {PresetChoice} [preset] what the load option `preset` has chosen, and why
 */

/**
 * The properties and needs of a model, from its header alone.
 * @typedef {object} Probe
 * @property {string} architecture
 * @property {string} [name]
 * @property {number} parameters
 * @property {string} quantization as in {@link ModelInfo}
 * @property {number} contextLength tokens that it would run with, as in {@link ModelInfo}
 * @property {number} bytes of the file
 * @property {number} memoryBytes of weights and caches
 * @property {boolean} fits whether WebAssembly gets that much memory here
 * @property {number} contextThatFits the longest context that fits, in tokens; 0 if none does
 * @property {Variant} variant
 * @property {number} threads at most
 * @property {string} kernel
 * @property {boolean} isolated
 * @property {number} [tokensPerSecond] an estimate from a short measurement of the kernel, with weights like the model's
 */

/**
 * One file in the browser's storage.
 * @typedef {object} CacheEntry
 * @property {string} name
 * @property {string} source its address
 * @property {number} [bytes] of the file, where known
 * @property {number} storedBytes
 * @property {boolean} complete
 * @property {number} lastUsed milliseconds since 1970
 */

/**
 * @typedef {object} StorageEstimate
 * @property {number} [usage] bytes used by everything of this origin
 * @property {number} [quota] the most that it may use
 * @property {boolean} persisted whether the browser promised not to clear it by itself
 */

/** @typedef {{ action: 'list' | 'estimate' | 'clear' | 'delete' | 'evict', address?: string, hfBase?: string, bytes?: number }} CacheCall */

/**
 * Tokens of one generation.
 * @typedef {object} Usage
 * @property {number} promptTokens
 * @property {number} cachedTokens of the prompt, not computed again: what it shares from the start on with a text that was computed
 *   before and is still in memory. An answer that comes back in `messages` unchanged is shared too
 * @property {number} completionTokens
 * @property {number} [guessedTokens] tokens that were guessed and verified beside others; only if there were any, like the next
 * @property {number} [acceptedTokens] those of them that came, and saved a pass
 */

/**
 * Where the engine worker's time went, in milliseconds. The parts add up to the whole.
 * @typedef {object} Parts
 * @property {number} ternary products with ternary matrices
 * @property {number} attention
 * @property {number} head the logits
 * @property {number} norms also embedding, activation functions, quantization of activations, sums
 * @property {number} sampling
 * @property {number} barriers waiting for the other threads
 * @property {number} other the loop in JavaScript
 */

/**
 * How fast a model's threads can read memory.
 * @typedef {object} ReadLimit
 * @property {number} best bytes per second
 * @property {number} median bytes per second
 */

/**
 * Where the time of one generation went, measured in the engine worker.
 * @typedef {object} Timings
 * @property {number} queueMs waiting for a place among the requests that are computed at once
 * @property {number} prefillMs
 * @property {number} decodeMs
 * @property {number} firstTokenMs from the start of the prefill to the first token
 * @property {number} totalMs
 * @property {number} threads what `model.info.threads` shows from then on
 * @property {number} prefillTokensPerSecond
 * @property {number} decodeTokensPerSecond
 * @property {{ prefill: Parts, decode: Parts }} [parts] of `prefillMs` and `decodeMs`; only if `timeParts` asked for them
 */

/**
 * The model ended its turn, a stop text or token came, or what the answer must follow was complete; or the tokens are used up.
 * `tool_calls`: the answer calls tools, and waits for their results.
 * @typedef {'stop' | 'length' | 'tool_calls'} FinishReason
 */

/**
 * The token (one of the model's own ends, or of `stopTokens`) or the text (of `stop`) that ended an answer; or `responseFormat`,
 * because nothing could follow; or a guard, by its name.
 * @typedef {{ type: 'token', id: number, text: string } | { type: 'text', text: string } | { type: 'grammar', text: '' }
 *   | { type: 'guard', guard: string, text: '' }} StoppedBy
 */

/**
 * How a generation ended.
 * @typedef {object} GenerationResult
 * @property {FinishReason} finishReason
 * @property {StoppedBy} [stoppedBy] with the reasons `stop` and `tool_calls`
 * @property {ToolCall[]} [toolCalls] what it calls, where it does; with the reason `length` those that are complete
 * @property {Usage} usage
 * @property {Timings} timings
 * @property {string} [reasoning] all that the model has thought before it answered
 * @property {true} [fromCache] whether it was told from the response cache, and nothing was computed
 */

/**
 * A token and its log-probability.
 * @typedef {object} Logprob
 * @property {number} id
 * @property {string} text with U+FFFD where its bytes are a part of a character
 * @property {number[]} bytes what it stands for, in UTF-8
 * @property {number} logprob natural logarithm of its probability
 */

/**
 * A whole answer. `tokens`: those that it was written in, where `logprobs` has asked for their log-probabilities.
 * @typedef {{ text: string, tokens?: Token[] } & GenerationResult} Completion
 */

/**
 * How far a batch is: told after each of its prompts.
 * @typedef {object} BatchProgress
 * @property {number} index of the prompt that has its answer, or failed
 * @property {PromiseSettledResult<Completion>} result its
 * @property {number} done prompts, failed ones included
 * @property {number} failed prompts
 * @property {number} total prompts
 */

/**
 * One token. `text` may be empty: a character can span several tokens.
 * @typedef {object} Token
 * @property {number} id -1 at the very end, for text that had waited and belongs to no token of its own
 * @property {string} text
 * @property {ToolCallDelta[]} [toolCalls] what it adds to calls, which are not a part of `text`
 * @property {string} [reasoning] what the model thinks and does not say, of a model that begins its answer with `<think>`
 * @property {number} [logprob] natural logarithm of its probability, by the model's exact logits before any option; only if
 *   `logprobs` asked for it, like the next two
 * @property {number[]} [bytes] what the token stands for, in UTF-8
 * @property {Logprob[]} [topLogprobs] the likeliest tokens in its place, the likeliest first
 */

/**
 * How far the prompt is read.
 * @typedef {object} Prefill
 * @property {number} done tokens of the prompt that are there, cached ones included
 * @property {number} total tokens of the prompt
 * @property {number} cached tokens of the prompt that were there before
 */

/**
 * What there is of a generation so far, whether it goes on, has ended, or was left or aborted.
 * @typedef {object} PartialResult
 * @property {string} text that was taken out of the stream
 * @property {string} [reasoning] that was taken out of the stream
 * @property {Usage} usage tokens that were computed; the prompt's are 0 until its first part is read
 */

/**
 * @typedef {{ type: 'prefill' } & Prefill | { type: 'token' } & Token
 *   | { type: 'done', result: GenerationResult | undefined }} StreamEvent The result is undefined where the stream was left.
 */

/**
 * How well a model expects a text.
 * @typedef {object} Perplexity
 * @property {number} perplexity `exp` of the mean of `-logprobs`
 * @property {Uint32Array} ids the text's tokens
 * @property {Float32Array} logprobs of each token but the first, natural logarithms
 */

/**
 * Whether this browser computes right, and how fast.
 * @typedef {object} SelfTest
 * @property {boolean} passed every kernel gave the reference's bits
 * @property {number} cases results that were compared with their definition
 * @property {string[]} failures a line for each product that differs
 * @property {number} seed of the random cases
 * @property {{ kernel: string, weightsPerSecond: number }[]} kernels fastest first, matrix times vector on all threads
 */

/**
 * What `model.releaseMemory` has given back, in bytes.
 * @typedef {object} ReleasedMemory
 * @property {number} releasedBytes keys and values of texts that have ended: free for what the engine computes next
 * @property {number} usedBytes keys and values of what is under way
 * @property {number} memoryBytes of the engine's WebAssembly memory, which never becomes smaller
 * What the engine tells of itself at a moment, and what it has counted since the load.
 * @typedef {object} EngineStats
 * @property {number} kvBlocks that hold keys and values
 * @property {number} kvMostBlocks that may
 * @property {number} kvBlockTokens tokens in each
 * @property {number} kvBlockBytes bytes of each
 * @property {number} keptTexts texts that have ended and are kept
 * @property {number} weightBytesRead bytes that products with weights have read
 * @property {number} memoryBytes of the instance
 */

/**
 * A matrix of a loaded model.
 * @typedef {object} MatrixInfo
 * @property {string} name in the file
 * @property {string} type that the file stores it in
 * @property {number} rows
 * @property {number} cols
 * @property {number} [groupColumns] how many columns share a scale, where not the whole matrix does
 * @property {boolean} signsOnly whether its weights are kept as numbers: then their codes are their signs
 */

/**
 * How often each code occurs in some rows of a matrix.
 * @typedef {object} WeightCounts
 * @property {[minus: number, zero: number, plus: number, two: number]} counts of weights with the codes -1, 0, +1 and +2
 * @property {[least: number, greatest: number]} [scales] a weight is its code times a scale
 * @property {number} next the row after the last that was counted
 */

/**
 * How long the threads were at work, in milliseconds.
 * @typedef {object} ThreadLoad
 * @property {number} at the moment, as performance.now() tells in the engine worker
 * @property {Float64Array} busy of each thread, the one that leads first
 */

/**
 * A LoRA adapter of a loaded model.
 * @typedef {object} AdapterInfo
 * @property {string} name
 * @property {number} weight what its part is multiplied with when it is on
 * @property {boolean} enabled
 * @property {number} layers beside which it is computed
 * @property {number} bytes in memory
 */

/**
 * @typedef {{ action: 'load', name: string, weight: number, source: WireSource, options: WireLoadOptions }
 *   | { action: 'enable', name: string, weight: number | undefined }
 *   | { action: 'disable' | 'unload', name: string }
 *   | { action: 'list' }} AdapterCall
 */

/**
 * The calls of the engine: their arguments and answers.
 * @typedef {object} Methods
 * @property {{ args: { source: WireSource, options: WireLoadOptions }, value: ModelInfo }} load
 * @property {{ args: { source: WireSource, options: WireLoadOptions }, value: Probe }} probe
 * @property {{ args: CacheCall, value: any }} cache
 * @property {{ args: { prompt: WirePrompt, options: WireGenerateOptions }, value: GenerationResult }} generate
 * @property {{ args: AdapterCall, value: AdapterInfo[] }} adapters
 * @property {{ args: { text: string }, value: Uint32Array }} tokenize
 * @property {{ args: { ids: Uint32Array }, value: string }} detokenize
 * @property {{ args: { messages: WireMessage[], options: WireChatOptions }, value: string }} chatPrompt
 * @property {{ args: { ids: Uint32Array, positions: Uint32Array | undefined }, value: Float32Array }} logits
 * @property {{ args: { prompt: WirePrompt, options: WireChatOptions }, value: number }} countTokens
 * @property {{ args: { text: string }, value: Omit<Perplexity, 'perplexity'> }} perplexity
 * @property {{ args: { prompt: WirePrompt, options: WireChatOptions }, value: Uint8Array }} exportPrefix
 * @property {{ args: { bytes: Uint8Array }, value: number }} importPrefix
 * @property {{ args: { texts: string[] }, value: Float32Array }} embed
 * @property {{ args: {}, value: string }} logitsHash
 * @property {{ args: { seed: number }, value: SelfTest }} selfTest
 * @property {{ args: {}, value: number }} memoryBytes
 * @property {{ args: {}, value: ReleasedMemory }} releaseMemory
 * @property {{ args: {}, value: EngineStats }} stats
 * @property {{ args: {}, value: number }} wakeThreads how many there are
 * @property {{ args: { prompt: WirePrompt, chat: WireChatOptions, options: string }, value: string }} responseKey
 * @property {{ args: { tokens: number }, value: number }} trial how many tokens it has written
 * @property {{ args: { bytes: number }, value: ReadLimit }} readLimit
 * @property {{ args: {}, value: MatrixInfo[] }} matrices
 * @property {{ args: { name: string, row: number, rows: number, col: number, cols: number }, value: Int8Array }} weightTile
 * @property {{ args: { name: string, row: number, limit: number }, value: WeightCounts }} countWeights
 * @property {{ args: { measured: boolean }, value: ThreadLoad }} threadLoad
 */

/** @typedef {keyof Methods} Method */

/**
 * The first message to an engine worker. Each port leads to one compute worker, so that the shared memory never touches
 * the page: a reference there would keep gigabytes alive until the page's next garbage collection.
 * @typedef {object} EngineStart
 * @property {'start'} type
 * @property {Variant} variant
 * @property {string | undefined} wasmBase folder of the wasm files, where it is not beside the worker
 * @property {boolean} isolated
 * @property {MessagePort[]} ports
 * @property {boolean} measureThreads whether the model may use fewer threads where these are faster
 */

/**
 * @typedef {{ [M in Method]: { type: 'call', id: number, method: M, args: Methods[M]['args'] } }[Method]} EngineCall
 */

/**
 * Page to engine worker. `cancel` drops a call, at the latest after the step that is running; `stop` ends a generation, which then
 * has the result that it has come to; `pause` lets generations rest, or go on; `close` ends the engine.
 * @typedef {EngineStart | EngineCall | { type: 'cancel' | 'stop', id: number } | { type: 'pause', paused: boolean } | { type: 'ping', lastCall: number } | { type: 'close' }} ToEngine
 */

/** @typedef {Pick<SecurityPolicyViolationEvent, 'disposition' | 'effectiveDirective' | 'blockedURI'>} Violation */

/**
 * Any worker that imports its script from another origin, to the page: it cannot.
 * @typedef {{ type: 'unstarted', refused: Violation[] }} Unstarted
 */

/**
 * Engine worker to page. `hello` is sent once its script runs; `pong` says whether a call is lost, which nobody works on any
 * more; `crash` is the last word.
 * @typedef {{ type: 'hello' }
 *   | { type: 'pong', lost: boolean }
 *   | { type: 'closed' }
 *   | { type: 'progress', id: number, progress: Progress }
 *   | { type: 'begun', id: number, cached: number }
 *   | { type: 'prefill', id: number, prefill: Prefill }
 *   | { type: 'tokens', id: number, tokens: Token[] }
 *   | { type: 'result', id: number, value: any }
 *   | { type: 'failure', id: number, error: WireError }
 *   | { type: 'crash', error: WireError }} FromEngine
 */

/**
 * Page to compute worker: its only message.
 * @typedef {{ type: 'start', variant: Variant, port: MessagePort }} ToCompute
 */

/**
 * Compute worker to page.
 * @typedef {{ type: 'hello' } | { type: 'crash', error: WireError }} FromCompute
 */

/**
 * Engine worker to compute worker: first the instance to share, then the pool to work for.
 * @typedef {{ type: 'join', module: WebAssembly.Module, memory: WebAssembly.Memory }
 *   | { type: 'enter', ticket: number, index: number }} ToThread
 */

/**
 * Compute worker to engine worker.
 * @typedef {{ type: 'ready' }} FromThread
 */

export {};
