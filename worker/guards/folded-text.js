// Texts as words are compared: without regard to case, to how a character is put together, and to characters that nobody sees.

/** A character with its marks. @typedef {{ start: number, end: number, base: string, folded: string }} Cluster */

const MARK = /^\p{M}$/u;
const UNSEEN = /^\p{Default_Ignorable_Code_Point}$/u;
const SPACE = /^\s$/u;
const WORD = /^[\p{L}\p{M}\p{N}\p{Pc}]$/u;
/** Scripts that write words without spaces between them. */
const UNSPACED = /^[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Laoo}\p{sc=Khmr}\p{sc=Mymr}\p{sc=Tibt}\p{sc=Bopo}\p{sc=Yiii}\p{sc=Java}\p{sc=Bali}\p{sc=Lana}\p{sc=Talu}]$/u;

/**
 * Unicode's full case folding of a character, and its compatibility decomposition, so that letters of full width and ligatures are
 * their plain ones. As JavaScript has no folding, it is the small letters of the capital ones, character by character.
 * @param {string} char
 */
function fold(char) {
  const plain = char.normalize('NFKD').toUpperCase();
  return Array.from(plain, (letter) => letter.toLowerCase()).join('').normalize('NFKD');
}

/**
 * @param {string} text
 * @returns {Cluster[]}
 */
export function clustersOf(text) {
  /** @type {Cluster[]} */
  const clusters = [];
  let at = 0;
  for (const char of text) {
    const end = at + char.length;
    const last = clusters.at(-1);
    const isUnseen = UNSEEN.test(char);
    if (last !== undefined && (isUnseen || MARK.test(char) || (SPACE.test(char) && last.folded === ' '))) {
      last.end = end;
      // Marks in their canonical order, in whichever they were written.
      if (!isUnseen && !SPACE.test(char)) last.folded = (last.folded + fold(char)).normalize('NFKD');
      if (last.base === '' && !isUnseen) last.base = char;
    } else clusters.push({ start: at, end, base: isUnseen ? '' : char, folded: isUnseen ? '' : SPACE.test(char) ? ' ' : fold(char) });
    at = end;
  }
  return clusters;
}

/**
 * Whether a word may end between two characters, or begin: not within a row of letters, digits, marks and underscores, except where
 * one of the two is of a script that writes no spaces.
 * @param {string} left empty at the beginning of a text
 * @param {string} right empty at its end
 */
export function isBoundary(left, right) {
  const isInWord = WORD.test(left) && WORD.test(right);
  return !isInWord || UNSPACED.test(left) || UNSPACED.test(right);
}
