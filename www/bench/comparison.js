/** This run beside others: earlier ones of this browser, the reference machines of the page, results that were pasted in. */
import { button, byId, h } from '../app/dom.js';
import * as format from '../app/format.js';
import { has, t } from '../app/texts.js';

/**
 * A run in short.
 * @typedef {object} Entry
 * @property {'now' | 'own' | 'reference' | 'pasted'} kind
 * @property {string} where browser or machine
 * @property {string} date as in ISO 8601
 * @property {string} model
 * @property {number} threads
 * @property {string} kernel
 * @property {string} precision
 * @property {number} decode tokens per second
 * @property {number | null} prefill tokens per second, of a prompt of some 128
 * @property {number | null} read bytes per second that memory gives
 * @property {Partial<import('./measure.js').Result>} [result] all of it, where it is known
 */

const KEY = 'bitnet-web.bench.history.1';
/** Runs of this browser that are kept. */
const MOST = 20;
/** The prompt whose speed is compared, tokens. */
const PROMPT = 128;

export class Comparison {
  #table = byId('comparison-table');
  /** @type {Entry | null} */
  #now = null;
  /** The entry whose whole result is shown. @type {Entry | null} */
  #shown = null;
  /** @type {Entry[]} */
  #pasted = [];
  /** @type {Entry[]} */
  #references = [];
  #asked = false;

  /** @param {(entry: Entry) => void} onShow called when one is to be shown as a whole */
  constructor(onShow) {
    this.onShow = onShow;
    byId('paste-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#paste();
    });
    byId('forget-runs').addEventListener('click', () => {
      keep([]);
      this.#draw();
    });
  }

  /**
   * Shows a run among the others, and keeps it.
   * @param {Partial<import('./measure.js').Result>} result
   * @param {string} name of the model
   * @param {{ isOwn: boolean, entry?: Entry }} how whether it was measured here and now; the entry that it is shown of
   */
  async show(result, name, { isOwn, entry }) {
    const where = entry?.where ?? (isOwn ? browserName(navigator.userAgent) : t('compare.link'));
    this.#shown = entry ?? null;
    this.#now = entryOf(result, name, { kind: 'now', where, date: entry?.date ?? new Date().toISOString() });
    if (isOwn && this.#now) keep([{ ...this.#now, kind: /** @type {const} */ ('own') }, ...kept()].slice(0, MOST));
    this.#draw();
    if (this.#asked) return;
    this.#asked = true;
    this.#references = await references();
    this.#draw();
  }

  #paste() {
    const field = byId('paste', HTMLTextAreaElement);
    const error = byId('paste-error');
    error.textContent = '';
    try {
      this.#pasted.push(pastedEntry(field.value));
      field.value = '';
      this.#draw();
    } catch {
      error.textContent = t('compare.notAResult');
    }
  }

  #draw() {
    const now = this.#now;
    // The newest of what is kept is the run that stands first.
    const own = kept().filter(({ date }) => date !== now?.date);
    const pasted = this.#pasted.filter((entry) => entry !== this.#shown);
    const entries = [...(now ? [now] : []), ...pasted, ...own, ...this.#references];
    const most = Math.max(...entries.map(({ decode }) => decode), 1e-9);
    const heads = ['run', 'decode', 'prefill', 'read'].map((name) => h('th', { scope: 'col', class: name === 'read' ? 'wide-only' : '' }, t(`compare.${name}`)));
    this.#table.replaceChildren(
      h('thead', {}, h('tr', {}, ...heads)),
      h('tbody', {}, ...entries.map((entry) => row(entry, most, this.onShow))),
    );
    byId('forget-runs').hidden = kept().length === 0;
    byId('comparison').hidden = entries.length === 0;
  }
}

