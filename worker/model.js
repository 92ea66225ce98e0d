/// <reference lib="esnext.disposable" preserve="true" />
// A loaded model, as callers hold it: every method is one call to the engine worker.
import { runBatch } from './batch.js';
import { Chat } from './chat/chat.js';
import { restoreChat } from './chat/restore.js';
import { BitNetError } from './error.js';
import { Guards } from './guards/guards.js';
import { checkHealth } from './health.js';
import { EVENTS, Listeners } from './listeners.js';
import { LoraAdapters } from './lora.js';
import { Metrics } from './metrics/metrics.js';
import { OpenAI } from './openai/openai.js';
import { inTime } from './deadline.js';
import { checkGenerateOptions, checkIndices, checkMessages, checkPrompt, checkText, checkTexts, templateOptions } from './options.js';
import { repeatable } from './responses.js';
import { TokenStream } from './stream.js';
import { checkToolOptions, ToolCalling, toolError } from './tools/tool-calling.js';

/** @import { Guard } from './guards/guard.js' */
/** @import { Health, HealthOptions } from './health.js' */
/** @import { ModelEvents } from './listeners.js' */
/** @import { ListenOptions, MetricsHistory, MetricsOptions, RequestRecord } from './metrics/metrics.js' */
/** @import { MetricsSnapshot } from './metrics/snapshot.js' */
/** @import { ResponseCache } from './responses.js' */
/** @import { CallEvent } from './worker-group.js' */
/** @import { Engine } from './local-engine.js' */
/** @import { BatchProgress, Completion, GenerationResult, Message, Methods, ModelInfo, Perplexity, Prefill, Prompt, ReleasedMemory, Token, WireChatOptions, WireMessage, WirePrompt } from './protocol.js' */
/** @import { GenerateOptions } from './schema.js' */
/** @import { ChatSessionOptions } from './chat/chat.js' */
/** @import { SavedChat } from './chat/store.js' */
/** @import { ToolWish } from './tools/tool-calling.js' */

/** The engine of every model, for `bench.js` and `prefix.js`. @internal @type {WeakMap<Model, Engine>} */
export const engines = new WeakMap();

/**
 * What the engine of a model gets for a prompt: with the tools told in words, where its template shows none. For `prefix.js`.
 * @internal
 * @type {(model: Model, prompt: Prompt, options: GenerateOptions) => Promise<{ prompt: WirePrompt, options: WireChatOptions }>}
 */
export let prepare;

/**
 * Ends the workers of models that nobody can reach any more. A call that runs keeps its workers until it has ended, whatever
 * happens to its model meanwhile. What is held here, an engine, must not lead to its model.
 * @type {FinalizationRegistry<Engine>}
 */
const forgotten = new FinalizationRegistry((engine) => engine.closeWhenIdle(UNLOADED));

/** Why calls reject. */
const UNLOADED = new BitNetError('unloaded', 'The model was unloaded; load it again to use it.');

/**
 * A loaded model. Generations run at once, up to `info.maxConcurrent` of them, and share every pass over the weights; what one
 * says does not depend on the others.
 * @hideconstructor
 */
export class Model {
  #engine;

  /** @type {OpenAI | undefined} */
  #openai;

  #tools;

  #metrics;

  #responses;

  #listeners = new Listeners();

  /** The changing parts of `info`, apart from the model: whoever keeps `info` alone must not keep the workers. */
  #now;

  /** LoRA adapters beside the weights: `load`, `enable`, `disable`, `unload`, `list`. @readonly */
  adapters;

  /** Limits that the application sets: `add`, `list`. @readonly */
  guards;

  /**
   * The model's properties, and how it runs. With `threads: 'auto'` the number of threads follows what is fastest: it may differ
   * after an answer.
   * @type {Readonly<ModelInfo>}
   */
  info;

