/**
 * Formulas in Markdown, in the notation of TeX: `$a$` and `\(a\)` in a line, `$$a$$` and `\[a\]` on lines of their own. The rules are
 * those of pandoc and GitHub, which leave prices alone: a dollar sign begins a formula only where no letter or digit stands before it
 * and no space behind it, and ends one only where it is the other way round.
 */

/** @typedef {{ type: string, raw: string, text?: string, display?: boolean, isOpen?: boolean }} MathToken */
/** @typedef {(this: { lexer: unknown }, source: string, tokens: readonly { raw: string }[]) => MathToken | undefined} Tokenizer */

/** No longer formula is looked for, characters: a text of many beginnings without ends must not be read again and again. */
const LONGEST = 2000;
/** A formula of one of the kinds that have brackets of their own, from where it begins to where it ends; it holds no empty line. */
const BRACKETS = new RegExp(
  [
    String.raw`^\$\$(?!\$)((?:\\[^]|\$(?!\$)|(?!\n[ \t]*\n)[^\\$]){1,${LONGEST}}?)\$\$`,
    String.raw`^\\\[((?:(?!\n[ \t]*\n)[^]){1,${LONGEST}}?)\\\](?!\()`,
    String.raw`^\\\(((?:(?!\n[ \t]*\n)[^]){1,${LONGEST}}?)\\\)`,
  ].join('|'),
);
/** The beginning of such a one, without its end. */
const OPEN = /^(?:\$\$(?!\$)|\\\[|\\\()(?:(?!\n[ \t]*\n|\\[\])]|\$\$)[^])*$/;
/** Between single dollars, in which no code may begin. */
const DOLLARS = /^\$(?![\s$])((?:\\[^]|[^\\$`\n]|\n(?![ \t]*\n)){1,1000}?)\$(?![\w$])/;
/** Where one of them may begin. */
const BEGINNING = /\$|\\[[(]/;

/** @param {string} source @returns {MathToken | undefined} */
function bracketed(source) {
  const match = BRACKETS.exec(source);
  if (!match) return undefined;
  const [raw, dollars, square, round] = match;
  const text = (dollars ?? square ?? round).trim();
  if (text === '') return undefined;
  return { type: 'math', raw, text, display: round === undefined };
}

/** @param {string} source @param {string} before the character before it @returns {MathToken | undefined} */
function dollars(source, before) {
  if (/[\w$\\]/.test(before)) return undefined;
  const match = DOLLARS.exec(source);
  if (!match) return undefined;
  const [raw, text] = match;
  // "$5 or maybe 6$" is no formula: words stand in one only inside a command.
  const isProse = /^\d/.test(text) && !text.includes('\\') && /\s[\p{L}]{2,}/u.test(text);
  if (/\s$/.test(text) || isProse) return undefined;
  return { type: 'math', raw, text, display: false };
}

/** @param {string} source @returns {MathToken | undefined} what may still become a formula */
function open(source) {
  const match = OPEN.exec(source);
  return match ? { type: 'math', raw: match[0], text: match[0], isOpen: true } : undefined;
}

/**
 * What `marked` calls: for a formula on lines of its own, for one in a line, and to find where one may begin.
 * @param {(source: string) => MathToken | undefined} open finds the beginning of a formula that waits for its end
 */
function extensions(open) {
  /** @type {Tokenizer} */
  const block = (source) => {
    const indent = /^ {0,3}(?=\$\$|\\\[)/.exec(source);
    if (!indent) return undefined;
    const rest = source.slice(indent[0].length);
    const found = bracketed(rest) ?? open(rest);
    if (!found) return undefined;
    const end = /^[ \t]*(?:\n+|$)/.exec(rest.slice(found.raw.length));
    // Text behind it makes it a part of a paragraph.
    return end ? { ...found, type: 'mathBlock', raw: indent[0] + found.raw + end[0] } : undefined;
  };
  /** @type {Tokenizer} */
  const inline = (source, tokens) => {
    if (!source.startsWith('$') && !source.startsWith('\\')) return undefined;
    const before = tokens.at(-1)?.raw.at(-1) ?? '';
    return bracketed(source) ?? dollars(source, before) ?? open(source);
  };
  const startBlock = (/** @type {string} */ source) => {
    const match = /(?<=\n) {0,3}(?:\$\$|\\\[)/.exec(source);
    return match?.index;
  };
  const startInline = (/** @type {string} */ source) => BEGINNING.exec(source)?.index;
  return { block: [block], inline: [inline], startBlock: [startBlock], startInline: [startInline], renderers: {}, childTokens: {} };
}

/** What `marked` is told for a text that is whole. */
export const WHOLE = { gfm: true, extensions: extensions(() => undefined) };

/**
 * What it is told for a text that grows: the beginning of a formula at its end waits for the rest, and is no Markdown meanwhile.
 * @param {string} text
 */
export function growing(text) {
  const end = text.trimEnd();
  return { gfm: true, extensions: extensions((source) => (end.endsWith(source.trimEnd()) ? open(source) : undefined)) };
}
