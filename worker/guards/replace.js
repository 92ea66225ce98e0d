// Replaces what a search finds, in whole texts and in answers that come piece by piece.

/** @import { Message, Prompt } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { GuardedRequest, TextDecision, TextPiece } from './guard.js' */

/**
 * Finds what is to be replaced.
 * @callback Search
 * @param {string} text
 * @param {boolean} isEnd nothing follows
 * @param {string} before the character before the text, empty where there is none
 * @returns {{ matches: { start: number, end: number, index: number }[], end: number }} `end`: where the rest begins that may be a
 *   part of a match
 */

/** What stands in place of a match. @typedef {(match: string, index: number) => string} Replacement */

/**
 * @param {string} text
 * @param {Search} search
 * @param {Replacement} replacement
 */
export function replaceIn(text, search, replacement) {
  const { matches } = search(text, true, '');
  return splice(text, matches, replacement);
}

/**
 * @param {string} text
 * @param {{ start: number, end: number, index: number }[]} matches from left to right
 * @param {Replacement} replacement
 */
function splice(text, matches, replacement) {
  let out = '';
  let at = 0;
  for (const { start, end, index } of matches) {
    out += text.slice(at, start) + replacement(text.slice(start, end), index);
    at = end;
  }
  return out + text.slice(at);
}

/**
 * Looks through a piece of an answer. What is not decided yet is held back.
 * @param {TextPiece} piece
 * @param {Search} search
 * @returns {{ matches: { start: number, end: number, index: number }[], end: number }}
 */
export function searchPiece({ text, isEnd, state }, search) {
  const found = search(text, isEnd, state.before ?? '');
  if (found.end > 0) state.before = Array.from(text.slice(0, found.end)).at(-1);
  return found;
}

/**
 * @param {TextPiece} piece
 * @param {{ matches: { start: number, end: number, index: number }[], end: number }} found
 * @param {Replacement} replacement
 * @returns {TextDecision}
 */
export function replacePiece({ text }, { matches, end }, replacement) {
  return { text: splice(text.slice(0, end), matches, replacement), hold: text.length - end };
}

/**
 * A request with every text in it as `change` has it: the prompt, arguments of earlier calls, and documents.
 * @param {Pick<GuardedRequest, 'prompt' | 'options'>} request
 * @param {(text: string) => string} change
 * @returns {{ prompt: Prompt, options: GenerateOptions } | undefined} nothing where it is the same
 */
export function changeTexts({ prompt, options }, change) {
  let isChanged = false;
  const changed = (/** @type {string} */ text) => {
    const next = change(text);
    isChanged ||= next !== text;
    return next;
  };
  const documents = options.documents && /** @type {object[]} */ (deep(options.documents, changed));
  const next = typeof prompt === 'string' ? changed(prompt) : prompt.map((message) => messageOf(message, changed));
  return isChanged ? { prompt: next, options: documents ? { documents } : {} } : undefined;
}

/**
 * @param {Message} message
 * @param {(text: string) => string} change
 * @returns {Message}
 */
function messageOf(message, change) {
  const { content, tool_calls: calls } = message;
  const said = typeof content === 'string' ? change(content) : content?.map((part) => ({ ...part, text: change(part.text) }));
  const called = calls?.map((/** @type {any} */ call) =>
    call.function === undefined ? call : { ...call, function: { ...call.function, arguments: deep(call.function.arguments, change) } });
  return { ...message, ...(content !== undefined && content !== null && { content: said }), ...(called && { tool_calls: called }) };
}

/**
 * A copy of plain data with its strings changed.
 * @param {unknown} value
 * @param {(text: string) => string} change
 * @returns {unknown}
 */
function deep(value, change) {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => deep(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deep(item, change)]));
}