  /**
   * Use `BitNet.load`.
   * @internal
   * @param {Engine} engine
   * @param {ModelInfo} info
   * @param {{ guards?: readonly Guard[] | undefined, metrics?: MetricsOptions | undefined, responses?: ResponseCache | undefined }} [options]
   *   of `load`
   */
  constructor(engine, info, { guards = [], metrics, responses } = {}) {
    // Nothing that is made here may capture `this`: all functions of a constructor share what each of them captures, so that
    // `info` would keep its model alive.
    this.#engine = engine;
    this.#responses = responses;
    this.#tools = new ToolCalling((messages, options) => engine.call('chatPrompt', { messages, options }));
    this.adapters = new LoraAdapters(engine);
    this.guards = new Guards(guards, this.#listeners);
    engines.set(this, engine);
    forgotten.register(this, engine);
    const now = { threads: info.threads };
    const { status } = engine;
    this.#now = now;
    this.info = Object.freeze({
      ...info,
      get threads() {
        return now.threads;
      },
      get shared() {
        return status.shared;
      },
    });
    this.#metrics = new Metrics(engine, this.info, metrics);
  }

  /**
   * Streams an answer, token by token. A string is raw text; messages go through the model's chat template. Leaving the
   * loop, or aborting the signal, stops the engine within one token or one short batch of the prompt. After the loop,
   * `stream.result` tells why it ended, and what it took; `stream.partial` tells what there is at any time, also after an abort.
   * What is wrong with the arguments is thrown here.
   * @param {Prompt} prompt
   * @param {GenerateOptions} [options]
   * @returns {TokenStream}
   */
  generate(prompt, options = {}) {
    const asked = checkRequest(prompt, options);
    const { signal: given, onPrefill } = options;
    return new TokenStream((onToken, stopped, onRead) => {
      const signal = given ? AbortSignal.any([given, stopped]) : stopped;
      const onPart = (/** @type {Prefill} */ prefill) => {
        onRead(prefill);
        onPrefill?.(prefill);
      };
      return this.#run(asked, { ...options, signal, onPrefill: onPart }, onToken);
    });
  }

  /**
   * The whole answer at once.
   * @param {Prompt} prompt
   * @param {GenerateOptions} [options]
   * @returns {Promise<Completion>}
   */
  async complete(prompt, options = {}) {
    return this.#complete(prompt, options, false);
  }

  /**
   * @param {Prompt} prompt
   * @param {GenerateOptions} options
   * @param {boolean} waitsForRoom where the queue is full
   * @returns {Promise<Completion>}
   */
  async #complete(prompt, options, waitsForRoom) {
    const asked = checkRequest(prompt, options);
    let text = '';
    /** @type {Token[]} */
    const tokens = [];
    const onToken = (/** @type {Token} */ token) => {
      text += token.text;
      if (token.logprob !== undefined) tokens.push(token);
    };
    const result = await this.#run(asked, options, onToken, waitsForRoom);
    return { text, ...result, ...(tokens.length > 0 && { tokens }) };
  }

  /**
   * The answers to many prompts, `info.maxConcurrent` at once. One that fails does not lose the others; an abort rejects the
   * whole call. Where other calls fill the queue, the prompts wait for a place.
   * @param {readonly Prompt[]} prompts
   * @param {GenerateOptions & { onProgress?: ((progress: BatchProgress) => void) | undefined }} [options] of every answer;
   *   `onProgress` is called with each of them as it comes
   * @returns {Promise<PromiseSettledResult<Completion>[]>} in the order of the prompts
   */
  async generateBatch(prompts, { onProgress, ...options } = {}) {
    if (!Array.isArray(prompts)) {
      throw new BitNetError('invalid_argument', 'prompts: expected an array of prompts, each a string or an array of messages.');
    }
    prompts.forEach(checkPrompt);
    checkGenerateOptions(options);
    if (onProgress !== undefined && typeof onProgress !== 'function') {
      throw new BitNetError('invalid_argument', 'onProgress: expected a function.', { details: { option: 'onProgress' } });
    }
    const { maxConcurrent } = this.info;
    return runBatch(prompts, maxConcurrent, (prompt) => this.#complete(prompt, options, true), options.signal, onProgress);
  }

  /**
   * @param {CheckedRequest} asked
   * @param {GenerateOptions} options
   * @param {(token: Token) => void} onToken
   * @param {boolean} [waitsForRoom] where the queue is full
   * @returns {Promise<GenerationResult>}
   */
  #run(asked, options, onToken, waitsForRoom = false) {
    return this.#metrics.request(options.signal, (record) => this.#admit(asked, options, { onToken, waitsForRoom, record }));
  }

