// The browser's Prompt API (https://webmachinelearning.github.io/prompt-api/) over a model of this library.
import { BitNetError } from '../error.js';
import { GENERATE_RULES } from '../schema.js';
import { toolCallsOf } from '../tool-calls.js';

/** @import { Chat, ChatSessionOptions } from '../chat/chat.js' */
/** @import { GenerationResult, Message } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Model } from '../model.js' */

/** @typedef {'unavailable' | 'downloadable' | 'downloading' | 'available'} Availability */
/** @typedef {{ type: 'text', value: string }} PromptContent */
/** @typedef {{ role: 'system' | 'user' | 'assistant', content: string | PromptContent[], prefix?: boolean }} PromptMessage */
/** @typedef {string | PromptMessage[]} PromptInput */
/** @typedef {{ signal?: AbortSignal, responseConstraint?: object | RegExp, omitResponseConstraintInput?: boolean }} PromptOptions */
/** @typedef {{ name: string, description: string, inputSchema: object, execute: (...args: any[]) => Promise<string> }} PromptTool */
/** @typedef {'most-predictable' | 'predictable' | 'balanced' | 'creative' | 'most-creative'} SamplingMode */

/**
 * @typedef {object} CreateOptions
 * @property {PromptMessage[]} [initialPrompts]
 * @property {{ type: string, languages?: string[] }[]} [expectedInputs]
 * @property {{ type: string, languages?: string[] }[]} [expectedOutputs]
 * @property {PromptTool[]} [tools]
 * @property {SamplingMode} [samplingMode]
 * @property {number} [topK]
 * @property {number} [temperature]
 * @property {AbortSignal} [signal]
 * @property {(monitor: EventTarget) => void} [monitor]
 */

/** @typedef {(onProgress: (loaded: number) => void, signal: AbortSignal | undefined) => Promise<Model>} LoadModel `loaded` goes from 0 to 1 */

/**
 * The class itself: sessions are made by `create`.
 * @typedef {object} LanguageModelClass
 * @property {(options?: CreateOptions) => Promise<Availability>} availability whether a session can be had at once
 * @property {(options?: CreateOptions) => Promise<Session>} create
 * @property {Session} prototype
 */

/** @type {Record<SamplingMode, GenerateOptions>} */
const SAMPLING = {
  'most-predictable': { temperature: 0 },
  predictable: { temperature: 0.3, topP: 0.9 },
  balanced: { temperature: 0.7, topP: 0.95 },
  creative: { temperature: 1, topP: 0.95 },
  'most-creative': { temperature: 1.3, minP: 0.05 },
};

/** How often an answer may call tools before it has to end. */
const MOST_ROUNDS = 16;

/**
 * A class `LanguageModel` as the Prompt API describes it.
 * @param {Model | LoadModel} source a loaded model, or what loads it for the first session: all sessions share it
 * @returns {LanguageModelClass}
 */
