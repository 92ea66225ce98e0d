// Words that are not to be said or asked.
import { BitNetError } from '../error.js';
import { clustersOf, isBoundary } from './folded-text.js';
import { checkGuardOptions } from './guard-options.js';
import { changeTexts, replaceIn, replacePiece, searchPiece } from './replace.js';

/** @import { Guard } from './guard.js' */
/** @import { Cluster } from './folded-text.js' */

/**
 * @typedef {object} WordFilterOptions
 * @property {readonly string[]} words words and phrases, each of at most 200 characters. They are found whatever the case of their
 *   letters (as Unicode folds it: `STRASSE` is `straße`), however a letter is put together, with any white space between the words
 *   of a phrase, and only as whole words; in scripts that write no spaces between words, anywhere
 * @property {'refuse' | 'mask' | 'pass' | undefined} [input] what is done with a request that has one of them; `refuse` by default
 * @property {'mask' | 'stop' | 'refuse' | 'pass' | undefined} [output] what is done with an answer: `mask` (default) replaces the
 *   words, `stop` ends the answer before the word, `refuse` rejects the call
 * @property {string | undefined} [mask] in place of a word; as many `*` as it has characters by default
 * @property {string | undefined} [name] 'words' by default
 */

/** Characters of a word that is filtered. */
const MOST_CHARACTERS = 200;

/** @typedef {{ next: Map<string, TrieNode>, isWord: boolean }} TrieNode */

/**
 * A guard that finds words, also where they come in several pieces.
 * @param {WordFilterOptions} options
 * @returns {Guard}
 */
export function wordFilter(options) {
  checkGuardOptions('wordFilter', options, { words: 'any', input: 'text', output: 'text', mask: 'text' });
  const { words, input = 'refuse', output = 'mask', mask, name = 'words' } = options;
  const trie = trieOf(words);
  requireOneOf('input', input, ['refuse', 'mask', 'pass']);
  requireOneOf('output', output, ['mask', 'stop', 'refuse', 'pass']);
  const search = (/** @type {string} */ text, /** @type {boolean} */ isEnd, /** @type {string} */ before) => find(trie, text, isEnd, before);
  const masked = (/** @type {string} */ word) => mask ?? '*'.repeat(clustersOf(word).length);
  return {
    name,
    units: 'pieces',
    // Longer than every word, with characters between the letters that nobody sees.
    maxHold: 1024,
    beforeGenerate(request) {
      if (input === 'pass') return undefined;
      const changed = changeTexts(request, (text) => replaceIn(text, search, masked));
      return changed !== undefined && input === 'refuse' ? { refuse: `The request has a word that the guard '${name}' does not allow.` } : changed;
    },
    onText(piece) {
      if (output === 'pass') return undefined;
      const found = searchPiece(piece, search);
      const [first] = found.matches;
      if (first !== undefined && output === 'refuse') return { refuse: `The answer has a word that the guard '${name}' does not allow.` };
      if (first !== undefined && output === 'stop') return { text: piece.text.slice(0, first.start), stop: true };
      return replacePiece(piece, found, masked);
    },
  };
}

/** @param {string} option @param {string} value @param {string[]} known */
function requireOneOf(option, value, known) {
  if (known.includes(value)) return;
  const expected = `one of '${known.join("', '")}'`;
  throw new BitNetError('invalid_argument', `${option}: expected ${expected}, found ${JSON.stringify(value)}.`, { details: { option, expected } });
}

/** @param {readonly string[]} words */
function trieOf(words) {
  /** @type {TrieNode} */
  const root = { next: new Map(), isWord: false };
  for (const word of Array.isArray(words) ? words : [undefined]) {
    const folded = typeof word === 'string' && word.length <= MOST_CHARACTERS ? clustersOf(word.trim()).map(({ folded }) => folded).join('') : '';
    if (folded === '') {
      const expected = `an array of words, each of 1 to ${MOST_CHARACTERS} characters`;
      throw new BitNetError('invalid_argument', `words: expected ${expected}, found ${JSON.stringify(word ?? words)}.`, { details: { option: 'words', expected } });
    }
    let node = root;
    for (const char of folded) {
      const next = node.next.get(char) ?? { next: new Map(), isWord: false };
      node.next.set(char, next);
      node = next;
    }
    node.isWord = true;
  }
  return root;
}

/**
 * The longest words from left to right.
 * @param {TrieNode} trie
 * @param {string} text
 * @param {boolean} isEnd
 * @param {string} before
 */
function find(trie, text, isEnd, before) {
  const clusters = clustersOf(text);
  /** @type {{ start: number, end: number, index: number }[]} */
  const matches = [];
  for (let at = 0; at < clusters.length; ) {
    const left = at === 0 ? before : clusters[at - 1].base;
    if (!isBoundary(left, clusters[at].base)) {
      at += 1;
      continue;
    }
    const { length, isOpen } = walk(trie, clusters, at, isEnd);
    if (isOpen) return { matches, end: clusters[at].start };
    if (length > 0) matches.push({ start: clusters[at].start, end: clusters[at + length - 1].end, index: 0 });
    at += Math.max(length, 1);
  }
  return { matches, end: text.length };
}

/**
 * How many characters from one on are the longest word; and whether more of the text could make it another one.
 * @param {TrieNode} trie
 * @param {Cluster[]} clusters
 * @param {number} from
 * @param {boolean} isEnd
 */
function walk(trie, clusters, from, isEnd) {
  let node = trie;
  let length = 0;
  for (let at = from; at < clusters.length; at++) {
    const isLast = at === clusters.length - 1;
    const { folded, base } = clusters[at];
    const [first] = folded;
    // A mark may follow, and whether the word goes on is not known.
    if (isLast && !isEnd) return { length, isOpen: folded === '' || node.next.has(first) };
    for (const char of folded) {
      const next = node.next.get(char);
      if (next === undefined) return { length, isOpen: false };
      node = next;
    }
    if (node.isWord && isBoundary(base, clusters[at + 1]?.base ?? '')) length = at + 1 - from;
  }
  return { length, isOpen: false };
}
