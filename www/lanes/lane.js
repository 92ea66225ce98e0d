/** One lane of the page that sets two runs side by side: its settings, its model, its clock. */
import { absolute, CATALOG } from '../app/catalog.js';
import { h } from '../app/dom.js';
import * as format from '../app/format.js';
import { fillKernels } from '../app/kernels.js';
import { loadOptions } from '../app/settings.js';
import { t } from '../app/texts.js';

/**
 * How a run went.
 * @typedef {object} Outcome
 * @property {string} text
 * @property {number} tokens
 * @property {number | null} tokensPerSecond
 * @property {number} firstTokenMs
 * @property {string} logitsHash
 * @property {import('../app/api.js').ModelInfo} info
 * @property {string} source of the model
 */

export class Lane {
  /** @type {import('../app/api.js').Model | null} */
  #model = null;
  #state = h('p', { class: 'help', role: 'status', 'data-testid': 'lane-state' });
  #bar = /** @type {HTMLProgressElement} */ (h('progress', { class: 'load-bar', max: '1', 'aria-label': t('lanes.progress') }));
  #clock = h('p', { class: 'lane-clock', 'data-testid': 'lane-clock' });
  #text = h('div', { class: 'lane-text', dir: 'auto', 'data-testid': 'lane-text' });
  #facts = h('dl', { class: 'lane-facts', 'data-testid': 'lane-facts' });
  #choice = select();
  #threads = select();
  #kernel = select();
  #precision = select();

  /**
   * @param {HTMLElement} root
   * @param {string} name of the lane
   * @param {readonly string[]} kernels
   * @param {number} mostThreads
   */
  constructor(root, name, kernels, mostThreads) {
    this.name = name;
    this.#choice.replaceChildren(
      ...CATALOG.filter(({ task }) => task !== 'embedding').map(({ name: of, source, bytes }) =>
        h('option', { value: source }, bytes ? `${of} (${format.bytes(bytes)})` : of),
      ),
    );
    const numbers = Array.from({ length: mostThreads }, (_, i) => String(i + 1));
    this.#threads.replaceChildren(h('option', { value: '' }, t('settings.automaticChoice')), ...numbers.map((n) => h('option', { value: n }, n)));
    fillKernels(this.#kernel, kernels);
    this.#precision.replaceChildren(h('option', { value: 'fast' }, t('settings.fast')), h('option', { value: 'exact' }, t('settings.exact')));
    this.fields = [this.#choice, this.#threads, this.#kernel, this.#precision];
    this.#bar.hidden = true;
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ control) => h('label', { class: 'lane-field' }, h('span', {}, label), control);
    root.append(
      h('h2', { class: 'lane-name' }, t('lanes.lane', { name })),
      h(
        'div',
        { class: 'lane-plan' },
        field(t('lanes.model'), this.#choice),
        field(t('settings.threads'), this.#threads),
        field(t('settings.kernel'), this.#kernel),
        field(t('settings.precision'), this.#precision),
      ),
      this.#state,
      this.#bar,
      this.#clock,
      this.#text,
      this.#facts,
    );
  }

  /** @param {{ threads?: string, kernel?: string, precision?: string }} values */
  set({ threads = '', kernel = 'auto', precision = 'fast' }) {
    this.#threads.value = threads;
    this.#kernel.value = kernel;
    this.#precision.value = precision;
  }

  /** Takes away what an earlier run has left. */
  clear() {
    this.#state.textContent = this.#clock.textContent = this.#text.textContent = '';
    this.#facts.replaceChildren();
    this.#bar.hidden = true;
  }

  /**
   * @param {import('../app/api.js').BitNetApi} api
   * @param {AbortSignal} signal
   */
  async load(api, signal) {
    this.#state.textContent = t('lanes.loading');
    this.#bar.hidden = false;
    this.#bar.removeAttribute('value');
    const options = loadOptions({
      threads: this.#threads.value ? Number(this.#threads.value) : null,
      kernel: /** @type {import('../app/settings.js').Settings['kernel']} */ (this.#kernel.value),
      precision: this.#precision.value === 'exact' ? 'exact' : 'fast',
      context: null,
    });
    this.#model = await api.load(absolute(this.#choice.value), {
      ...options,
      signal,
      onProgress: ({ loaded, total }) => {
        if (total) this.#bar.value = loaded / total;
      },
    });
    this.#bar.hidden = true;
    this.#state.textContent = t('lanes.waiting');
  }

  /**
   * Writes an answer, the likeliest token each time, so that two lanes that compute the same say the same.
   * @param {string} prompt
   * @param {number} maxTokens
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  async run(prompt, maxTokens, signal) {
    const model = this.#model;
    if (!model) throw new Error(`Lane ${this.name} has no model.`);
    this.#state.textContent = t('lanes.running');
    const began = performance.now();
    let first = 0;
    let tokens = 0;
    let text = '';
    const stream = model.generate([{ role: 'user', content: prompt }], { maxTokens, temperature: 0, signal });
    for (let step = await stream.next(); ; step = await stream.next()) {
      const now = performance.now();
      if (step.done) {
        signal.throwIfAborted();
        const rate = step.value?.timings.decodeTokensPerSecond || null;
        const firstTokenMs = step.value?.timings.firstTokenMs ?? first - began;
        const outcome = { text, tokens, tokensPerSecond: rate, firstTokenMs, logitsHash: await model.logitsHash(), info: model.info, source: this.#choice.value };
        this.#finish(outcome);
        return outcome;
      }
      if (tokens === 0) first = now;
      if (step.value.id !== null && step.value.id >= 0) tokens += 1;
      text += step.value.text;
      this.#text.textContent = text;
      this.#clock.textContent = t('lanes.clock', { n: tokens, time: format.duration(now - began), rate: tokens > 1 ? format.rate(((tokens - 1) * 1000) / (now - first)) : '–' });
    }
  }

  async unload() {
    const model = this.#model;
    this.#model = null;
    await model?.unload();
  }

  /** @param {string} text why the lane stands still */
  stop(text) {
    this.#bar.hidden = true;
    this.#state.textContent = text;
  }

  /** @param {Outcome} outcome */
  #finish({ tokens, tokensPerSecond, firstTokenMs, logitsHash, info }) {
    this.#state.textContent = t('lanes.done');
    this.#clock.textContent = t('lanes.final', { n: tokens, rate: tokensPerSecond ? format.rate(tokensPerSecond) : '–' });
    const facts = [
      [t('details.first'), format.duration(firstTokenMs)],
      [t('facts.kernel'), `${info.kernel}, ${info.variant}`],
      [t('facts.threads'), String(info.threads)],
      [t('facts.precision'), t(`settings.${info.precision}`)],
      [t('facts.memory'), format.bytes(info.memoryBytes)],
      [t('lanes.hash'), logitsHash],
    ];
    this.#facts.replaceChildren(...facts.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))));
  }
}

function select() {
  return /** @type {HTMLSelectElement} */ (h('select'));
}
