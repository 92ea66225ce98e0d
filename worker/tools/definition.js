// Tools as callers define them, and which of them an answer may or must call.
import { BitNetError } from '../error.js';

/** @import { ToolChoice } from '../protocol.js' */

/**
 * A function that an answer may call.
 * @typedef {object} Tool
 * @property {string} name
 * @property {object} parameters a JSON schema of an object
 * @property {boolean} strict whether the arguments must satisfy it, or may be any object
 */

/** Names that need no escapes, in JSON or in a grammar. */
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;

/** How templates write JSON, so that a call that comes back in the messages reads as the model wrote it. */
const SEPARATORS = { whitespace_flexible: false, item_separator: ', ', key_separator: ': ' };

/**
 * @param {string} message
 * @param {string} option
 */
function invalid(message, option) {
  return new BitNetError('invalid_argument', message, { details: { option } });
}

/**
 * The functions of `tools`: `{ type: 'function', function: { name, description, parameters, strict } }`, or the inner object alone.
 * @param {readonly object[]} tools
 * @returns {Tool[]}
 */
export function checkTools(tools) {
  const names = new Set();
  return tools.map((tool, index) => {
    const { name, parameters, strict } = /** @type {any} */ ('function' in tool ? tool.function : tool) ?? {};
    if (typeof name !== 'string' || !NAME.test(name)) {
      const found = typeof name === 'string' ? `'${name.slice(0, 80)}'` : typeof name;
      throw invalid(`tools[${index}]: expected { type: 'function', function: { name, description, parameters } } with a name of 1 to 64 letters, digits, '_', '-' and '.', found the name ${found}.`, 'tools');
    }
    if (names.has(name)) throw invalid(`tools[${index}]: expected names that differ, found '${name}' again.`, 'tools');
    names.add(name);
    const isSchema = parameters === undefined || (typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters));
    if (!isSchema) throw invalid(`tools[${index}] (${name}): expected a JSON schema of an object as parameters, found ${JSON.stringify(parameters).slice(0, 80)}.`, 'tools');
    return { name, parameters: parameters ?? { type: 'object', properties: {} }, strict: strict !== false };
  });
}

/**
 * The tools that may be called.
 * @param {Tool[]} tools
 * @param {ToolChoice} choice
 * @returns {Tool[]}
 */
export function chosen(tools, choice) {
  if (typeof choice === 'string') return tools;
  const named = tools.filter(({ name }) => name === choice.name);
  if (named.length === 0) throw invalid(`toolChoice: expected the name of one of the tools (${tools.map(({ name }) => name).join(', ')}), found '${choice.name}'.`, 'toolChoice');
  return named;
}

/**
 * The JSON schema that the arguments of a call satisfy. Where the tool does not say so, there are no others than its own.
 * @param {Tool} tool
 * @returns {object}
 */
export function argumentsOf({ parameters, strict }) {
  if (!strict) return { type: 'object', 'x-guidance': SEPARATORS };
  const keywords = Object.keys(parameters);
  const isOpen = ['additionalProperties', 'patternProperties', 'allOf', 'anyOf', 'oneOf', '$ref'].some((keyword) => keywords.includes(keyword));
  return { type: 'object', ...(isOpen ? {} : { additionalProperties: false }), ...parameters, 'x-guidance': SEPARATORS };
}
