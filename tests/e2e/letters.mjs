// A stand-in for a model, whose tokens are letters: it answers the user's last message with `re:` and its text.
import { Chat } from '../../worker/chat/chat.js';
import { BitNetError } from '../../worker/error.js';
import { OpenAI } from '../../worker/openai/openai.js';
import { checkGenerateOptions, checkPrompt } from '../../worker/options.js';
import { TokenStream } from '../../worker/stream.js';

/** @import { Message, Prompt, Token } from '../../worker/protocol.js' */

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** A message has as many tokens as letters, and one more for its frame. An exclamation mark breaks it. */
export class Letters {
  /** What it was asked. @type {string[]} */
  prompts = [];
  /** The messages of each. @type {any[][]} */
  messages = [];
  /** @type {any[]} */
  options = [];
  /** How often tokens were counted. */
  counts = 0;
  /** What an answer begins with. */
  prefix = 're:';
  /** What it thinks before an answer. */
  thoughts = '';
  /** Answers that run. */
  running = 0;

  /** @param {number} contextLength */
  constructor(contextLength = 1000) {
    this.info = { contextLength, name: 'letters' };
    this.openai = new OpenAI(/** @type {any} */ (this));
  }

  /** @param {Prompt} prompt */
  async countTokens(prompt) {
    this.counts += 1;
    return tokensOf(prompt);
  }

  /** @param {Prompt} prompt @param {any} options */
  generate(prompt, options = {}) {
    checkPrompt(prompt);
    checkGenerateOptions(options);
    const messages = typeof prompt === 'string' ? [{ role: 'text', content: prompt }] : prompt;
    this.messages.push([...messages]);
    this.prompts.push(messages.map(({ role, content }) => `${role[0]}:${content}`).join(' '));
    this.options.push(options);
    const asked = messages.findLast(({ role }) => ['user', 'tool', 'text'].includes(role));
    if (options.tools?.length > 0 && asked?.content === 'call') return new TokenStream((...args) => this.#call(prompt, ...args));
    const last = messages.at(-1);
    const begun = last?.role === 'assistant' && options.continueFinalMessage ? String(last.content) : '';
    const answer = `${this.prefix}${asked?.content}`.slice(begun.length);
    return new TokenStream((...args) => this.#write(prompt, answer, options, ...args));
  }

  /** @param {Prompt} prompt @param {any} options */
  async complete(prompt, options) {
    const stream = this.generate(prompt, options);
    const tokens = [];
    for await (const token of stream) if (token.logprob !== undefined) tokens.push(token);
    const result = /** @type {import('../../worker/protocol.js').GenerationResult} */ (stream.result);
    return { text: stream.partial.text, ...result, ...(tokens.length > 0 && { tokens }) };
  }

  /** As many tokens as letters. @param {string} text */
  async tokenize(text) {
    return [...text].map((letter) => letter.codePointAt(0));
  }

  /** @param {number[]} ids */
  async detokenize(ids) {
    return ids.map((id) => (id <= 0x10ffff ? String.fromCodePoint(id) : '')).join('');
  }

  /** Its template lets its thinking be chosen where it thinks. @param {Message[]} _messages @param {any} options */
  async chatPrompt(_messages, { thinking }) {
    if (thinking !== undefined && this.thoughts === '') throw new BitNetError('unsupported', 'thinking: it cannot be chosen.');
    return '';
  }

  /** Each text's length, and 0.5. @param {string[]} texts */
  async embed(texts) {
    return texts.map((text) => Float32Array.of(text.length, 0.5));
  }

  /** @param {any} options */
  chat(options) {
    return new Chat(/** @type {any} */ (this), options);
  }

  /**
   * The answer to `call`: a call of a tool.
   * @param {Prompt} prompt
   * @param {Parameters<import('../../worker/stream.js').Run>} args
   */
  async #call(prompt, ...[onToken, , onPrefill]) {
    const promptTokens = tokensOf(prompt);
    onPrefill({ done: promptTokens, total: promptTokens, cached: 1 });
    for (const piece of [{ id: 'c1', name: 'add', arguments: '' }, { arguments: '{"a"' }, { arguments: ':1}' }]) {
      await tick();
      onToken(/** @type {any} */ ({ id: 0, text: '', toolCalls: [{ index: 0, ...piece }] }));
    }
    const toolCalls = [{ id: 'c1', name: 'add', arguments: { a: 1 } }];
    return /** @type {any} */ ({ finishReason: 'tool_calls', toolCalls, usage: { promptTokens, cachedTokens: 1, completionTokens: 3 } });
  }

  /**
   * @param {Prompt} prompt
   * @param {string} answer
   * @param {any} options
   * @param {Parameters<import('../../worker/stream.js').Run>} args
   */
  async #write(prompt, answer, options, ...[onToken, stopped, onPrefill]) {
    const promptTokens = tokensOf(prompt);
    const { contextLength } = this.info;
    if (promptTokens >= contextLength) {
      throw new BitNetError('context_overflow', `The prompt has ${promptTokens} tokens.`, { details: { tokens: promptTokens } });
    }
    const prefill = { done: promptTokens, total: promptTokens, cached: 1 };
    onPrefill(prefill);
    options.onPrefill?.(prefill);
    const room = Math.min(options.maxTokens ?? Infinity, contextLength - promptTokens);
    this.running += 1;
    try {
      for (const reasoning of this.thoughts) {
        await tick();
        onToken({ ...tokenOf(0, reasoning, options.logprobs), text: '', reasoning });
      }
      for (const [i, text] of [...answer.slice(0, room)].entries()) {
        await tick();
        stopped.throwIfAborted();
        options.signal?.throwIfAborted();
        if (text === '!') throw new BitNetError('crashed', 'It broke.');
        onToken(tokenOf(i, text, options.logprobs));
      }
    } finally {
      this.running -= 1;
    }
    const usage = { promptTokens, cachedTokens: 1, completionTokens: this.thoughts.length + Math.min(answer.length, room) };
    const reasoning = this.thoughts === '' ? {} : { reasoning: this.thoughts };
    return /** @type {any} */ ({ finishReason: answer.length > room ? 'length' : 'stop', usage, ...reasoning });
  }
}

/** @param {Prompt} prompt */
function tokensOf(prompt) {
  const texts = typeof prompt === 'string' ? [prompt] : prompt.map(({ content }) => content);
  return texts.reduce((sum, text) => sum + String(text).length + 1, 0);
}

/** @param {number} id @param {string} text @param {boolean | number | undefined} logprobs @returns {Token} */
function tokenOf(id, text, logprobs) {
  if (logprobs === undefined || logprobs === false) return { id, text };
  const bytes = [...new TextEncoder().encode(text)];
  const other = { id: 99, text: 'z', bytes: [122], logprob: -2 };
  return { id, text, logprob: -0.5, bytes, topLogprobs: Array(Number(logprobs)).fill(other) };
}
