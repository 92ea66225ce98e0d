/** How busy each thread of the engine is: the share of the last second that it spent in its tasks, not waiting for others. */
import { threadLoad } from '../dist/inspect.js';
import { h } from './dom.js';
import { t } from './texts.js';

/** @typedef {import('./api.js').Model} Model */
/** @typedef {{ at: number, busy: Float64Array }} Sample milliseconds */

/** How far back a share looks, milliseconds. */
const WINDOW = 1000;

export class ThreadLoadView {
  /** @type {Model | null} */
  #model = null;
  /** The oldest first. @type {Sample[]} */
  #samples = [];
  #isAsking = false;
  /** @type {{ bar: HTMLElement, share: HTMLElement }[]} */
  #rows = [];
  #list = h('ol', { class: 'thread-load', 'aria-label': t('work.threads'), 'data-testid': 'work-threads' });
  #note = h('p', { class: 'help' }, t('work.threadsHelp'));

  /** @param {HTMLElement} root */
  constructor(root) {
    root.append(this.#list, this.#note);
  }

  /** @param {Model | null} model whose threads are measured from now on; null: none are */
  watch(model) {
    if (this.#model && this.#model !== model) threadLoad(this.#model, false).catch(() => {}); // it may be gone
    this.#model = model;
    this.#samples = [];
  }

  /** Asks how busy the threads were, unless an answer is still awaited. */
  async draw() {
    const model = this.#model;
    if (!model || this.#isAsking) return;
    this.#isAsking = true;
    const sample = await threadLoad(model, true).catch(() => null);
    this.#isAsking = false;
    if (sample === null) return;
    // The panel was closed meanwhile, and the question has begun a measurement again.
    if (model !== this.#model) return void threadLoad(model, false).catch(() => {});
    this.#samples.push(sample);
    while (this.#samples.length > 2 && sample.at - this.#samples[1].at >= WINDOW) this.#samples.shift();
    this.#show(sample, this.#samples[0]);
  }

  /** @param {Sample} now @param {Sample} before */
  #show(now, before) {
    if (this.#rows.length !== now.busy.length) {
      this.#rows = Array.from(now.busy, () => ({ bar: h('span', { class: 'work-bar', 'aria-hidden': 'true' }), share: h('span') }));
      const name = (/** @type {number} */ i) => t(i === 0 ? 'work.leader' : 'work.thread', { i: i + 1 });
      this.#list.replaceChildren(...this.#rows.map(({ bar, share }, i) => h('li', {}, h('span', {}, name(i)), bar, share)));
    }
    const passed = now.at - before.at;
    now.busy.forEach((busy, i) => {
      const share = passed > 0 ? Math.min(1, (busy - before.busy[i]) / passed) : 0;
      this.#rows[i].bar.style.setProperty('--share', String(share));
      this.#rows[i].share.textContent = t('percent', { n: Math.round(100 * share) });
    });
  }
}
