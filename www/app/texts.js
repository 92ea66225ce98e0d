/** The interface's texts: one file a language in texts/, English when a language or a text is missing. */
import { EN } from '../texts/en.js';

/** The languages that there are, by code; each brings its file when it is chosen. */
export const LANGUAGES = Object.freeze({ en: 'English', de: 'Deutsch' });

/** @type {Record<string, string>} */
let texts = EN;
let plurals = new Intl.PluralRules('en');

/**
 * Chooses the first of the wanted languages that there is.
 * @param {readonly string[]} wanted such as navigator.languages
 */
export async function useLanguage(wanted) {
  const found = wanted.map((tag) => tag.split('-')[0]).find((code) => Object.hasOwn(LANGUAGES, code)) ?? 'en';
  if (found === 'de') texts = { ...EN, ...(await import('../texts/de.js')).DE };
  plurals = new Intl.PluralRules(found);
  document.documentElement.lang = found;
}

/** @param {string} key whether there is such a text */
export function has(key) {
  return Object.hasOwn(texts, key);
}

/**
 * A text with `{name}` replaced by values. A number named `n` chooses between `key.one` and `key.other`, where there are such.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const form = typeof values.n === 'number' ? `${key}.${plurals.select(values.n)}` : key;
  const text = texts[form] ?? texts[`${key}.other`] ?? texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * Puts the texts into the elements that name theirs: `data-t` for the content, `data-t-NAME` for an attribute. HTML carries the
 * English ones, so that nothing moves when this runs.
 * @param {ParentNode} root
 */
export function applyTexts(root) {
  for (const element of root.querySelectorAll('[data-t]')) element.textContent = t(element.getAttribute('data-t') ?? '');
  for (const name of ['aria-label', 'placeholder', 'title'])
    for (const element of root.querySelectorAll(`[data-t-${name}]`))
      element.setAttribute(name, t(element.getAttribute(`data-t-${name}`) ?? ''));
}
