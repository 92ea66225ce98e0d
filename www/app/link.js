/**
 * The query parameters that a link to the page may have:
 *
 *   model      address of a GGUF file, relative to the page, absolute, or hf:owner/repo/file.gguf
 *   prompt     a first message, sent once the model is there
 *   threads, kernel, precision, context, temperature, topP, maxTokens, seed    as in the settings, for this visit only
 *   cache=no   keep nothing on this device and read nothing kept
 *   isolate=no leave the page as its host made it (no service worker), so with one thread on a plain host
 *
 * Example: ?model=./models/demo.gguf&threads=1&kernel=lut&precision=exact&temperature=0&prompt=Hello
 */

/**
 * @typedef {object} Link
 * @property {string | null} model
 * @property {string} prompt
 * @property {boolean} cache
 * @property {Record<string, string>} settings only what the link names; checked by settings.merged
 */

const SETTINGS = ['threads', 'kernel', 'precision', 'context', 'temperature', 'topP', 'maxTokens', 'seed'];

/**
 * @param {string} search such as location.search
 * @returns {Link}
 */
export function parseLink(search) {
  const query = new URLSearchParams(search);
  /** @type {Record<string, string>} */
  const settings = {};
  for (const name of SETTINGS) {
    const value = query.get(name);
    if (value !== null) settings[name] = value;
  }
  return {
    model: query.get('model')?.trim() || null,
    prompt: query.get('prompt')?.trim() ?? '',
    cache: query.get('cache') !== 'no',
    settings,
  };
}
