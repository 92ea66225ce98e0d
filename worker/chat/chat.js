// A conversation with a model: its messages, and the answers to the next ones.
import { unlessAborted } from '../abort.js';
import { BitNetError, invalidOption } from '../error.js';
import { checkGenerateOptions, checkMessages } from '../options.js';
import { TokenStream } from '../stream.js';
import { exportPrefix } from '../prefix.js';
import { checkChatSession, checkSave } from './chat-options.js';
import { History } from './history.js';
import { saveChat } from './store.js';
import { behind, messageOf, messagesOf, ranFull } from './turn.js';

/** @import { GenerationResult, Message, Prefill, Token } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Model } from '../model.js' */
/** @import { SavedChat } from './store.js' */

/** @typedef {'error' | 'truncate' | 'shift'} OnFull */

/**
 * How a conversation is held; the options of `generate` are those of every answer.
 * @typedef {object} ConversationOptions
 * @property {string | undefined} [system] the system prompt, which stays whatever else is dropped
 * @property {readonly Message[] | undefined} [messages] what was said before, without the system prompt
 * @property {OnFull | undefined} [onFull] what happens where the context has no room for the next answer. `error` (default): the
 *   send rejects with `context_overflow`; `truncate`: the oldest turns are left out of the prompt; `shift`: the same, and an
 *   answer that fills the context goes on behind a shortened prompt, which is read anew
 * @property {number | undefined} [keep] messages behind the system prompt that stay too, such as examples: none by default
 * @property {number | undefined} [reserve] tokens that `truncate` and `shift` keep free for an answer; by default `maxTokens`, and
 *   at most a quarter of the context
 */

/** @typedef {ConversationOptions & GenerateOptions} ChatSessionOptions */

/**
 * How a send ended.
 * @typedef {GenerationResult & { message: Message, dropped: Message[] }} ChatResult `message`: the answer as it stands in
 *   the history; `dropped`: messages that are no longer part of the prompt, though still of the history
 */

/**
 * How full the context is.
 * @typedef {object} ChatUsage
 * @property {number} tokens of the messages in the prompt, as the last answers have counted them: messages that no answer
 *   was written to yet are not among them
 * @property {number} contextLength tokens
 * @property {number} room tokens that are left
 */

/** @typedef {string | Message | readonly Message[]} ChatInput The next words of the user, or messages, such as results of tools. */

/**
 * The tokens of an answer in a conversation. `result` also tells the message, and what was dropped.
 * @hideconstructor
 */
export class ChatStream extends TokenStream {
  /** The end of the work. @type {Promise<unknown>} */
  #settled = Promise.resolve();

  /** How the answer ended, as `TokenStream.result`. @type {ChatResult | undefined} */
  result = undefined;

  /**
   * @internal
   * @param {(stream: ChatStream, ...args: Parameters<import('../stream.js').Run>) => Promise<ChatResult>} run
   */
  constructor(run) {
    super((...args) => {
      const running = run(this, ...args);
      this.#settled = running.catch(() => {}); // told by the stream itself
      return running;
    });
  }

  /** Leaves the loop; the conversation has taken note of it when the promise resolves. */
  async return() {
    const step = await super.return();
    await this.#settled;
    return step;
  }
}

/**
 * A conversation. The model's own cache of prefixes keeps what its messages have in common with the next prompt, for several
 * conversations at once.
 *
 * Sends run one after the other. One that is aborted, left or fails leaves what it has come to: the user's message and the part
 * of the answer that was taken out of the stream. Where not a character was taken, the conversation is as before the send.
 * @hideconstructor
 */
export class Chat {
  #model;
  /** @type {GenerateOptions} */
  #options;
  /** @type {OnFull} */
  #onFull;
  /** @type {number | undefined} */
  #reserve;
  #history;
  /** The end of the last send. @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** Sends that run. */
  #running = 0;
  #abort = new AbortController();
  /** Its key in the browser's storage, once it was saved. @type {string | undefined} */
  id;
  /** Tokens that came back with it out of the storage and need not be read again. */
  restoredTokens = 0;

  /**
   * Use `model.chat`.
   * @internal
   * @param {Model} model
   * @param {ChatSessionOptions} chatOptions
   * @param {History} [history] instead of the messages in the options
   */
  constructor(model, chatOptions, history) {
    const { system, messages, onFull, keep, reserve, options } = checkChatSession(chatOptions);
    this.#model = model;
    this.#options = options;
    this.#onFull = onFull;
    this.#reserve = reserve;
    this.#history = history ?? History.of(system, messages);
    this.#history.kept = keep;
  }

  /**
   * The messages so far, the system prompt first if there is one. A copy.
   * @returns {Message[]}
   */
  get messages() {
    return this.#history.messages.map((message) => structuredClone(message));
  }

  /**
   * How full the context is, as far as that is known without counting.
   * @returns {ChatUsage}
   */
  get usage() {
    const { contextLength } = this.#model.info;
    const tokens = this.#history.countedTokens();
    return { tokens, contextLength, room: Math.max(0, contextLength - tokens) };
  }

