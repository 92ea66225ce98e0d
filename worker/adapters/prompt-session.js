// A session of the Prompt API.
import { unlessAborted } from '../abort.js';
import { BitNetError } from '../error.js';
import { toolCallsOf } from '../tool-calls.js';
import { readConstraint, readInput, withConstraint } from './prompt-input.js';

/** @import { Chat } from '../chat/chat.js' */
/** @import { GenerationResult, Message } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Model } from '../model.js' */
/** @import { PromptInput, PromptOptions, PromptTool, SamplingMode } from './prompt-api.js' */

/** How a session samples. @typedef {{ mode: SamplingMode, topK: number, temperature: number, options: GenerateOptions }} Sampling */

/** How often an answer may call tools before it has to end. */
const MOST_ROUNDS = 16;

/** What lets `LanguageModel.create` alone make sessions. */
export const KEY = Symbol('session');

/**
 * One session: a conversation with a model. What it is asked is answered one after the other; what fails or is aborted leaves it as it
 * was before.
 */
export class Session extends EventTarget {
  #model;
  #chat;
  #tools;
  #sampling;
  #usage;
  #destroyed = new AbortController();
  /** Destroyed, by `destroy` or by the signal that was given to `create`. */
  #end;
  /** The end of the last operation. @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** Called when messages were left out because the context is full. @type {((event: Event) => any) | null} */
  oncontextoverflow = null;
  /** The former name of `oncontextoverflow`. @type {((event: Event) => any) | null} */
  onquotaoverflow = null;

  /**
   * @internal
   * @param {symbol} key
   * @param {{ model: Model, chat: Chat, tools: PromptTool[], sampling: Sampling, usage: number, signal?: AbortSignal | undefined }} of
   */
  constructor(key, of) {
    super();
    if (key !== KEY) throw new TypeError('Sessions are made by LanguageModel.create().');
    const { model, chat, tools, sampling, usage, signal } = of;
    this.#model = model;
    this.#chat = chat;
    this.#tools = tools;
    this.#sampling = sampling;
    this.#usage = usage;
    this.#end = signal ? AbortSignal.any([signal, this.#destroyed.signal]) : this.#destroyed.signal;
    this.addEventListener('contextoverflow', (event) => this.oncontextoverflow?.(event));
    this.addEventListener('quotaoverflow', (event) => this.onquotaoverflow?.(event));
  }

  /** Tokens that the session has used of its window. */
  get contextUsage() {
    return this.#usage;
  }

  /** Tokens that the session can hold. */
  get contextWindow() {
    return this.#model.info.contextLength;
  }

  /** The former name of `contextUsage`. */
  get inputUsage() {
    return this.contextUsage;
  }

  /** The former name of `contextWindow`. */
  get inputQuota() {
    return this.contextWindow;
  }

  get samplingMode() {
    return this.#sampling.mode;
  }

  get topK() {
    return this.#sampling.topK;
  }

  get temperature() {
    return this.#sampling.temperature;
  }

  /**
   * The whole answer.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {Promise<string>}
   */
  async prompt(input, options = {}) {
    let text = '';
    await this.#operate([options.signal], (signal) => this.#answer(input, options, signal, (piece) => (text += piece)));
    return text;
  }

