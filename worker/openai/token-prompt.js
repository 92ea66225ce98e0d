// Prompts that OpenAI's API takes as ids of tokens.
import { OpenAIError } from './error.js';

/** @import { Model } from '../model.js' */

/** A text, several texts, the tokens of one text, or those of several. @typedef {string | readonly string[] | readonly number[] | readonly (readonly number[])[]} TextInput */

/** @param {unknown} value @returns {value is number[]} */
function isTokens(value) {
  return Array.isArray(value) && value.length > 0 && value.every((id) => Number.isInteger(id) && id >= 0 && id < 2 ** 32);
}

/**
 * Whether something is a text, some texts, the tokens of one, or lists of the tokens of some.
 * @param {unknown} value
 * @returns {value is TextInput}
 */
export function isTextInput(value) {
  if (typeof value === 'string' || isTokens(value)) return true;
  return Array.isArray(value) && value.length > 0 && (value.every((text) => typeof text === 'string') || value.every(isTokens));
}

/**
 * The texts of an input: a list of numbers is one.
 * @param {TextInput} input
 * @returns {(string | readonly number[])[]}
 */
export function inputs(input) {
  if (typeof input === 'string') return [input];
  return isTokens(input) ? [input] : [.../** @type {readonly (string | number[])[]} */ (input)];
}

/**
 * The texts of which these are the tokens, so that guards, caches and counts see what the model reads. Tokens are read back to make sure.
 * @param {Model} model
 * @param {readonly (string | readonly number[])[]} all
 * @param {string} param for errors
 * @returns {Promise<string[]>}
 */
export function textsOf(model, all, param) {
  return Promise.all(all.map(async (input, index) => {
    if (typeof input === 'string') return input;
    const text = await model.detokenize([...input]);
    const back = await model.tokenize(text);
    if (back.length === input.length && back.every((id, i) => id === input[i])) return text;
    const where = all.length > 1 ? `${param}[${index}]` : param;
    throw new OpenAIError(400, `Invalid value for '${where}': expected the tokens of a text as this model's tokenizer makes them, found others, or a text that was cut within a character. Give the text instead.`, { param, code: 'invalid_value' });
  }));
}
