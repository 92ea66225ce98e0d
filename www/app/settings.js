/** The visitor's settings: plain data, checked when it is read, kept in localStorage where there is one. */

/**
 * @typedef {object} Settings
 * @property {number} temperature 0 is greedy
 * @property {number} topP share of probability, 0 to 1
 * @property {number} maxTokens longest answer
 * @property {number | null} seed null: a new one for each answer
 * @property {number | null} threads null: the library decides
 * @property {NonNullable<import('./api.js').LoadOptions['kernel']>} kernel
 * @property {'fast' | 'exact'} precision
 * @property {number | null} context tokens, null: as the model and the memory allow
 */

/** @type {Readonly<Settings>} */
export const DEFAULTS = Object.freeze({
  temperature: 0.3,
  topP: 0.9,
  maxTokens: 256,
  seed: null,
  threads: null,
  kernel: 'auto',
  precision: 'fast',
  context: null,
});

/** Settings that only a new load of the model can change. */
export const LOAD_FIELDS = /** @type {const} */ (['threads', 'kernel', 'precision', 'context']);

/** @type {Record<string, { min: number, max: number, integer?: boolean, optional?: boolean } | { choices: readonly string[] }>} */
const RULES = {
  temperature: { min: 0, max: 2 },
  topP: { min: 0.05, max: 1 },
  maxTokens: { min: 1, max: 4096, integer: true },
  seed: { min: 0, max: 4294967295, integer: true, optional: true },
  threads: { min: 1, max: 64, integer: true, optional: true },
  kernel: { choices: ['auto'] },
  precision: { choices: ['fast', 'exact'] },
  context: { min: 16, max: 131072, integer: true, optional: true },
};

const KEY = 'bitnet-web.settings.1';
const LANGUAGE = 'bitnet-web.language';

/**
 * Says which kernels the library has. Before that only `auto` is valid.
 * @param {readonly string[]} kernels
 */
export function allowKernels(kernels) {
  RULES.kernel = { choices: ['auto', ...kernels] };
}

/**
 * The settings with every entry of `changes` that is valid taken over; the rest is left out silently, because it
 * comes from a link, from an older version of this page or from a half-typed field.
 * @param {Settings} settings
 * @param {Record<string, unknown>} changes
 * @returns {Settings}
 */
export function merged(settings, changes) {
  const result = /** @type {Record<string, unknown>} */ ({ ...settings });
  for (const [name, rule] of Object.entries(RULES)) {
    if (!(name in changes)) continue;
    const value = changes[name];
    if ('choices' in rule) {
      if (rule.choices.includes(String(value))) result[name] = String(value);
    } else if (value === null || value === '') {
      if (rule.optional) result[name] = null;
    } else {
      const number = Number(value);
      if (number >= rule.min && number <= rule.max && (!rule.integer || Number.isInteger(number)))
        result[name] = number;
    }
  }
  return /** @type {Settings} */ (/** @type {unknown} */ (result));
}

/** @returns {Settings} what was kept, else the defaults */
export function restore() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}');
    return merged(DEFAULTS, kept && typeof kept === 'object' ? kept : {});
  } catch {
    return { ...DEFAULTS };
  }
}

/** @param {Settings} settings */
export function keep(settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // A private window may refuse storage; the settings then last as long as the page.
  }
}

/** The language that the visitor has chosen; empty: the browser's. */
export function language() {
  try {
    return localStorage.getItem(LANGUAGE) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} code empty: the browser's */
export function keepLanguage(code) {
  try {
    if (code) localStorage.setItem(LANGUAGE, code);
    else localStorage.removeItem(LANGUAGE);
  } catch {
    // As above.
  }
}

/**
 * The part that BitNet.load takes.
 * @param {Pick<Settings, typeof LOAD_FIELDS[number]>} settings
 */
export function loadOptions({ threads, kernel, precision, context }) {
  return {
    precision,
    ...(threads === null ? {} : { threads }),
    ...(kernel === 'auto' ? {} : { kernel }),
    ...(context === null ? {} : { context }),
  };
}

/**
 * The part that model.generate takes.
 * @param {Settings} settings
 */
export function sampling({ temperature, topP, maxTokens, seed }) {
  return { temperature, topP, maxTokens, ...(seed === null ? {} : { seed }) };
}
