/** A piece of code: text, or a span with a class (a tree as hast has it). */
export type Piece = { type: 'text'; value: string } | { type: 'element'; properties: { className?: string[] }; children: Piece[] };
export function knows(language: string): boolean;
export function highlight(language: string, code: string): Piece[];
