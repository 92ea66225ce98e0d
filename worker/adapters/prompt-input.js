// What a caller of the Prompt API says, as the specification reads it: https://webmachinelearning.github.io/prompt-api/

/** @import { Message } from '../protocol.js' */

/**
 * An input that was read.
 * @typedef {object} ReadInput
 * @property {Message[]} messages at least one
 * @property {boolean} hasPrefix whether the last one is the beginning of the answer
 */

const ROLES = ['system', 'user', 'assistant'];
const TYPES = ['text', 'image', 'audio', 'tool-call', 'tool-response'];

/**
 * @param {unknown} input
 * @param {boolean} hasContext whether something stands before it, so that no system prompt may come any more
 * @returns {ReadInput}
 */
export function readInput(input, hasContext) {
  if (typeof input === 'string') return { messages: [{ role: 'user', content: input }], hasPrefix: false };
  if (typeof input !== 'object' || input === null || !(Symbol.iterator in input)) {
    throw new TypeError(`The input: expected a string or an array of { role, content }, found ${input === null ? 'null' : typeof input}.`);
  }
  const list = [.../** @type {Iterable<any>} */ (input)];
  if (list.length === 0) return { messages: [{ role: 'user', content: '' }], hasPrefix: false };
  const messages = list.map((message, index) => {
    const read = readMessage(message, index);
    if (message.prefix && (read.role !== 'assistant' || index < list.length - 1)) {
      throw new DOMException("prefix: only the last message may have it, if it is the assistant's.", 'SyntaxError');
    }
    if (read.role === 'system' && (hasContext || index > 0)) {
      throw new TypeError('A system prompt must be the first message of a session: give it among the initialPrompts.');
    }
    return read;
  });
  return { messages, hasPrefix: Boolean(list.at(-1).prefix) };
}

/**
 * @param {any} message
 * @param {number} index
 * @returns {Message}
 */
function readMessage(message, index) {
  if (typeof message !== 'object' || message === null || !ROLES.includes(message.role)) {
    throw new TypeError(`Message ${index}: expected the role 'system', 'user' or 'assistant', found '${message?.role}'.`);
  }
  return { role: message.role, content: textOf(message.content, index) };
}

/**
 * @param {unknown} content
 * @param {number} index of the message
 */
function textOf(content, index) {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new TypeError(`Message ${index}: expected a string or an array of { type, value } as content, found ${typeof content}.`);
  const texts = content.map((part) => {
    if (!TYPES.includes(part?.type)) throw new TypeError(`Message ${index}: expected content of the type 'text', found '${part?.type}'.`);
    if (part.type !== 'text') throw new DOMException(`Models here read text only, found content of the type ${part.type}.`, 'NotSupportedError');
    if (typeof part.value !== 'string') throw new TypeError(`Message ${index}: expected a string as the value of a text, found ${typeof part.value}.`);
    return part.value;
  });
  return texts.join('');
}

/**
 * What an answer must follow, as an option of `generate`; nothing where nothing is asked for.
 * @param {{ responseConstraint?: unknown, omitResponseConstraintInput?: boolean }} options
 * @returns {object | undefined}
 */
export function readConstraint({ responseConstraint: constraint, omitResponseConstraintInput = false }) {
  if (constraint === undefined) {
    if (omitResponseConstraintInput) throw new TypeError('omitResponseConstraintInput: there is no responseConstraint to leave out of the input.');
    return undefined;
  }
  if (typeof constraint !== 'object' || constraint === null) {
    throw new TypeError(`responseConstraint: expected a JSON schema or a RegExp, found ${constraint === null ? 'null' : typeof constraint}.`);
  }
  return constraint instanceof RegExp ? { type: 'regex', pattern: constraint } : { type: 'json_schema', schema: constraint };
}

/**
 * The messages with the words for what the answer must follow, unless its caller tells it in words of their own.
 * @param {Message[]} messages
 * @param {{ responseConstraint?: object | RegExp, omitResponseConstraintInput?: boolean }} options
 */
export function withConstraint(messages, { responseConstraint: constraint, omitResponseConstraintInput = false }) {
  const last = messages.findLastIndex(({ role }) => role === 'user');
  if (constraint === undefined || omitResponseConstraintInput || last < 0) return messages;
  const told = constraint instanceof RegExp ? `Answer with a text that matches ${constraint}.` : `Answer with JSON that satisfies this schema: ${JSON.stringify(constraint)}`;
  return messages.map((message, index) => (index === last ? { ...message, content: `${message.content}\n\n${told}` } : message));
}
