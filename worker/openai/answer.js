// One answer on its way, and what OpenAI's API tells of it: as a whole, and piece by piece.

import { callDeltasOf, toolCallsOf } from '../tool-calls.js';

/** @import { GenerationResult, Logprob, Token } from '../protocol.js' */

/** What both kinds of answers have in common. */
export class Answer {
  /** Among all answers to a request. */
  index;
  /** @type {GenerationResult | undefined} */
  result;
  /** Whether all answers of a request have the same prompt. */
  sharesPrompt = true;
  text = '';
  /** Those that tell their log-probability. @type {Token[]} */
  tokens = [];
  /** The last piece was told. */
  #ended = false;

  /** @param {number} index */
  constructor(index) {
    this.index = index;
  }

  /** What a piece of it is called. @returns {string} */
  get chunkObject() {
    throw new Error('every kind of answer has one');
  }

  /** @param {Token} token */
  push(token) {
    this.text += token.text;
    if (token.logprob !== undefined) this.tokens.push(token);
  }

  /** @param {GenerationResult} result */
  end(result) {
    this.result = result;
  }

  /** Why it has ended, once. @returns {string | undefined} */
  takeEnd() {
    if (this.#ended || this.result === undefined) return undefined;
    this.#ended = true;
    return this.reason ?? undefined;
  }

  /** Why it has ended, in OpenAI's words. @returns {string | null} */
  get reason() {
    if (this.result === undefined) return null;
    return this.result.stoppedBy?.type === 'guard' ? 'content_filter' : this.result.finishReason;
  }

  /** @returns {any} the choice of a whole completion */
  choice() {
    throw new Error('every kind of answer has one');
  }

  /** @param {Token} [_token] that has come @returns {any[]} choices of chunks */
  deltas(_token) {
    throw new Error('every kind of answer has them');
  }
}

/** A message of the assistant. */
export class ChatAnswer extends Answer {
  static PREFIX = 'chatcmpl';
  static OBJECT = 'chat.completion';
  #begun = false;

  get chunkObject() {
    return 'chat.completion.chunk';
  }

  choice() {
    const calls = toolCallsOf(this.result).map(({ id, name, arguments: values }) =>
      ({ id, type: 'function', function: { name, arguments: JSON.stringify(values) } }));
    const content = calls.length > 0 && this.text === '' ? null : this.text;
    const message = { role: 'assistant', content, refusal: null, annotations: [], ...(calls.length > 0 && { tool_calls: calls }) };
    const logprobs = this.tokens.length > 0 ? { content: this.tokens.map(tokenLogprob), refusal: null } : null;
    return { index: this.index, message, logprobs, finish_reason: this.reason };
  }

  /** @param {Token} [token] */
  deltas(token) {
    const choice = (/** @type {object} */ delta, /** @type {any} */ logprobs = null, /** @type {string | null} */ reason = null) =>
      ({ index: this.index, delta, logprobs, finish_reason: reason });
    const all = [];
    if (!this.#begun) all.push(choice({ role: 'assistant', content: '', refusal: null }));
    this.#begun = true;
    if (token !== undefined && (token.text !== '' || token.logprob !== undefined)) {
      const logprobs = token.logprob === undefined ? null : { content: [tokenLogprob(token)], refusal: null };
      all.push(choice({ content: token.text }, logprobs));
    }
    for (const { index, id, name, arguments: piece } of token === undefined ? [] : callDeltasOf(token)) {
      const begin = id === undefined ? {} : { id, type: 'function' };
      all.push(choice({ tool_calls: [{ index, ...begin, function: { ...(name !== undefined && { name }), arguments: piece } }] }));
    }
    const reason = this.takeEnd();
    if (reason !== undefined) all.push(choice({}, null, reason));
    return all;
  }
}

/** The continuation of a text. */
export class TextAnswer extends Answer {
  static PREFIX = 'cmpl';
  static OBJECT = 'text_completion';
  /** Characters before the next token. */
  #offset = 0;

  sharesPrompt = false;

  get chunkObject() {
    return 'text_completion';
  }

  choice() {
    const { index, text, reason } = this;
    return { text, index, logprobs: this.#logprobs(this.tokens), finish_reason: reason };
  }

  /** @param {Token} [token] */
  deltas(token) {
    const all = [];
    if (token !== undefined && (token.text !== '' || token.logprob !== undefined)) {
      const logprobs = this.#logprobs(token.logprob === undefined ? [] : [token]);
      all.push({ text: token.text, index: this.index, logprobs, finish_reason: null });
    }
    const reason = this.takeEnd();
    if (reason !== undefined) all.push({ text: '', index: this.index, logprobs: null, finish_reason: reason });
    return all;
  }

  /** @param {Token[]} tokens */
  #logprobs(tokens) {
    if (tokens.length === 0) return null;
    const offsets = tokens.map((token) => {
      const offset = this.#offset;
      this.#offset += textOf(token.bytes).length;
      return offset;
    });
    return {
      tokens: tokens.map(({ bytes }) => textOf(bytes)),
      token_logprobs: tokens.map(({ logprob }) => logprob),
      top_logprobs: tokens.map(({ topLogprobs = [] }) => Object.fromEntries(topLogprobs.map(({ text, logprob }) => [text, logprob]))),
      text_offset: offsets,
    };
  }
}

/** @param {Token} token */
function tokenLogprob({ bytes = [], logprob, topLogprobs = [] }) {
  const other = (/** @type {Logprob} */ { text, bytes, logprob }) => ({ token: text, logprob, bytes });
  return { token: textOf(bytes), logprob, bytes, top_logprobs: topLogprobs.map(other) };
}

/** @param {number[]} [bytes] */
function textOf(bytes = []) {
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
