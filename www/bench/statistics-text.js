/** Spreads in words. */
import { figure as short } from '../app/format.js';
import { t } from '../app/texts.js';

/**
 * @param {import('./statistics.js').Spread} spread
 * @returns {string} such as "38 to 41"
 */
export function range({ min, max, repetitions }) {
  return repetitions > 1 ? t('range', { least: short(min), most: short(max) }) : t('range.one');
}