  /**
   * Lets the guards look at a request, then computes its answer past those that look at texts.
   * @param {CheckedRequest} asked
   * @param {GenerateOptions} options
   * @param {{ onToken: (token: Token) => void, waitsForRoom: boolean, record: RequestRecord }} more
   * @returns {Promise<GenerationResult>}
   */
  async #admit(asked, options, { onToken, waitsForRoom, record }) {
    const { signal = new AbortController().signal } = options;
    signal.throwIfAborted();
    const count = (/** @type {Prompt} */ prompt, /** @type {GenerateOptions} */ options) => this.countTokens(prompt, templateOptions(options));
    const began = performance.now();
    const admitted = await inTime(options.timeout, signal, (signal) => this.guards.admit(asked.prompt, options, { signal, check: checkRequest, count }));
    const isChanged = admitted.prompt !== asked.prompt || admitted.options !== options;
    const { args, wish } = isChanged ? checkRequest(admitted.prompt, admitted.options) : asked;
    args.options.waitsForRoom = waitsForRoom;
    if (args.options.timeout !== undefined) args.options.waited = performance.now() - began;
    const stop = new AbortController();
    const watch = admitted.watch?.(onToken, () => stop.abort());
    const onWritten = watch ? watch.push.bind(watch) : onToken;
    const result = await this.#answer({ args, wish }, admitted.options, {
      signal,
      stop: stop.signal,
      onToken: onWritten,
      onPrefill: options.onPrefill,
      record,
    });
    return watch ? watch.finish(result) : result;
  }

  /**
   * @param {{ args: Methods['generate']['args'], wish: ToolWish | undefined }} asked
   * @param {GenerateOptions} options as they were given
   * @param {object} more
   * @param {AbortSignal} more.signal
   * @param {AbortSignal} more.stop ends the answer with what it has come to
   * @param {(token: Token) => void} more.onToken
   * @param {((prefill: Prefill) => void) | undefined} more.onPrefill
   * @param {RequestRecord} more.record
   * @returns {Promise<GenerationResult>}
   */
  async #answer(asked, options, { signal, stop, onToken, onPrefill, record }) {
    const { args, answer } = await this.#tools.begin(asked.args, asked.wish);
    const onEvent = (/** @type {CallEvent} */ event) => {
      record.hear(event);
      if (event.type === 'token') onToken(answer ? answer.token(event.token) : event.token);
      if (event.type === 'prefill') onPrefill?.(event.prefill);
    };
    const text = this.#responses && repeatable(args.options, options);
    const call =
      this.#responses && text !== undefined
        ? this.#responses.answer(this.#engine, args, text, { signal, stop, onEvent, onRecalled: () => record.recall() })
        : this.#engine.call('generate', args, { signal, stop, onEvent });
    const result = await call.catch((error) => {
      throw asked.wish ? toolError(error, asked.wish) : error;
    });
    if (!result.fromCache) this.#now.threads = result.timings.threads;
    return answer ? answer.finish(result, onToken) : result;
  }

  /**
   * The model behind OpenAI's interface: `openai.chat.completions.create(...)` and its like, and `openai.fetch` for clients of that
   * API, such as the `openai` package.
   * @returns {OpenAI}
   */
  get openai() {
    return (this.#openai ??= new OpenAI(this));
  }

  /**
   * Begins a conversation: it keeps its messages, and streams an answer to each next one.
   * @param {ChatSessionOptions} [options] those of `generate` are those of every answer
   * @returns {Chat}
   */
  chat(options = {}) {
    return new Chat(this, options);
  }

  /**
   * Goes on with a conversation that was saved: by the id that `chat.save()` gave, or from what `chat.toJSON()` gave. It need not
   * have been held with this very model.
   * @param {string | SavedChat} saved
   * @param {ChatSessionOptions} [options] in place of those that were saved
   * @returns {Promise<Chat>}
   */
  async restore(saved, options = {}) {
    return restoreChat(this, saved, options);
  }

  /**
   * Token ids of a text, without a chat template.
   * @param {string} text
   * @returns {Promise<number[]>}
   */
  async tokenize(text) {
    return Array.from(await this.#engine.call('tokenize', { text: checkText(text) }));
  }

  /**
   * @param {ArrayLike<number>} ids
   * @returns {Promise<string>}
   */
  async detokenize(ids) {
    return this.#engine.call('detokenize', { ids: checkIndices(ids, 'ids') });
  }

  /**
   * The text that the model reads when `generate` is given these messages.
   * @param {readonly Message[]} messages
   * @param {GenerateOptions} [options] of `generate`: those that concern messages count
   * @returns {Promise<string>}
   */
  async chatPrompt(messages, options = {}) {
    checkMessages(messages);
    const { prompt, options: chat } = await this.#prepare(messages, options);
    return this.#engine.call('chatPrompt', { messages: /** @type {WireMessage[]} */ (prompt), options: chat });
  }

  /**
   * The number of tokens that `generate` reads for this prompt: what `usage.promptTokens` will be. A prompt that is longer
   * than the context is counted too.
   * @param {Prompt} prompt
   * @param {GenerateOptions} [options] of `generate`: those that concern messages count
   * @returns {Promise<number>}
   */
  async countTokens(prompt, options = {}) {
    return this.#engine.call('countTokens', await this.#prepare(prompt, options));
  }

  static {
    prepare = (model, prompt, options) => model.#prepare(prompt, options);
  }

  /**
   * @param {Prompt} prompt
   * @param {GenerateOptions} options
   * @returns {Promise<{ prompt: WirePrompt, options: WireChatOptions }>}
   */
  async #prepare(prompt, options) {
    const [checked, { chat = {} }] = [checkPrompt(prompt), checkGenerateOptions(options)];
    if (typeof checked === 'string') return { prompt: checked, options: chat };
    const prepared = await this.#tools.prepare(checked, options.toolChoice === 'none' ? { ...chat, tools: undefined } : chat);
    return { prompt: prepared.messages, options: prepared.options };
  }

  /**
   * How well the model expects a text: by exact logits, whatever the precision. The text is raw, as a string for `generate`
   * is, and must fit into the context.
   * @param {string} text of at least two tokens
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Perplexity>}
   */
  async perplexity(text, { signal } = {}) {
    const { ids, logprobs } = await this.#engine.call('perplexity', { text: checkText(text) }, { signal });
    const sum = logprobs.reduce((sum, logprob) => sum - logprob, 0);
    return { perplexity: Math.exp(sum / logprobs.length), ids, logprobs };
  }

  /**
   * The logits after each asked position, row by row: shape (positions, vocabulary).
   * @param {ArrayLike<number>} ids token ids
   * @param {{ positions?: ArrayLike<number> | undefined, signal?: AbortSignal | undefined }} [options] all positions by default
   * @returns {Promise<Float32Array>}
   */
  async logits(ids, { positions, signal } = {}) {
    const args = {
      ids: checkIndices(ids, 'ids'),
      positions: positions === undefined ? undefined : checkIndices(positions, 'positions'),
    };
    return this.#engine.call('logits', args, { signal });
  }

  /**
   * Embeddings of texts, with the pooling that the model's file names: texts of like meaning have vectors in like directions, and
   * as each vector has length 1, the sum of the products of two is the cosine of their angle. Several texts share each pass
   * over the weights. What a model wants before a text (an instruction, `query: `) is a part of the text.
   * @param {string | readonly string[]} texts none empty, each at most as long as the context
   * @param {{ signal?: AbortSignal | undefined }} [options]
   * @returns {Promise<Float32Array[]>} a vector for each text
   */
  async embed(texts, { signal } = {}) {
    const asked = checkTexts(texts);
    const vectors = await this.#engine.call('embed', { texts: asked }, { signal });
    const dimensions = vectors.length / asked.length;
    return asked.map((_, i) => vectors.slice(i * dimensions, (i + 1) * dimensions));
  }

  /**
   * A fingerprint of the arithmetic: the same for every kernel, thread count and browser.
   * @returns {Promise<string>}
   */
  async logitsHash() {
    return this.#engine.call('logitsHash', {});
  }

  /**
   * Gives the memory back that nothing under way needs: keys and values of texts that have ended, which makes the next prompt be
   * read from its beginning. It is free for whatever this model computes next; the browser does not get it back, since
   * WebAssembly's memory never becomes smaller: that takes `unload`.
   * @returns {Promise<ReleasedMemory>}
   */
  async releaseMemory() {
    return this.#engine.call('releaseMemory', {});
  }

  /**
   * How the model does: its requests, tokens, speeds, latencies, keys and values and memory. Speeds and latencies are those of the
   * last minute.
   * @returns {Promise<MetricsSnapshot>}
   */
  async metrics() {
    return this.#metrics.snapshot();
  }

  /**
   * Snapshots of the last hours, one for each interval in which something happened, as plain data for `JSON.stringify`. The load
   * option `metrics` says how often and for how long.
   * @returns {MetricsHistory}
   */
  metricsHistory() {
    return this.#metrics.history();
  }

  /**
   * Listens to what the model tells besides answers. `metrics`: a snapshot at an interval, which looks back to the one before;
   * `alert`: a number of the metrics has passed a threshold of `rules`, or is back; `audit`: a guard has decided.
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {(event: ModelEvents[E]) => void} listener
   * @param {ListenOptions} [options]
   * @returns {() => void} ends it, as `off` does
   */
  on(type, listener, options = {}) {
    if (!EVENTS.includes(type)) throw new BitNetError('invalid_argument', `on: expected one of '${EVENTS.join("', '")}', found '${String(type)}'.`);
    if (typeof listener !== 'function') throw new BitNetError('invalid_argument', 'on: expected a function that listens.');
    const stop = this.#metrics.supply(type, listener, options);
    const off = this.#listeners.on(type, listener, stop);
    if (options.signal?.aborted) off();
    options.signal?.addEventListener('abort', off, { once: true });
    return off;
  }

  /**
   * Ends what `on` began.
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {(event: ModelEvents[E]) => void} listener
   */
  off(type, listener) {
    this.#listeners.off(type, listener);
  }

  /**
   * Whether the workers live and the model still answers, by a short generation that disturbs no other request and leaves
   * nothing in memory. It tells within its time limit, whatever has happened, and rejects only where its signal aborts.
   * @param {HealthOptions} [options]
   * @returns {Promise<Health>}
   */
  async health(options) {
    return checkHealth(this.#engine, options);
  }

  /**
   * Frees everything: the workers and their memory are gone. Calls that were still under way reject with the code
   * `unloaded`, and so does every later one.
   * @returns {Promise<void>}
   */
  async unload() {
    await this.#engine.close(UNLOADED);
  }

  /** `await using model = await BitNet.load(...)` unloads at the end of the block. */
  async [Symbol.asyncDispose]() {
    await this.unload();
  }
}

/**
 * A request that was checked, with its prompt as the caller gave it.
 * @typedef {{ prompt: Prompt, args: Methods['generate']['args'], wish: ToolWish | undefined }} CheckedRequest
 */

/**
 * @param {Prompt} prompt
 * @param {GenerateOptions} options
 * @returns {CheckedRequest}
 */
function checkRequest(prompt, options) {
  const args = { prompt: checkPrompt(prompt), options: checkGenerateOptions(options) };
  return { prompt, args, wish: checkToolOptions(options, prompt) };
}
