// One answer on its way, and what OpenAI's API tells of it: as a whole, and piece by piece.

import { callDeltasOf, toolCallsOf } from '../tool-calls.js';

/** @import { GenerationResult, Logprob, Token } from '../protocol.js' */
/** @import { ChatCompletion, ChatCompletionChunkChoice, ChatCompletionDelta, ChatCompletionLogprobs, ChatCompletionTokenLogprob, ChatFinishReason } from './types.js' */
/** @import { CompletionLogprobs, TextCompletion, TextCompletionChunk, TextFinishReason } from './types.js' */

/** What both kinds of answers have in common. */
export class Answer {
  /** Among all answers to a request. */
  index;
  /** @type {GenerationResult | undefined} */
  result;
  /** Whether all answers of a request have the same prompt. */
  sharesPrompt = true;
  text = '';
  reasoning = '';
  /** Tokens of what the model thinks. */
  reasoningTokens = 0;
  /** Those that tell their log-probability. @type {Token[]} */
  tokens = [];
  /** Those of them that the model thinks. @type {Set<Token>} */
  thought = new Set();
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
    this.reasoning += token.reasoning ?? '';
    // A token that only begins a character, or ends the thinking, has no text of its own.
    const isThought = this.reasoning !== '' && this.text === '';
    if (isThought && token.id >= 0) this.reasoningTokens += 1;
    if (token.logprob === undefined) return;
    this.tokens.push(token);
    if (isThought) this.thought.add(token);
  }

  /** @param {GenerationResult} result */
  end(result) {
    this.result = result;
  }

  /** Why it has ended, once. @returns {ChatFinishReason | undefined} */
  takeEnd() {
    if (this.#ended || this.result === undefined) return undefined;
    this.#ended = true;
    return this.reason ?? undefined;
  }

  /** Why it has ended, in OpenAI's words. @returns {ChatFinishReason | null} */
  get reason() {
    if (this.result === undefined) return null;
    return this.result.stoppedBy?.type === 'guard' ? 'content_filter' : this.result.finishReason;
  }

  /** @returns {object} the choice of a whole completion */
  choice() {
    throw new Error('every kind of answer has one');
  }

  /** @param {Token} [_token] that has come @returns {object[]} choices of chunks */
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

  /** @returns {ChatCompletion['choices'][number]} */
  choice() {
    /** @type {ChatCompletion['choices'][number]['message']['tool_calls']} */
    const calls = toolCallsOf(this.result).map(({ id, name, arguments: values }) =>
      ({ id, type: 'function', function: { name, arguments: JSON.stringify(values) } }));
    const content = calls.length > 0 && this.text === '' ? null : this.text;
    return {
      index: this.index,
      message: {
        role: 'assistant',
        content,
        ...(this.reasoning !== '' && { reasoning_content: this.reasoning }),
        refusal: null,
        annotations: [],
        ...(calls.length > 0 && { tool_calls: calls }),
      },
      logprobs: this.#logprobs(this.tokens),
      finish_reason: /** @type {ChatFinishReason} */ (this.reason),
    };
  }

  /** @param {Token} [token] @returns {ChatCompletionChunkChoice[]} */
  deltas(token) {
    /** @type {ChatCompletionChunkChoice[]} */
    const all = [];
    const add = (/** @type {ChatCompletionDelta} */ delta, /** @type {ChatCompletionLogprobs | null} */ logprobs = null) =>
      all.push({ index: this.index, delta, logprobs, finish_reason: null });
    if (!this.#begun) add({ role: 'assistant', content: '', refusal: null });
    this.#begun = true;
    const logprobs = token?.logprob === undefined ? null : this.#logprobs([token]);
    if (token?.reasoning) {
      add({ reasoning_content: token.reasoning }, token.text === '' ? logprobs : null);
    }
    if (token !== undefined && (token.text !== '' || (logprobs !== null && !token.reasoning))) add({ content: token.text }, logprobs);
    for (const { index, id, name, arguments: piece } of token === undefined ? [] : callDeltasOf(token)) {
      add({ tool_calls: [{ index, ...(id !== undefined && { id, type: 'function' }), function: { ...(name !== undefined && { name }), arguments: piece } }] });
    }
    const reason = this.takeEnd();
    if (reason !== undefined) all.push({ index: this.index, delta: {}, logprobs: null, finish_reason: reason });
    return all;
  }

  /** @param {Token[]} tokens @returns {ChatCompletionLogprobs | null} */
  #logprobs(tokens) {
    if (tokens.length === 0) return null;
    const said = tokens.filter((token) => !this.thought.has(token)).map(tokenLogprob);
    const thought = tokens.filter((token) => this.thought.has(token)).map(tokenLogprob);
    return { content: said.length > 0 || thought.length === 0 ? said : null, refusal: null, ...(thought.length > 0 && { reasoning_content: thought }) };
  }
}

/** The continuation of a text. */
export class TextAnswer extends Answer {
  static PREFIX = 'cmpl';
  static OBJECT = 'text_completion';
  /** Characters before the next token, or before the character that it is a part of. */
  #offset = 0;
  #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  sharesPrompt = false;

  get chunkObject() {
    return 'text_completion';
  }

  /** @returns {TextCompletion['choices'][number]} */
  choice() {
    const { index, text, reason } = this;
    return { text, index, logprobs: this.#logprobs(this.tokens), finish_reason: /** @type {TextFinishReason} */ (reason) };
  }

  /** @param {Token} [token] @returns {TextCompletionChunk['choices']} */
  deltas(token) {
    /** @type {TextCompletionChunk['choices']} */
    const all = [];
    if (token !== undefined && (token.text !== '' || token.logprob !== undefined)) {
      const logprobs = this.#logprobs(token.logprob === undefined ? [] : [token]);
      all.push({ text: token.text, index: this.index, logprobs, finish_reason: null });
    }
    const reason = this.takeEnd();
    if (reason !== undefined) all.push({ text: '', index: this.index, logprobs: null, finish_reason: /** @type {TextFinishReason} */ (reason) });
    return all;
  }

  /** @param {Token[]} tokens @returns {CompletionLogprobs | null} */
  #logprobs(tokens) {
    if (tokens.length === 0) return null;
    const offsets = tokens.map((token) => {
      const offset = this.#offset;
      this.#offset += this.#decoder.decode(Uint8Array.from(token.bytes ?? []), { stream: true }).length;
      return offset;
    });
    return {
      tokens: tokens.map(({ bytes }) => spell(bytes)),
      token_logprobs: tokens.map(({ logprob = 0 }) => logprob),
      top_logprobs: tokens.map(({ topLogprobs = [] }) => Object.fromEntries(topLogprobs.map(({ bytes, logprob }) => [spell(bytes), logprob]))),
      text_offset: offsets,
    };
  }
}

/** @param {Token} token @returns {ChatCompletionTokenLogprob} */
export function tokenLogprob({ bytes = [], logprob = 0, topLogprobs = [] }) {
  const other = (/** @type {Logprob} */ { text, bytes, logprob }) => ({ token: text, logprob, bytes });
  return { token: textOf(bytes), logprob, bytes, top_logprobs: topLogprobs.map(other) };
}

/** @param {number[]} [bytes] */
function textOf(bytes = []) {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

/**
 * The text of a token in a completion. One that is a part of a character only has OpenAI's spelling of its bytes, in which no two
 * tokens are the same.
 * @param {number[]} [bytes]
 */
function spell(bytes = []) {
  const text = textOf(bytes);
  if (!text.includes('\uFFFD')) return text;
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`;
}
