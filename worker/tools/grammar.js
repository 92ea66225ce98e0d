// The grammar of an answer that may, or must, call tools.
import { argumentsOf } from './definition.js';

/** @import { Convention } from './convention.js' */
/** @import { Tool } from './definition.js' */

/**
 * What the engine gets in place of a `ResponseFormat`: a grammar whose `@name`s are formats of their own.
 * @param {Convention} convention
 * @param {Tool[]} tools that may be called
 * @param {{ must: boolean, many: boolean, format: string | undefined }} wish whether there must be a call, may be several, and what
 *   an answer without a call must follow (JSON of a `ResponseFormat`)
 * @returns {string} JSON
 */
export function grammarOf({ open, head, middle, tail, close, between }, tools, { must, many, format }) {
  /** @type {Record<string, object>} */
  const parts = {};
  const calls = tools.map((tool, index) => {
    parts[`args_${index}`] = { type: 'json_schema', schema: argumentsOf(tool) };
    return `call_${index}: ${quote(`${head}${tool.name}${middle}`)} @args_${index} ${quote(tail + close)}`;
  });
  const tag = open.trimEnd();
  const again = many && between !== undefined ? ` (${quote(between + open)} call)*` : '';
  const rest = open.slice(tag.length);
  const call = `${rest === '' ? '' : `${quote(rest)} `}call${again}`;
  const lines = [`call: ${calls.map((_, index) => `call_${index}`).join(' | ')}`, ...calls];
  if (must) {
    lines.unshift(`start: ${tag === '' ? '' : `${quote(tag)} `}${call}`);
  } else if (format !== undefined) {
    parts.format = JSON.parse(format);
    lines.unshift(`start: @format | ${tag === '' ? '' : `${quote(tag)} `}${call}`);
  } else if (tag === '') {
    // An answer that begins as a call does is one.
    lines.unshift(`start: TEXT | ${call}`, `TEXT: /(${notFirst(head)}(.|\\n)*)?/`);
  } else {
    const expression = escape(tag);
    lines.unshift(`start: TEXT | before ${call}`, `before[lazy]: /(.|\\n)*${expression}/`, `TEXT: /(.|\\n)*/ & ~/(.|\\n)*${expression}(.|\\n)*/`);
  }
  return JSON.stringify({ type: 'grammar', syntax: 'lark', grammar: `${lines.join('\n')}\n`, parts });
}

/**
 * A text in a grammar.
 * @param {string} text
 */
function quote(text) {
  return JSON.stringify(text);
}

/**
 * A text in an expression.
 * @param {string} text
 */
function escape(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/**
 * The class of characters that do not begin a text.
 * @param {string} text
 */
function notFirst(text) {
  return `[^${escape(text[0])} \\n\\t]`;
}
