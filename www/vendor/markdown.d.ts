/** A part of a text in Markdown, as the package `marked` tells them apart; each kind has some of these fields. */
export interface Token {
  type: string;
  raw: string;
  text?: string;
  tokens?: Token[];
  items?: Token[];
  href?: string;
  title?: string | null;
  lang?: string;
  depth?: number;
  ordered?: boolean;
  start?: number | '';
  task?: boolean;
  checked?: boolean;
  align?: ('left' | 'right' | 'center' | null)[];
  header?: { tokens: Token[] }[];
  rows?: { tokens: Token[] }[][];
  /** Of a formula: whether it stands on lines of its own, and whether its end has not come. */
  display?: boolean;
  isOpen?: boolean;
}
export function lexer(text: string, options: object): Token[];
