/** What two lanes have shown. */

/** @typedef {import('./lane.js').Outcome} Outcome */

/**
 * @typedef {object} Verdict
 * @property {'same' | 'precision' | 'model' | 'differ'} hash whether both compute the same; where not, what they differ in that explains
 *   it. `differ`: nothing does, which is a fault
 * @property {'same' | 'differ'} text
 * @property {{ faster: 'a' | 'b', times: number } | null} speed null where they are as good as equal, or unknown
 */

/** Below this ratio two speeds are called equal: runs differ by as much. */
const EQUAL = 1.03;

/**
 * @param {Outcome} a
 * @param {Outcome} b
 * @returns {Verdict}
 */
export function verdictOf(a, b) {
  const explained = a.source !== b.source ? 'model' : a.info.precision !== b.info.precision ? 'precision' : 'differ';
  const [fast, slow] = [a.tokensPerSecond, b.tokensPerSecond];
  const times = fast && slow ? Math.max(fast, slow) / Math.min(fast, slow) : 1;
  return {
    hash: a.logitsHash === b.logitsHash ? 'same' : explained,
    text: a.text === b.text ? 'same' : 'differ',
    speed: times < EQUAL ? null : { faster: (fast ?? 0) > (slow ?? 0) ? 'a' : 'b', times },
  };
}
