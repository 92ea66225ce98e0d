/** A part of a formula, as the package `temml` builds it; text has `text`, everything else the other fields. */
export interface MathNode {
  type?: string;
  attributes?: Record<string, string | number | boolean>;
  style?: Record<string, string>;
  children?: (MathNode | { text: string })[];
}
/** Throws where it does not know what is written. */
export function build(source: string, display: boolean): MathNode;
