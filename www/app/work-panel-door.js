/** The way to the panel that shows the engine at work. The panel itself, its styles and its measurements come when it is opened first. */
import { byId, h } from './dom.js';

/**
 * @typedef {object} Sources
 * @property {() => import('./api.js').Model | null} model
 * @property {import('./chat.js').Chat} chat
 */

const STYLES = ['./chart.css', './work.css'];

export class WorkPanelDoor {
  #root = byId('work');
  #button = byId('open-work');
  /** @type {import('./work-panel.js').WorkPanel | null} */
  #panel = null;
  /** Whether the panel is shown: only then anything is counted or timed for it. */
  isOpen = false;

  /** @param {Sources} sources */
  constructor(sources) {
    this.sources = sources;
    this.#button.addEventListener('click', () => void this.#set(!this.isOpen));
    byId('settings-work').addEventListener('click', () => {
      byId('settings', HTMLDialogElement).close();
      void this.#set(true);
    });
  }

  /** A token of an answer has come. */
  count() {
    if (this.isOpen) this.#panel?.count();
  }

  /** @param {import('./answer.js').AnswerStats | null} stats of an answer that has ended */
  showAnswer(stats) {
    if (this.isOpen && stats) this.#panel?.showAnswer(stats);
  }

  /** The model in use is another one. */
  update() {
    if (this.isOpen) this.#panel?.watch(this.sources.model());
  }

  /** @param {boolean} open */
  async #set(open) {
    if (open === this.isOpen) return;
    this.isOpen = open;
    this.#button.setAttribute('aria-expanded', String(open));
    if (open && !this.#panel) {
      const [{ WorkPanel }] = await Promise.all([import('./work-panel.js'), ...STYLES.map(styled)]);
      this.#panel ??= new WorkPanel(this.#root, this.sources.chat, () => void this.#set(false));
    }
    this.#root.hidden = !this.isOpen;
    this.#panel?.watch(this.isOpen ? this.sources.model() : null);
    if (this.isOpen) this.#root.querySelector('h2')?.focus();
    else this.#button.focus();
  }
}

/**
 * Waits for a style sheet.
 * @param {string} address
 */
function styled(address) {
  return new Promise((resolve) => {
    document.head.append(h('link', { rel: 'stylesheet', href: address, onload: resolve, onerror: resolve }));
  });
}
