/**
 * Raw text of about `tokens` tokens: letters with spaces between them, of which the generated vocabularies make a token
 * each. The seed keeps one prompt from being the beginning of another, which would not be computed again.
 * @param {number} tokens
 * @param {number} seed
 */
export function promptOf(tokens, seed) {
  return Array.from({ length: Math.ceil(tokens / 2) }, (_, i) => String.fromCharCode(97 + ((i * 7 + seed) % 26))).join(' ');
}
