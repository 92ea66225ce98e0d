/** The page's addition to an answer of the bundled demo model. */

/** How it refuses, and when it says how small it is (tools/demo-model/data/beyond.py). */
const REFUSAL = /\btiny (?:demo )?model\b|\bbigger model\b|\bI only add and subtract\b/;
/** Kinds of questions that no language model can or should answer, and texts that are no question. */
const BEYOND_ANY = /\bconnection to the world\b|\bdid not understand\b|\bcannot help with that\b/;

/**
 * Whether a bigger model may well answer what the demo model did not.
 * @param {string} text
 */
export function biggerMayHelp(text) {
  return REFUSAL.test(text) && !BEYOND_ANY.test(text);
}
