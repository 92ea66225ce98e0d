// Requests on the browser's own Performance timeline, where its developer tools show them beside everything else.

/** Requests whose entries are kept. */
const MOST_REQUESTS = 100;

/**
 * The times of a request, in milliseconds as performance.now() tells; undefined where it did not come so far.
 * @typedef {object} RequestTimes
 * @property {number} called
 * @property {number | undefined} begun its turn came
 * @property {number | undefined} firstToken
 * @property {number} ended
 */

/** The names of a request's measures. @param {number} number */
function names(number) {
  return /** @type {const} */ (['queue', 'prefill', 'decode']).map((part) => `bitnet-web ${part} #${number}`);
}

/** Requests of this page's models that were written. */
let written = 0;

/**
 * Writes a request onto the timeline, and takes an old one off it: the browser keeps whatever is written for ever.
 * @param {RequestTimes} times
 * @param {Record<string, unknown>} detail
 */
export function writeRequest({ called, begun, firstToken, ended }, detail) {
  const number = ++written;
  const [queue, prefill, decode] = names(number);
  // A track of their own in Chromium's Performance panel.
  const devtools = { dataType: 'track-entry', track: 'bitnet-web' };
  const measure = (/** @type {string} */ name, /** @type {number | undefined} */ start, /** @type {number} */ end) => {
    if (start !== undefined) performance.measure(name, { start, end, detail: { ...detail, request: number, devtools } });
  };
  measure(queue, called, begun ?? ended);
  measure(prefill, begun, firstToken ?? ended);
  measure(decode, firstToken, ended);
  if (number > MOST_REQUESTS) for (const name of names(number - MOST_REQUESTS)) performance.clearMeasures(name);
}
