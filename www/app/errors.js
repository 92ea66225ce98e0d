/** The text for an error: its code, its sentence, and what the visitor can do. */
import { has, t } from './texts.js';

/**
 * @typedef {object} Explanation
 * @property {string} code
 * @property {string} title
 * @property {string} text
 * @property {string} advice
 */

/**
 * @param {unknown} error
 * @returns {Explanation}
 */
export function explain(error) {
  const { code, message } = /** @type {{ code?: unknown, message?: unknown }} */ (error ?? {});
  const known = typeof code === 'string' ? code : 'internal';
  // A newer library may know codes that this page does not.
  const key = `error.${has(`error.${known}`) ? known : 'internal'}`;
  return { code: known, title: t(key), text: String(message || error || t('error.noMore')), advice: t(`${key}.advice`) };
}

/**
 * Whether the model is gone after this error, so that it has to be loaded again.
 * @param {unknown} error
 */
export function isFatal(error) {
  return ['crashed', 'out_of_memory', 'internal'].includes(/** @type {{ code?: string }} */ (error)?.code ?? '');
}
