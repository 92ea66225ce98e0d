// One turn of a conversation: what a caller says, and what an answer becomes.
import { checkMessages, templateOptions } from '../options.js';
import { toolCallsOf } from '../tool-calls.js';

/** @import { GenerationResult, Message } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { ChatInput } from './chat.js' */

/**
 * @param {ChatInput} input
 * @returns {Message[]}
 */
export function messagesOf(input) {
  const list = typeof input === 'string' ? [{ role: 'user', content: input }] : [input].flat();
  checkMessages(list, 'send: expected a string, a message or');
  return structuredClone(/** @type {Message[]} */ (list));
}

/**
 * Options of the template for a prompt, behind which the next turn begins where the assistant has spoken last.
 * @param {Message[]} prompt
 * @param {GenerateOptions} options
 */
export function behind(prompt, options) {
  const template = templateOptions(options);
  const ends = prompt.at(-1)?.role === 'assistant' && template.continueFinalMessage === undefined;
  return ends ? { ...template, continueFinalMessage: false } : template;
}

/**
 * An answer as a message of the history, with the calls of tools that it makes.
 * @param {string} text
 * @param {GenerationResult} result
 * @returns {Message}
 */
export function messageOf(text, result) {
  const calls = toolCallsOf(result);
  if (calls.length === 0) return { role: 'assistant', content: text };
  const toolCalls = calls.map(({ id, name, arguments: values }) => ({ id, type: 'function', function: { name, arguments: values } }));
  return { role: 'assistant', content: text, tool_calls: toolCalls };
}

/**
 * Whether an answer has ended because the context was full.
 * @param {GenerationResult} result
 * @param {number} written tokens of the whole answer
 * @param {GenerateOptions} options
 */
export function ranFull({ finishReason }, written, { maxTokens }) {
  return finishReason === 'length' && (maxTokens === undefined || written < maxTokens);
}
