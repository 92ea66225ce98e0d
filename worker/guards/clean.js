// Takes control characters and patterns out of prompts and answers.
import { BitNetError } from '../error.js';
import { checkGuardOptions } from './guard-options.js';
import { Patterns } from './pattern.js';
import { changeTexts, replaceIn, replacePiece, searchPiece } from './replace.js';

/** @import { Guard } from './guard.js' */

/**
 * @typedef {object} CleanOptions
 * @property {string | undefined} [name] 'clean' by default
 * @property {boolean | undefined} [controls] whether control characters go (all but tab and line breaks), and those that turn the
 *   direction of writing; true by default
 * @property {readonly (string | RegExp | { pattern: string | RegExp, replacement?: string | undefined })[] | undefined} [patterns]
 *   texts and expressions that go, or what stands in their place. An expression is searched for in a time that grows with the text
 *   alone; backreferences, and looking ahead or behind, are refused
 * @property {boolean | undefined} [input] whether prompts are cleaned; true by default
 * @property {boolean | undefined} [output] whether answers are cleaned; true by default
 */

/** C0 but tab, line feed and return, C1, and what overrides or isolates the direction of writing. */
const CONTROLS = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/;

/**
 * A guard that takes control characters and patterns out. A match that spans several pieces of an answer is found: its beginning is
 * held back, up to 1024 characters.
 * @param {CleanOptions} [options]
 * @returns {Guard}
 */
export function clean(options = {}) {
  checkGuardOptions('clean', options, { controls: 'flag', patterns: 'any', input: 'flag', output: 'flag' });
  const { name = 'clean', controls = true, patterns = [], input = true, output = true } = options;
  const given = (Array.isArray(patterns) ? patterns : [{}]).map((/** @type {any} */ entry) => (typeof entry === 'string' || entry instanceof RegExp ? { pattern: entry, replacement: '' } : { replacement: '', ...entry }));
  for (const { pattern, replacement } of given) {
    if ((typeof pattern === 'string' || pattern instanceof RegExp) && typeof replacement === 'string') continue;
    throw new BitNetError('invalid_argument', 'patterns: expected strings, expressions, or { pattern, replacement } with a string as the replacement.', { details: { option: 'patterns' } });
  }
  const all = [...given, ...(controls ? [{ pattern: CONTROLS, replacement: '' }] : [])];
  if (all.length === 0) throw new BitNetError('invalid_argument', 'clean: expected controls or at least one pattern.', { details: { option: 'patterns' } });
  const machine = new Patterns(all.map(({ pattern }) => pattern));
  const search = machine.matches.bind(machine);
  const replacement = (/** @type {string} */ _match, /** @type {number} */ index) => all[index].replacement ?? '';
  return {
    name,
    units: 'pieces',
    ...(input && { beforeGenerate: (request) => changeTexts(request, (text) => replaceIn(text, search, replacement)) }),
    ...(output && { onText: (piece) => replacePiece(piece, searchPiece(piece, search), replacement) }),
  };
}
