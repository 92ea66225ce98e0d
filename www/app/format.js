/** Numbers as people read them. Units are SI: 1 MB is 10^6 bytes, as in download sizes. */

import { t } from './texts.js';

const STEPS = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
];

/**
 * A number with the sign before its fractions that the page's language has: 1.5, or 1,5 in German.
 * @param {string | number} number
 */
export function inLanguage(number) {
  const language = globalThis.document?.documentElement.lang || 'en';
  return String(number).replace('.', new Intl.NumberFormat(language).format(1.5)[1]);
}

/**
 * Three significant digits at most, no trailing zeros: 1.18, 47.3, 512.
 * @param {number} value
 */
function short(value) {
  return inLanguage(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** @param {number} value three significant digits */
export const figure = short;

/**
 * @param {number} count bytes
 * @returns {string} such as "1.18 GB"
 */
export function bytes(count) {
  for (const [step, letter] of STEPS)
    if (count >= Number(step)) return `${short(count / Number(step))} ${letter === 'k' ? 'kB' : `${letter}B`}`;
  return `${Math.round(count)} B`;
}

/**
 * Loaded and total in the total's unit, so that the text keeps its width while it counts.
 * @param {number} loaded bytes
 * @param {number | null} total bytes, null when the server does not tell
 * @returns {string} such as "3.21 of 7.90 MB"
 */
export function bytesOf(loaded, total) {
  if (!total) return bytes(loaded);
  const [step, letter] = STEPS.find(([s]) => total >= Number(s)) ?? [1, ''];
  const digits = total / Number(step) >= 100 ? 0 : total / Number(step) >= 10 ? 1 : 2;
  const of = (/** @type {number} */ n) => inLanguage((n / Number(step)).toFixed(letter ? digits : 0));
  return t('bytes.of', { loaded: of(loaded), total: of(total), unit: letter === 'k' ? 'kB' : `${letter}B` });
}

/**
 * @param {number} seconds
 * @returns {string} such as "about 3 min", "12 s"
 */
export function timeLeft(seconds) {
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 1) return t('time.under');
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${inLanguage((seconds / 3600).toFixed(1))} h`;
}

/**
 * @param {number} milliseconds
 * @returns {string} such as "85 ms", "1.2 s"
 */
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${inLanguage((milliseconds / 1000).toFixed(milliseconds < 10000 ? 1 : 0))} s`;
}

/**
 * @param {number} value milliseconds
 * @returns {string} such as "0.41 ms", "72 ms"
 */
export function milliseconds(value) {
  return `${short(value)} ms`;
}

/**
 * @param {number} perSecond tokens per second
 * @returns {string} such as "41.2 tok/s"
 */
export function rate(perSecond) {
  return `${short(perSecond)} tok/s`;
}

/**
 * @param {number} perSecond tokens per second, estimated
 * @returns {string} such as "41 tok/s", "2.5 tok/s"
 */
export function about(perSecond) {
  return `${inLanguage(Number(perSecond.toPrecision(2)))} tok/s`;
}

/**
 * @param {number} value
 * @returns {string} such as "7.4 M", "2.41 B"; B is the field's word for 10^9 parameters
 */
export function count(value) {
  for (const [step, letter] of STEPS)
    if (value >= Number(step)) return `${short(value / Number(step))} ${letter === 'G' ? 'B' : letter}`;
  return String(value);
}

/**
 * @param {number} value
 * @param {string} one
 * @param {string} [many]
 * @returns {string} such as "1 token", "2 tokens"
 */
export function plural(value, one, many = `${one}s`) {
  return `${value} ${value === 1 ? one : many}`;
}

/**
 * @param {number} time milliseconds since 1970
 * @param {number} [now]
 * @returns {string} such as "today", "3 days ago"
 */
export function ago(time, now = Date.now()) {
  const days = Math.floor((now - time) / 86_400_000);
  if (days <= 0) return t('time.today');
  if (days === 1) return t('time.yesterday');
  if (days < 60) return t('time.days', { n: days });
  return new Date(time).toISOString().slice(0, 10);
}
