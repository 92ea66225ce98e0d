// Limits in numbers: how long a request is, how long its answer may be, and how often a client asks.
import { BitNetError } from '../error.js';
import { checkGuardOptions } from './guard-options.js';

/** @import { Prompt } from '../protocol.js' */
/** @import { Guard } from './guard.js' */

/**
 * @param {string} option
 * @param {unknown} value
 * @param {number} [most]
 */
function requireWhole(option, value, most = 2 ** 32 - 1) {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most) return;
  const expected = `a whole number from 1 to ${most}`;
  throw new BitNetError('invalid_argument', `${option}: expected ${expected}, found ${JSON.stringify(value) ?? String(value)}.`, { details: { option, expected } });
}

/**
 * @typedef {object} InputLengthOptions
 * @property {number | undefined} [characters] of all messages together, as Unicode counts them
 * @property {number | undefined} [messages]
 * @property {number | undefined} [tokens] as the model reads them, those of its template and of tools included
 * @property {string | undefined} [name] 'input-length' by default
 */

/**
 * A guard that refuses requests that are too long.
 * @param {InputLengthOptions} options at least one of the numbers
 * @returns {Guard}
 */
export function inputLength(options) {
  checkGuardOptions('inputLength', options, { characters: 'any', messages: 'any', tokens: 'any' });
  const { characters, messages, tokens, name = 'input-length' } = options;
  const given = Object.entries({ characters, messages, tokens }).filter(([, most]) => most !== undefined);
  if (given.length === 0) {
    throw new BitNetError('invalid_argument', 'inputLength: expected at least one of characters, messages and tokens.', { details: { option: 'inputLength' } });
  }
  given.forEach(([option, most]) => requireWhole(option, most));
  const refuse = (/** @type {string} */ what, /** @type {number} */ found, /** @type {number} */ most) => ({ refuse: `The request has ${found} ${what}, and ${most} are allowed.` });
  return {
    name,
    async beforeGenerate({ prompt, countTokens }) {
      const count = typeof prompt === 'string' ? 1 : prompt.length;
      if (messages !== undefined && count > messages) return refuse('messages', count, messages);
      const length = characters === undefined ? 0 : lengthOf(prompt);
      if (characters !== undefined && length > characters) return refuse('characters', length, characters);
      const read = tokens === undefined ? 0 : await countTokens();
      if (tokens !== undefined && read > tokens) return refuse('tokens', read, tokens);
      return undefined;
    },
  };
}

/** @param {Prompt} prompt */
function lengthOf(prompt) {
  if (typeof prompt === 'string') return Array.from(prompt).length;
  const texts = prompt.flatMap(({ content }) => (typeof content === 'string' ? content : (content ?? []).map(({ text }) => text)));
  return texts.reduce((sum, text) => sum + Array.from(text).length, 0);
}

/**
 * A guard that bounds the tokens of an answer: an answer that wants more gets as many, and ends with the reason `length`.
 * @param {number} most
 * @param {{ name?: string | undefined }} [options] the name is 'output-tokens' by default
 * @returns {Guard}
 */
export function outputTokens(most, options = {}) {
  requireWhole('outputTokens', most);
  checkGuardOptions('outputTokens', options, {});
  const { name = 'output-tokens' } = options;
  return {
    name,
    beforeGenerate: ({ options: { maxTokens } }) => (maxTokens === undefined || maxTokens > most ? { options: { maxTokens: most } } : undefined),
  };
}

/**
 * @typedef {object} RequestRateOptions
 * @property {number} requests that one client may begin in each window
 * @property {number | undefined} [windowMs] milliseconds of the window, which slides; a minute by default
 * @property {number | undefined} [clients] that are remembered at once; 1000 by default. Where there are more, the one that has
 *   asked longest ago is forgotten
 * @property {string | undefined} [name] 'request-rate' by default
 */

/** Requests of one client in one window at most: each is remembered. */
const MOST_REQUESTS = 100_000;

/**
 * A guard that bounds how often each client asks, by the option `clientId`; those without one are a client together. Requests that
 * are refused do not count. `details.retryAfterMs` tells when the next one would pass.
 * @param {RequestRateOptions} options
 * @returns {Guard}
 */
export function requestRate(options) {
  checkGuardOptions('requestRate', options, { requests: 'any', windowMs: 'any', clients: 'any' });
  const { requests, windowMs = 60_000, clients = 1000, name = 'request-rate' } = options;
  requireWhole('requests', requests, MOST_REQUESTS);
  requireWhole('windowMs', windowMs);
  requireWhole('clients', clients);
  /** When each client has asked, the last time last; the client that asked last is last. @type {Map<string, number[]>} */
  const asked = new Map();
  return {
    name,
    beforeGenerate({ clientId = '' }) {
      const now = performance.now();
      const times = (asked.get(clientId) ?? []).filter((time) => time > now - windowMs);
      asked.delete(clientId);
      asked.set(clientId, times);
      if (asked.size > clients) asked.delete(/** @type {string} */ (asked.keys().next().value));
      if (times.length < requests) return void times.push(now);
      const retryAfterMs = Math.ceil(times[0] + windowMs - now);
      return { refuse: `There were ${requests} requests within ${windowMs} ms, which is the most: ask again in ${retryAfterMs} ms.`, retryAfterMs };
    },
  };
}