/** @param {Entry} entry @param {number} most tokens per second of all @param {(entry: Entry) => void} onShow */
function row(entry, most, onShow) {
  const { kind, where, date, model, threads, kernel, precision, decode, prefill, read, result } = entry;
  const bar = h('span', { class: 'compare-bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--share', String(decode / most));
  return h(
    'tr',
    { 'data-kind': kind, 'data-testid': 'compared' },
    h(
      'th',
      { scope: 'row' },
      t(`compare.${kind}`),
      h('small', {}, [where, date.slice(0, 10)].filter(Boolean).join(', ')),
      h('small', {}, [model, t('info.threads', { n: threads }), kernel, has(`settings.${precision}`) ? t(`settings.${precision}`) : precision].join(', ')),
      kind !== 'now' && result && button(t('compare.show'), () => onShow(entry), 'link', { 'data-testid': 'show-run' }),
    ),
    h('td', {}, h('b', {}, format.figure(decode)), bar),
    h('td', {}, prefill ? format.figure(prefill) : '–'),
    h('td', { class: 'wide-only' }, read ? `${format.figure(read / 1e9)} GB/s` : '–'),
  );
}

/**
 * @param {Partial<import('./measure.js').Result>} result
 * @param {string} name
 * @param {Pick<Entry, 'kind' | 'where' | 'date'>} what
 * @returns {Entry | null} null where nothing was written
 */
export function entryOf(result, name, what) {
  const { model, decode, prompts, machine } = result;
  if (!model || !decode) return null;
  const nearest = [...(prompts ?? [])].sort((a, b) => Math.abs(a.tokens - PROMPT) - Math.abs(b.tokens - PROMPT))[0];
  return {
    ...what,
    model: name,
    threads: model.threads,
    kernel: model.kernel,
    precision: model.precision,
    decode: decode.tokensPerSecond,
    prefill: nearest?.prefillPerSecond.median ?? null,
    read: machine?.readPerSecond ?? null,
    result,
  };
}

/**
 * A result as the page gives it, from another browser: its JSON, or its link.
 * @param {string} text
 * @returns {Entry}
 */
export function pastedEntry(text) {
  const wanted = text.trim();
  const packed = /#result=([^&\s]+)/.exec(wanted)?.[1];
  const data = packed ? unpacked(decodeURIComponent(packed)) : JSON.parse(wanted);
  const result = packed ? data.result : data;
  const where = data.browser?.userAgent ? browserName(String(data.browser.userAgent)) : t('compare.link');
  const found = entryOf(result, String(data.modelName ?? data.name ?? ''), { kind: 'pasted', where, date: String(data.date ?? '') });
  if (!found || ![found.decode, found.threads].every((value) => typeof value === 'number' && value > 0)) throw new Error('no result');
  return { ...found, kernel: String(found.kernel), precision: String(found.precision), prefill: positive(found.prefill), read: positive(found.read) };
}

/** @param {unknown} value */
function positive(value) {
  return typeof value === 'number' && value > 0 ? value : null;
}

/**
 * What a link holds.
 * @param {string} packed base64 of UTF-8
 */
export function unpacked(packed) {
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))));
}

/** The reference machines, from the record of benchmarks that ships with the page. @returns {Promise<Entry[]>} */
async function references() {
  try {
    const response = await fetch(new URL('./history.jsonl', import.meta.url));
    if (!response.ok) return [];
    return referencesOf(await response.text());
  } catch {
    return []; // no network, and not kept
  }
}

/**
 * The last line of each machine, model and number of threads.
 * @param {string} text lines of JSON, as benches/history.mjs writes them
 * @returns {Entry[]}
 */
export function referencesOf(text) {
  /** @type {Map<string, Entry>} */
  const last = new Map();
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const { machine, browser, date, model, threads, kernel, precision, figures } = JSON.parse(line);
    if (!figures?.decode) continue;
    last.set([machine, model, precision, threads].join(' '), {
      kind: 'reference',
      where: `${machine}, ${String(browser).replace(/(\d+)\.[\d.]+/, '$1')}`,
      date,
      model,
      threads,
      kernel,
      precision,
      decode: figures.decode.median,
      prefill: figures[`prefill ${PROMPT}`]?.median ?? null,
      read: figures['read limit']?.median ?? null,
    });
  }
  return [...last.values()];
}

/** @param {string} userAgent @returns {string} such as "Firefox 140" */
export function browserName(userAgent) {
  for (const [name, pattern] of /** @type {const} */ ([['Edge', /Edg\/(\d+)/], ['Firefox', /Firefox\/(\d+)/], ['Chrome', /Chrom(?:e|ium)\/(\d+)/], ['Safari', /Version\/(\d+).*Safari/]])) {
    const version = pattern.exec(userAgent)?.[1];
    if (version) return `${name} ${version}`;
  }
  return t('compare.browser');
}

/** @returns {Entry[]} the newest first */
function kept() {
  try {
    const all = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(all) ? all.filter((entry) => typeof entry?.decode === 'number' && typeof entry.date === 'string') : [];
  } catch {
    return [];
  }
}

/** @param {Entry[]} entries */
function keep(entries) {
  // With all of their results, or at least in short; else the comparison lasts as long as the page.
  for (const some of [entries, entries.map(({ result: _, ...short }) => short)]) {
    try {
      return localStorage.setItem(KEY, JSON.stringify(some));
    } catch {
      // storage is full or refused
    }
  }
}