  /**
   * The number of tokens that the next prompt has already: everything that was said and was not dropped.
   * @returns {Promise<number>}
   */
  async countTokens() {
    const prompt = this.#history.prompt();
    return prompt.length === 0 ? 0 : this.#count(prompt, this.#options);
  }

  /**
   * Says something, and streams the answer. Both are part of `messages` once the answer has ended.
   * @param {ChatInput} input
   * @param {GenerateOptions} [options] for this answer, besides those of the conversation
   * @returns {ChatStream}
   */
  send(input, options = {}) {
    const said = messagesOf(input);
    checkGenerateOptions(options);
    return this.#stream(options, (history) => history.push(...said));
  }

  /**
   * Adds messages that are not answered now: the next send answers to them too.
   * @param {ChatInput} input
   */
  append(input) {
    this.#requireIdle('append');
    this.#history.push(...messagesOf(input));
  }

  /**
   * Writes the last answer anew, or the one that is missing behind a message that was edited.
   * @param {GenerateOptions} [options] for this answer, besides those of the conversation
   * @returns {ChatStream}
   */
  regenerate(options = {}) {
    checkGenerateOptions(options);
    return this.#stream(options, (history) => {
      if (!history.dropAnswer()) throw new BitNetError('invalid_argument', 'regenerate: there is no message of the user to answer to.');
    });
  }

  /**
   * Replaces a message's content and forgets what was said behind it. `regenerate()` then answers to it.
   * @param {number} index in `messages`
   * @param {Message['content']} content
   */
  edit(index, content) {
    this.#requireIdle('edit');
    const message = this.#history.messages[index];
    if (message === undefined) throw invalidOption('index', `the index of a message, below ${this.#history.messages.length}`, index);
    const edited = /** @type {Message} */ ({ ...message, content });
    checkMessages([edited]);
    this.#history.replace(index, edited);
  }

  /**
   * A conversation of its own that begins with what was said in this one.
   * @returns {Chat}
   */
  fork() {
    this.#requireIdle('fork');
    const options = { onFull: this.#onFull, keep: this.#history.kept, reserve: this.#reserve, ...this.#options };
    return new Chat(this.#model, options, this.#history.copy());
  }

  /**
   * Stops every send that runs or waits; they reject with the reason.
   * @param {unknown} [reason]
   */
  abort(reason) {
    this.#abort.abort(reason);
    this.#abort = new AbortController();
  }

  /**
   * The conversation as plain data: what JSON can write of it. `model.restore` takes it.
   * @returns {SavedChat}
   */
  toJSON() {
    const { signal, onPrefill, ...options } = this.#options;
    const conversation = { onFull: this.#onFull, keep: this.#history.kept, reserve: this.#reserve };
    return { version: 1, options: structuredClone({ ...options, ...conversation }), ...this.#history.toJSON() };
  }

  /**
   * Puts the conversation into the browser's storage, in place of what was saved under the same id. With it go the keys and
   * values that the model has computed of it (some 40 KB a token for 2B4T), so that it need not be read again; where the
   * storage has no room for these, it is saved without.
   * @param {object} [options]
   * @param {string | undefined} [options.id] the id by which `model.restore` finds it; one of its own by default
   * @param {boolean | undefined} [options.kv] whether keys and values are saved; true by default
   * @param {AbortSignal | undefined} [options.signal]
   * @returns {Promise<string>} the id
   */
  async save(options = {}) {
    const { id, kv, signal } = checkSave(options, this.id);
    this.#requireIdle('save');
    const chat = this.toJSON();
    const prompt = this.#history.prompt();
    const bytes = kv && prompt.length > 0 ? await exportPrefix(this.#model, prompt, behind(prompt, this.#options), { signal }) : undefined;
    this.id = await saveChat(id, chat, bytes && new Blob([/** @type {BlobPart} */ (bytes)]));
    return this.id;
  }

  /**
   * Leaves the oldest turns out of the next prompt until it is no longer than the context.
   * @internal
   * @returns {Promise<Message[]>} what was left out
   */
  async fit() {
    /** @type {Message[]} */
    const dropped = [];
    await this.#drop(this.#history, () => this.#history.prompt(), this.#options, 0, dropped);
    return dropped;
  }

  /**
   * @param {GenerateOptions} options
   * @param {(history: History) => void} begin what happens before the answer
   * @returns {ChatStream}
   */
  #stream(options, begin) {
    const { signal: aborted } = this.#abort;
    return new ChatStream((stream, onToken, stopped, onPrefill) => {
      const signals = [stopped, aborted, this.#options.signal, options.signal].filter((signal) => signal !== undefined);
      const all = { ...this.#options, ...options, signal: AbortSignal.any(signals) };
      const tell = (/** @type {Prefill} */ prefill) => {
        onPrefill(prefill);
        all.onPrefill?.(prefill);
      };
      return this.#inTurn(all.signal, () => this.#answer(stream, begin, { ...all, onPrefill: tell }, onToken));
    });
  }

  /**
   * Waits for the sends before, then works.
   * @template T
   * @param {AbortSignal} signal
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #inTurn(signal, work) {
    const before = this.#last;
    let end = () => {};
    this.#last = Promise.all([before, new Promise((resolve) => (end = () => resolve(undefined)))]);
    this.#running += 1;
    try {
      await unlessAborted(before, signal);
      return await work();
    } finally {
      this.#running -= 1;
      end();
    }
  }

  /**
   * @param {ChatStream} stream
   * @param {(history: History) => void} begin
   * @param {GenerateOptions & { signal: AbortSignal }} options
   * @param {(token: Token) => void} onToken
   * @returns {Promise<ChatResult>}
   */
  async #answer(stream, begin, options, onToken) {
    const history = this.#history.copy();
    const before = this.#history;
    this.#history = history;
    let begun = '';
    try {
      begin(history);
      // The beginning of the answer, where the caller gives one.
      begun = options.continueFinalMessage === true ? history.takeBegun() : '';
      const said = history.messages.length;
      /** @type {Message[]} */
      const dropped = [];
      let { text, result } = await this.#write(history, options, onToken, dropped, begun);
      let written = result.usage.completionTokens;
      let continued = 0;
      while (this.#onFull === 'shift' && ranFull(result, written, options) && history.turns().length > 1) {
        dropped.push(...history.dropTurn());
        const left = options.maxTokens && options.maxTokens - written;
        continued = written;
        ({ text, result } = await this.#write(history, { ...options, maxTokens: left }, onToken, dropped, text));
        written += result.usage.completionTokens;
      }
      const promptTokens = result.usage.promptTokens - continued;
      const message = history.take(said, messageOf(text, result), { ...result.usage, promptTokens, completionTokens: written });
      const usage = { ...result.usage, completionTokens: written };
      return { ...result, usage, message: structuredClone(message), dropped: structuredClone(dropped) };
    } catch (error) {
      const { text } = stream.partial;
      if (text === '') this.#history = before;
      else history.push({ role: 'assistant', content: begun + text });
      throw error;
    }
  }

  /**
   * One generation of an answer, or of its rest behind `text`.
   * @param {History} history
   * @param {GenerateOptions & { signal: AbortSignal }} options
   * @param {(token: Token) => void} onToken
   * @param {Message[]} dropped what is left out of the prompt is added to it
   * @param {string} text what there is of the answer
   * @returns {Promise<{ text: string, result: GenerationResult }>}
   */
  async #write(history, options, onToken, dropped, text) {
    const continues = text !== '';
    const promptOf = () => [...history.prompt(), ...(continues ? [{ role: 'assistant', content: text }] : [])];
    const all = continues ? { ...options, continueFinalMessage: true } : options;
    if (this.#onFull !== 'error') await this.#fit(history, promptOf, all, dropped);
    const answer = this.#model.generate(promptOf(), all);
    for await (const token of answer) {
      text += token.text;
      onToken(token);
    }
    return { text, result: /** @type {GenerationResult} */ (answer.result) };
  }

  /**
   * Drops the oldest turns until the prompt leaves room for an answer. The last turn stays: where it does not fit alone, the
   * generation says so.
   * @param {History} history
   * @param {() => Message[]} promptOf
   * @param {GenerateOptions} options
   * @param {Message[]} dropped
   */
  async #fit(history, promptOf, options, dropped) {
    const { contextLength } = this.#model.info;
    const quarter = Math.ceil(contextLength / 4);
    const reserve = Math.min(this.#reserve ?? options.maxTokens ?? quarter, this.#reserve === undefined ? quarter : contextLength - 1);
    await this.#drop(history, promptOf, options, reserve, dropped);
  }

  /**
   * @param {History} history
   * @param {() => Message[]} promptOf
   * @param {GenerateOptions} options
   * @param {number} reserve tokens that are kept free
   * @param {Message[]} dropped
   */
  async #drop(history, promptOf, options, reserve, dropped) {
    const { contextLength } = this.#model.info;
    for (;;) {
      const excess = (await this.#count(promptOf(), options)) + reserve - contextLength;
      if (excess <= 0) return;
      // The counts of turns that are known spare most of the counting.
      let freed = 0;
      do {
        if (history.turns().length < 2) return;
        freed += history.turnTokens();
        dropped.push(...history.dropTurn());
      } while (freed > 0 && freed < excess);
    }
  }

  /**
   * @param {Message[]} prompt
   * @param {GenerateOptions} options
   */
  #count(prompt, options) {
    return this.#model.countTokens(prompt, behind(prompt, options));
  }

  /** @param {string} what */
  #requireIdle(what) {
    if (this.#running === 0) return;
    throw new BitNetError('invalid_argument', `${what}: the conversation is being answered: wait for the answer, or abort it first.`);
  }
}
