/** The models that the page offers by name. What is known of them is shown before anything is fetched; the probe checks it. */
import { parametersOf } from './fit.js';
import { PUBLISHED_MODELS } from './published-models.js';

/**
 * @typedef {object} Offer
 * @property {string} name
 * @property {string} source what BitNet.load takes
 * @property {'demo' | 'chat' | 'completion' | 'embedding'} task
 * @property {string} format how the weights are stored in the file
 * @property {number} parameters
 * @property {number | null} bytes size of the download, null where nobody has written it down
 * @property {number} weightBytes in memory
 * @property {number | null} kvBytesPerToken of keys and values in memory
 * @property {number | null} context tokens
 * @property {string} licence
 * @property {boolean} grouped whether its matrices have a scale for each group of columns
 * @property {boolean} binary whether its weights are only -1 and +1
 */

export const DEMO_SOURCE = './models/demo.gguf';

/** Families whose matrices have a scale for each group of columns. */
const GROUPED = ['bonsai', 'trilm'];

/** @type {readonly Offer[]} the bundled model first, then what writes answers to messages, what goes on with a text, what makes embeddings */
export const CATALOG = Object.freeze([
  {
    name: 'Demo model',
    source: DEMO_SOURCE,
    task: 'demo',
    format: 'I2_S',
    parameters: 5_121_280,
    bytes: 2_053_856,
    weightBytes: 1_700_000,
    kvBytesPerToken: 1_600,
    context: 1024,
    licence: 'MIT OR Apache-2.0',
    grouped: false,
    binary: false,
  },
  ...PUBLISHED_MODELS.map(({ id: _, family, parameters, ...model }) => ({
    ...model,
    parameters: parametersOf(parameters),
    grouped: GROUPED.includes(family),
    binary: model.format === 'Q1_0',
  })),
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
  return a === b || addressOf(a) === addressOf(b);
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
export function addressOf(source) {
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
