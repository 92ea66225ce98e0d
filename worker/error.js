// The error class of the API, with its stable codes.

/**
 * The codes of `src/kernels/error.rs`, and those that only the page can tell:
 *
 * | code | cause | what to do |
 * |---|---|---|
 * | `invalid_gguf` | the bytes are no GGUF file, or break its format | name the file itself, not the page that describes it; load it again with `cache: 'reload'` |
 * | `truncated` | the file ends before all of its tensors | copy or download it again |
 * | `unsupported` | a file, model or tokenizer of a kind that this build cannot run; a browser without SIMD, WebAssembly or workers | the sentence names what is missing: choose another file, or load in a page of a current browser |
 * | `invalid_model` | metadata and tensors do not make a consistent model | convert it again, or take another copy |
 * | `out_of_memory` | more memory is needed than there is | a smaller `context`, or a smaller model; `BitNet.probe` tells what fits |
 * | `invalid_argument` | an option or argument is out of its range | `details.expected` says what is allowed |
 * | `invalid_grammar` | what `responseFormat` or a tool asks for is wrong, takes too much work, or cannot be enforced | the sentence names the keyword or the place; for a tool `strict: false` |
 * | `chat_template` | the chat template is missing, failed, or exceeded its limits | the option `chatTemplate`, or a raw prompt as a string |
 * | `context_overflow` | the prompt leaves no room in the context | drop old messages; `details` has the numbers |
 * | `network` | the network failed, or a server answered with something else than the file | load again: what has arrived is kept |
 * | `not_found` | the server has no such file (404, 410), or no conversation is saved by that id | look at the address |
 * | `unauthorized` | the server wants to know who asks (401) | `headers` with an access token |
 * | `forbidden` | the server refuses the file to whoever asks (403, 451) | a token that may read it, or another file |
 * | `changed` | the file on the server is not the one that the download began with | load again: it begins anew |
 * | `integrity` | bytes do not match their checksum | load again: the damaged part is fetched anew; look at the option `integrity` |
 * | `other_model` | what was saved comes from another model, precision or other adapters | load what it was saved with, or read the text again |
 * | `storage` | the browser's storage failed or is full | `BitNet.cache.evict`, the option `evict: true`, or `cache: false` |
 * | `queue_full` | as many requests run and wait as may | try again when one has ended; `maxConcurrent`, `maxQueue` |
 * | `timeout` | the answer was not complete in the time that the call had | more `timeout` or fewer tokens; `details.usage` tells how far it was |
 * | `refused` | a guard of the application does not allow the request or its answer, has failed or has taken too long | `details.guard` names it, `details.reason` tells which; `details.retryAfterMs` is there where waiting helps |
 * | `aborted` | the call was cancelled inside the engine | callers see their signal's reason instead |
 * | `crashed` | a worker trapped or stopped answering | load the model again; if it happens twice, report it |
 * | `internal` | a bug of this library | report it |
 * | `worker_failed` | a worker's script did not start | the sentence names the address and the cause: serve `engine.js`, `compute.js` and `wasm/`, or allow them in the Content-Security-Policy |
 * | `leader_lost` | the tab that ran a shared engine was closed or has crashed while it worked on the call | ask again: another tab takes over; `onLeaderLost: 'repeat'` does so by itself |
 * | `unloaded` | the model was unloaded | load it again |
 *
 * Where a server's answer is the reason, `details.status` is its HTTP status.
 *
 * @typedef {'invalid_gguf' | 'truncated' | 'unsupported' | 'invalid_model' | 'out_of_memory' | 'invalid_argument'
 *   | 'invalid_grammar' | 'chat_template' | 'context_overflow' | 'network' | 'not_found' | 'unauthorized' | 'forbidden' | 'changed'
 *   | 'integrity' | 'other_model' | 'storage' | 'queue_full' | 'timeout' | 'refused' | 'aborted' | 'crashed' | 'internal' | 'worker_failed'
 *   | 'leader_lost' | 'unloaded'} ErrorCode
 */

/**
 * An error as it crosses from a worker to the page: a plain object, because a class does not survive structured cloning.
 * @typedef {object} WireError
 * @property {ErrorCode} code
 * @property {string} message One sentence: what was expected, what was found, what to do.
 * @property {unknown} [details] Numbers and names behind the sentence, where there are any.
 */

/** An error with a stable `code` to switch on and, where there are any, the `details` behind its sentence. */
export class BitNetError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{ details?: unknown, cause?: unknown }} [more]
   */
  constructor(code, message, { details, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BitNetError';
    /** Stable; never changes once released. */
    this.code = code;
    /** Numbers and names behind the sentence; `undefined` where there are none. */
    this.details = details;
  }

  /**
   * @internal
   * @param {WireError} error
   * @returns {BitNetError}
   */
  static fromWire({ code, message, details }) {
    return new this(code, message, { details }); // by no name: a bundler would give the class another one, which stacks would show
  }
}

/**
 * An option with a value that it may not have.
 * @param {string} option
 * @param {string} expected
 * @param {unknown} found
 */
export function invalidOption(option, expected, found) {
  return new BitNetError('invalid_argument', `${option}: expected ${expected}, found ${JSON.stringify(found) ?? String(found)}.`, {
    details: { option, expected },
  });
}

/**
 * Any thrown value as a plain object that can be posted.
 * @param {unknown} thrown
 * @returns {WireError}
 */
export function toWire(thrown) {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string') {
    const { code, message, details } = /** @type {WireError} */ (thrown);
    return { code, message: String(message), details };
  }
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  // The message of browsers for a buffer that does not fit into memory.
  const isLack = thrown instanceof RangeError && /alloc|memory|array (buffer|length)/i.test(thrown.message);
  if (isLack) return { code: 'out_of_memory', message: `The browser has no memory left for this (${message}). Close other tabs, or unload other models.` };
  return { code: 'internal', message };
}