  /**
   * The answer, piece by piece.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {ReadableStream<string>}
   */
  promptStreaming(input, options = {}) {
    const left = new AbortController();
    return new ReadableStream({
      start: (controller) => {
        // It is written whether somebody reads or not: the session's next prompt waits for its end.
        const write = (/** @type {string} */ piece) => left.signal.aborted || controller.enqueue(piece);
        this.#operate([options.signal, left.signal], (signal) => this.#answer(input, options, signal, write)).then(
          () => left.signal.aborted || controller.close(),
          (error) => controller.error(error),
        );
      },
      cancel: (reason) => left.abort(reason),
    });
  }

  /**
   * Adds messages without an answer.
   * @param {PromptInput} input
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<undefined>}
   */
  async append(input, { signal } = {}) {
    return this.#operate([signal], async (signal) => {
      this.#chat.append(readInput(input, this.#hasContext).messages);
      const dropped = await unlessAborted(this.#chat.fit(), signal);
      const usage = await unlessAborted(this.#chat.countTokens(), signal);
      const quota = this.contextWindow;
      if (usage > quota) throw quotaExceeded(`The session would have ${usage} tokens, the context ${quota}: append less.`, usage, quota);
      this.#usage = usage;
      if (dropped.length > 0) this.#overflow();
      return undefined;
    });
  }

  /**
   * Tokens that an input would take.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {Promise<number>}
   */
  async measureContextUsage(input, options = {}) {
    const signal = this.#composite([options.signal]);
    signal.throwIfAborted();
    readConstraint(options);
    const { messages, hasPrefix } = readInput(input, this.#hasContext);
    const before = this.#chat.messages;
    const counts = [this.#count(before, false), this.#count([...before, ...withConstraint(messages, options)], hasPrefix)];
    const [least, most] = await unlessAborted(Promise.all(counts), signal).catch((error) => Promise.reject(domError(error)));
    return Math.max(0, most - least);
  }

  /**
   * The former name of `measureContextUsage`.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {Promise<number>}
   */
  measureInputUsage(input, options) {
    return this.measureContextUsage(input, options);
  }

  /**
   * A session of its own that has everything which was said in this one.
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<this>}
   */
  async clone({ signal } = {}) {
    const Own = /** @type {new (...args: ConstructorParameters<typeof Session>) => this} */ (this.constructor);
    return this.#operate([signal], async () =>
      new Own(KEY, { model: this.#model, chat: this.#chat.fork(), tools: this.#tools, sampling: this.#sampling, usage: this.#usage }));
  }

  /** Ends the session: its prompts reject, those under way too. */
  destroy() {
    this.#destroyed.abort(new DOMException('The session was destroyed.', 'AbortError'));
    return undefined;
  }

  /** Whether anything was said. */
  get #hasContext() {
    return this.#chat.messages.length > 0;
  }

  /** @param {(AbortSignal | undefined)[]} signals */
  #composite(signals) {
    return AbortSignal.any([this.#end, ...signals.filter((signal) => signal !== undefined)]);
  }

  /**
   * Works once what was begun before has ended.
   * @template T
   * @param {(AbortSignal | undefined)[]} signals
   * @param {(signal: AbortSignal) => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #operate(signals, work) {
    const signal = this.#composite(signals);
    signal.throwIfAborted();
    const before = this.#last;
    let end = () => {};
    this.#last = Promise.all([before, new Promise((resolve) => (end = () => resolve(undefined)))]);
    let was;
    try {
      await unlessAborted(before, signal);
      was = { chat: this.#chat.fork(), usage: this.#usage };
      return await work(signal);
    } catch (error) {
      if (was !== undefined) [this.#chat, this.#usage] = [was.chat, was.usage];
      throw domError(error);
    } finally {
      end();
    }
  }

  /**
   * @param {PromptInput} input
   * @param {PromptOptions} options
   * @param {AbortSignal} signal
   * @param {(piece: string) => void} write
   */
  async #answer(input, options, signal, write) {
    const read = readInput(input, this.#hasContext);
    /** @type {GenerateOptions} */
    const asked = { signal, responseFormat: /** @type {GenerateOptions['responseFormat']} */ (readConstraint(options)) };
    let messages = withConstraint(read.messages, options);
    for (let round = 0; messages.length > 0; round++) {
      const begins = messages.at(-1)?.role === 'assistant' ? round === 0 && read.hasPrefix : undefined;
      const stream = this.#chat.send(messages, { ...asked, continueFinalMessage: begins });
      for await (const { text } of stream) if (text !== '') write(text);
      if (stream.result?.dropped.length) this.#overflow();
      messages = await unlessAborted(this.#call(stream.result, round), signal);
    }
    this.#usage = this.#chat.usage.tokens;
  }

  /**
   * Runs the tools that an answer calls.
   * @param {GenerationResult | undefined} result
   * @param {number} round
   * @returns {Promise<Message[]>} what they gave
   */
  async #call(result, round) {
    const calls = round < MOST_ROUNDS ? toolCallsOf(result) : [];
    return Promise.all(calls.map(async ({ id, name, arguments: values }) => {
      const tool = this.#tools.find((tool) => tool.name === name);
      const content = String(await tool?.execute(values));
      return { role: 'tool', content, tool_call_id: id, name };
    }));
  }

  /**
   * @param {Message[]} messages
   * @param {boolean} hasPrefix
   * @returns {Promise<number>}
   */
  async #count(messages, hasPrefix) {
    if (messages.length === 0) return 0;
    const ends = messages.at(-1)?.role === 'assistant' && { continueFinalMessage: hasPrefix };
    return this.#model.countTokens(messages, { ...ends });
  }

  #overflow() {
    for (const name of ['contextoverflow', 'quotaoverflow']) this.dispatchEvent(new Event(name));
  }
}

/**
 * Errors as the Prompt API has them.
 * @param {unknown} error
 */
export function domError(error) {
  if (!(error instanceof BitNetError)) return error;
  const { code, message, details } = error;
  const { tokens, minTokens, contextLength, stage } = /** @type {any} */ (details ?? {});
  if (code === 'context_overflow') return quotaExceeded(message, tokens ?? minTokens, contextLength);
  if (code === 'invalid_argument') return new TypeError(message, { cause: error });
  if (code === 'refused' && stage === 'text') return new DOMException(message, 'NotReadableError');
  /** @type {Record<string, string>} */
  const names = { unsupported: 'NotSupportedError', invalid_grammar: 'NotSupportedError', unloaded: 'InvalidStateError', refused: 'NotAllowedError', chat_template: 'NotSupportedError', network: 'NetworkError' };
  return new DOMException(message, names[code] ?? 'OperationError');
}

/**
 * @param {string} message
 * @param {number} requested tokens
 * @param {number} quota tokens
 */
export function quotaExceeded(message, requested, quota) {
  const Own = Reflect.get(globalThis, 'QuotaExceededError');
  return Own ? new Own(message, { requested, quota }) : Object.assign(new DOMException(message, 'QuotaExceededError'), { requested, quota });
}
