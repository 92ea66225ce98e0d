/** The fields that choose which settings are compared: kernels, threads and precisions, and every combination of what is ticked. */
import { byId, h } from '../app/dom.js';
import { t } from '../app/texts.js';
import { ROUNDS } from './settings.js';

/** @typedef {import('./settings.js').Asked} Asked */

/** Above this many parameters the scalar kernel is not ticked from the start: it would take minutes. */
const SCALAR_LIMIT = 50e6;

export class Choices {
  #boxes = {
    kernel: new Boxes(byId('compare-kernels')),
    threads: new Boxes(byId('compare-threads')),
    precision: new Boxes(byId('compare-precisions')),
  };

  /** @param {readonly string[]} kernels that run here, the plain reference first */
  constructor(kernels) {
    const { kernel, threads, precision } = this.#boxes;
    kernel.offer([['auto', t('compare.auto')], ...[...kernels].reverse().map((name) => /** @type {[string, string]} */ ([name, name]))]);
    precision.offer([['fast', t('settings.fast')], ['exact', t('settings.exact')]]);
    threads.offer([['auto', t('compare.auto')]]);
    kernel.tick(['auto', ...kernels]);
    for (const box of [kernel, threads, precision]) box.root.addEventListener('change', () => this.#count());
    this.#count();
  }

  /** @param {number} most threads that this page can have */
  offerThreads(most) {
    const numbers = Array.from({ length: most }, (_, i) => String(i + 1));
    this.#boxes.threads.offer([['auto', t('compare.auto')], ...numbers.map((n) => /** @type {[string, string]} */ ([n, n]))]);
  }

  /**
   * Ticks what the run itself has, where the visitor has ticked nothing.
   * @param {{ threads: string, precision: string, parameters: number | null }} run threads empty: automatic; parameters null: not known
   */
  follow({ threads, precision, parameters }) {
    this.#boxes.threads.tick([threads || 'auto']);
    this.#boxes.precision.tick([precision]);
    const all = this.#boxes.kernel.all;
    const isSmall = parameters !== null && parameters < SCALAR_LIMIT;
    this.#boxes.kernel.tick(isSmall ? all : all.filter((name) => name !== 'scalar'));
    this.#count();
  }

  /** @returns {Asked[]} every combination */
  get settings() {
    const { kernel, threads, precision } = this.#boxes;
    return precision.ticked.flatMap((exactness) =>
      threads.ticked.flatMap((count) => kernel.ticked.map((name) => ({ kernel: name, threads: count === 'auto' ? null : Number(count), precision: exactness }))),
    );
  }

  #count() {
    const n = this.settings.length;
    byId('compare-count').textContent = n === 0 ? t('compare.nothing') : t('compare.count', { n, rounds: ROUNDS, runs: n * ROUNDS });
  }
}

/** Some boxes to tick, of which the visitor's choice counts more than the page's. */
class Boxes {
  /** @type {HTMLInputElement[]} */
  #boxes = [];
  #isTouched = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.addEventListener('change', () => (this.#isTouched = true));
  }

  /** @param {[value: string, name: string][]} choices */
  offer(choices) {
    const before = this.ticked;
    this.#boxes = choices.map(([value]) => /** @type {HTMLInputElement} */ (h('input', { type: 'checkbox', value })));
    for (const box of this.#boxes) box.checked = before.includes(box.value);
    this.root.replaceChildren(...choices.map(([, name], i) => h('label', { class: 'pick' }, this.#boxes[i], h('span', {}, name))));
  }

  /** @param {readonly string[]} values */
  tick(values) {
    if (this.#isTouched) return;
    for (const box of this.#boxes) box.checked = values.includes(box.value);
  }

  get all() {
    return this.#boxes.map(({ value }) => value);
  }

  get ticked() {
    return this.#boxes.filter(({ checked }) => checked).map(({ value }) => value);
  }
}
