/** The models that the page offers by name. Sizes are shown before anything is fetched; the probe checks them. */

/**
 * @typedef {object} Offer
 * @property {string} name
 * @property {string} source what BitNet.load takes
 * @property {number | null} bytes size of the download, null where the server tells in no time
 * @property {number | null} memoryBytes needed
 * @property {number | null} context tokens
 * @property {string} licence
 * @property {string} text key of one sentence
 * @property {boolean} confirm whether to ask before loading
 */

export const DEMO_SOURCE = './models/demo.gguf';

/** @type {readonly Offer[]} */
export const CATALOG = Object.freeze([
  {
    name: 'Demo model',
    source: DEMO_SOURCE,
    bytes: 2_053_856,
    memoryBytes: 2_500_000,
    context: 1024,
    licence: 'MIT OR Apache-2.0',
    text: 'catalog.demo',
    confirm: false,
  },
  {
    name: 'BitNet b1.58 2B4T',
    source: 'https://huggingface.co/microsoft/bitnet-b1.58-2B-4T-gguf/resolve/main/ggml-model-i2_s.gguf',
    bytes: 1_187_801_280,
    memoryBytes: 1_010_000_000,
    context: 4096,
    licence: 'MIT',
    text: 'catalog.bitnet2b',
    confirm: true,
  },
]);

/**
 * A short name for a source, for the header and for lists.
 * @param {string | File | Blob} source
 * @returns {string}
 */
export function nameOf(source) {
  if (typeof source !== 'string') return 'name' in source && source.name ? source.name : 'a file';
  const offer = CATALOG.find((entry) => sameAddress(entry.source, source));
  if (offer) return offer.name;
  const path = source.split(/[?#]/)[0];
  return decodeURIComponentSafe(path.split('/').filter(Boolean).pop() ?? source);
}

/**
 * Whether two sources name the same file.
 * @param {string} a
 * @param {string} b
 */
export function sameAddress(a, b) {
  return a === b || canonical(a) === canonical(b);
}

/**
 * @param {string} source
 * @returns {string} the absolute address, or the text as it is where it is none
 */
export function absolute(source) {
  if (/^hf:/i.test(source)) return source;
  return URL.canParse(source, document.baseURI) ? new URL(source, document.baseURI).href : source;
}

/**
 * The address behind a short form, as the library keeps it.
 * @param {string} source
 */
function canonical(source) {
  const short = /^hf:([^/]+\/[^/]+)\/(.+)$/i.exec(source);
  return short ? `https://huggingface.co/${short[1]}/resolve/main/${short[2]}` : absolute(source);
}

/**
 * Whether the file lies on the page's own origin. Of any other, this device's other ports included, nothing is asked because
 * a link names it.
 * @param {string} source
 */
export function isOwn(source) {
  const address = absolute(source);
  return URL.canParse(address) && new URL(address).origin === location.origin;
}

/** @param {string} text */
function decodeURIComponentSafe(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