export function promptApi(source) {
  /** @type {Promise<Model> | undefined} */
  let loading = typeof source === 'function' ? undefined : Promise.resolve(source);
  let isLoaded = loading !== undefined;
  /** @type {Set<(loaded: number) => void>} */
  const listeners = new Set();

  /** @param {AbortSignal | undefined} signal */
  const model = (signal) => {
    if (loading === undefined) {
      loading = /** @type {LoadModel} */ (source)((loaded) => listeners.forEach((listen) => listen(loaded)), signal);
      loading.then(() => (isLoaded = true), () => (loading = undefined)); // the next session tries again
    }
    return loading;
  };

  return class LanguageModel extends Session {
    /** @param {CreateOptions} [options] @returns {Promise<Availability>} */
    static async availability(options = {}) {
      samplingOf(options);
      if (!isText(options)) return 'unavailable';
      return isLoaded ? 'available' : loading ? 'downloading' : 'downloadable';
    }

    /** @param {CreateOptions} [options] @returns {Promise<LanguageModel>} */
    static async create(options = {}) {
      const { signal, monitor, initialPrompts = [] } = options;
      const sampling = samplingOf(options);
      signal?.throwIfAborted();
      if (!isText(options)) throw new DOMException('Models here read and write text only.', 'NotSupportedError');
      if (initialPrompts.slice(1).some(({ role }) => role === 'system')) throw new TypeError('initialPrompts: a system prompt must be the first.');
      const listen = monitored(monitor);
      if (listen) listeners.add(listen);
      try {
        const loaded = await unlessAborted(model(signal), signal);
        listen?.(1);
        const tools = options.tools ?? [];
        const first = initialPrompts[0]?.role === 'system' ? initialPrompts.slice(0, 1) : [];
        const chat = loaded.chat({
          ...sampling,
          ...(first.length > 0 && { system: textOf(first[0]) }),
          messages: initialPrompts.slice(first.length).map(messageOf),
          ...(tools.length > 0 && { tools: tools.map(({ name, description, inputSchema }) => ({ type: 'function', function: { name, description, parameters: inputSchema } })) }),
          onFull: 'truncate',
        });
        const session = new LanguageModel(loaded, chat, tools);
        await session.measure();
        return session;
      } catch (error) {
        throw domError(error);
      } finally {
        if (listen) listeners.delete(listen);
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

/** One session: a conversation with a model. */
export class Session extends EventTarget {
  #model;
  #chat;
  #tools;
  #usage = 0;
  #destroyed = new AbortController();
  /** Called when messages were left out because the context is full. @type {((event: Event) => any) | null} */
  oncontextoverflow = null;

  /**
   * @param {Model} model
   * @param {Chat} chat
   * @param {PromptTool[]} tools
   */
  constructor(model, chat, tools) {
    super();
    this.#model = model;
    this.#chat = chat;
    this.#tools = tools;
  }

  /** Tokens that the session has used of its window. */
  get contextUsage() {
    return this.#usage;
  }

  /** Tokens that the session can hold. */
  get contextWindow() {
    return this.#model.info.contextLength;
  }

  /**
   * The whole answer.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {Promise<string>}
   */
  async prompt(input, options = {}) {
    let text = '';
    for await (const piece of this.#answer(input, options)) text += piece;
    return text;
  }

  /**
   * The answer, piece by piece.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {ReadableStream<string>}
   */
  promptStreaming(input, options = {}) {
    const pieces = this.#answer(input, options);
    return new ReadableStream({
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return();
      },
    });
  }

  /**
   * Adds messages without an answer.
   * @param {PromptInput} input
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<undefined>}
   */
  async append(input, { signal } = {}) {
    this.#check(signal);
    this.#chat.append(messagesOf(input));
    await this.measure();
    return undefined;
  }

  /**
   * Tokens that an input would take.
   * @param {PromptInput} input
   * @param {PromptOptions} [options]
   * @returns {Promise<number>}
   */
  async measureContextUsage(input, { signal } = {}) {
    this.#check(signal);
    const { messages } = this.#chat;
    const [before, after] = await Promise.all([messages, [...messages, ...messagesOf(input)]].map((all) => this.#count(all)));
    return Math.max(0, after - before);
  }

  /**
   * A session of its own that has everything which was said in this one.
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<this>}
   */
  async clone({ signal } = {}) {
    this.#check(signal);
    const Own = /** @type {new (model: Model, chat: Chat, tools: PromptTool[]) => this} */ (this.constructor);
    const clone = new Own(this.#model, this.#chat.fork(), this.#tools);
    await clone.measure();
    return clone;
  }

  /** Ends the session: its prompts reject, those under way too. */
  destroy() {
    this.#destroyed.abort(new DOMException('The session was destroyed.', 'AbortError'));
    return undefined;
  }

  /** Counts the session's tokens. */
  async measure() {
    this.#usage = await this.#chat.countTokens();
  }

  /** @param {Message[]} messages @returns {Promise<number>} */
  async #count(messages) {
    if (messages.length === 0) return 0;
    const ends = messages.at(-1)?.role === 'assistant' && { continueFinalMessage: false };
    return this.#model.countTokens(messages, { ...ends });
  }

  /** @param {AbortSignal} [signal] */
  #check(signal) {
    if (this.#destroyed.signal.aborted) throw new DOMException('The session was destroyed.', 'InvalidStateError');
    signal?.throwIfAborted();
  }

  /**
   * @param {PromptInput} input
   * @param {PromptOptions} options
   * @returns {AsyncGenerator<string, void, undefined>}
   */
  async *#answer(input, { signal, responseConstraint, omitResponseConstraintInput = false }) {
    this.#check(signal);
    const signals = [this.#destroyed.signal, ...(signal ? [signal] : [])];
    /** @type {Record<string, unknown>} */
    const options = { signal: AbortSignal.any(signals) };
    let messages = messagesOf(input);
    const last = Array.isArray(input) ? input.at(-1) : undefined;
    if (last?.prefix) options.continueFinalMessage = true;
    if (responseConstraint !== undefined) {
      if (!Object.hasOwn(GENERATE_RULES, 'responseFormat')) throw new DOMException('This version enforces no constraint.', 'NotSupportedError');
      options.responseFormat = formatOf(responseConstraint);
      if (!omitResponseConstraintInput) messages = withConstraint(messages, responseConstraint);
    }
    try {
      for (let round = 0; ; round++) {
        const stream = this.#chat.send(messages, options);
        for await (const { text } of stream) if (text !== '') yield text;
        if (stream.result?.dropped.length) this.#overflow();
        messages = await this.#call(stream.result, round);
        if (messages.length === 0) break;
        delete options.continueFinalMessage;
      }
    } catch (error) {
      throw domError(error);
    } finally {
      this.#usage = this.#chat.usage.tokens;
    }
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

  #overflow() {
    const event = new Event('contextoverflow');
    this.dispatchEvent(event);
    this.oncontextoverflow?.(event);
  }
}

/** @param {PromptInput} input @returns {Message[]} */
function messagesOf(input) {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  if (input.some(({ role }) => role === 'system')) throw new TypeError('A system prompt stands among the initialPrompts.');
  if (input.slice(0, -1).some(({ prefix }) => prefix) || (input.at(-1)?.prefix && input.at(-1)?.role !== 'assistant')) {
    throw new TypeError("prefix: only the last message may have it, if it is the assistant's.");
  }
  return input.map(messageOf);
}

/** @param {PromptMessage} message @returns {Message} */
function messageOf(message) {
  return { role: message.role, content: textOf(message) };
}

/** @param {PromptMessage} message */
function textOf({ content }) {
  if (typeof content === 'string') return content;
  const other = content.find(({ type, value }) => type !== 'text' || typeof value !== 'string');
  if (other !== undefined) throw new DOMException(`Models here read text only, found content of the type ${other.type}.`, 'NotSupportedError');
  return content.map(({ value }) => value).join('');
}

/** @param {CreateOptions} options */
function isText({ expectedInputs = [], expectedOutputs = [] }) {
  return [...expectedInputs, ...expectedOutputs].every(({ type }) => type === 'text' || type === 'tool-call' || type === 'tool-response');
}

/** @param {CreateOptions} options @returns {GenerateOptions} */
function samplingOf({ samplingMode, topK, temperature }) {
  const isRaw = topK !== undefined || temperature !== undefined;
  if (samplingMode !== undefined && isRaw) throw new TypeError('samplingMode stands in place of topK and temperature: leave one of them out.');
  if (isRaw && (topK === undefined || temperature === undefined)) throw new TypeError('topK and temperature belong together: give both, or none.');
  if (topK !== undefined && temperature !== undefined) return { topK, temperature };
  const found = SAMPLING[samplingMode ?? 'balanced'];
  if (found === undefined) throw new TypeError(`samplingMode: expected one of ${Object.keys(SAMPLING).join(', ')}, found ${samplingMode}.`);
  return found;
}

/** @param {object | RegExp} constraint */
function formatOf(constraint) {
  return constraint instanceof RegExp ? { type: 'regex', pattern: constraint } : { type: 'json_schema', schema: constraint };
}

/**
 * The model reads what its answer must follow, unless its caller tells it in words of their own.
 * @param {Message[]} messages
 * @param {object | RegExp} constraint
 */
function withConstraint(messages, constraint) {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  const told = constraint instanceof RegExp ? `Answer with a text that matches ${constraint}.` : `Answer with JSON that satisfies this schema: ${JSON.stringify(constraint)}`;
  return messages.map((message, index) => (index === last ? { ...message, content: `${message.content}\n\n${told}` } : message));
}

/**
 * @param {CreateOptions['monitor']} monitor
 * @returns {((loaded: number) => void) | undefined}
 */
function monitored(monitor) {
  if (monitor === undefined) return undefined;
  const target = Object.assign(new EventTarget(), { ondownloadprogress: /** @type {((event: Event) => any) | null} */ (null) });
  monitor(target);
  return (loaded) => {
    const event = Object.assign(new Event('downloadprogress'), { loaded, total: 1, lengthComputable: true });
    target.dispatchEvent(event);
    target.ondownloadprogress?.(event);
  };
}

/**
 * Errors as the Prompt API has them.
 * @param {unknown} error
 */
function domError(error) {
  if (!(error instanceof BitNetError)) return error;
  /** @type {Record<string, string>} */
  const names = { context_overflow: 'QuotaExceededError', unsupported: 'NotSupportedError', invalid_grammar: 'NotSupportedError', unloaded: 'InvalidStateError', refused: 'NotAllowedError', chat_template: 'NotSupportedError' };
  const made = new DOMException(error.message, names[error.code] ?? 'OperationError');
  const { tokens, minTokens, contextLength } = /** @type {any} */ (error.details ?? {});
  return error.code === 'context_overflow' ? Object.assign(made, { requested: tokens ?? minTokens, quota: contextLength }) : made;
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<T>}
 */
async function unlessAborted(promise, signal) {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return Promise.race([promise, new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))]);
}
