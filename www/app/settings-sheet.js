/** The settings dialog: writes each valid change at once, and offers a reload for those that need one. */
import { byId, h } from './dom.js';
import { DEFAULTS, LOAD_FIELDS, merged } from './settings.js';

/** More threads than this are no help to anyone, whatever a browser says about its cores. */
const MOST_THREADS = 16;

export class SettingsSheet {
  #form = byId('settings-form', HTMLFormElement);
  #reload = byId('reload', HTMLButtonElement);
  #note = byId('reload-note');

  /**
   * @param {import('./settings.js').Settings} settings
   * @param {{ onChange: (changes: Record<string, unknown>) => void, onReload: () => void }} actions `onChange` gets
   *   only what the visitor touched, so that what a link set for one visit is not kept for ever
   */
  constructor(settings, { onChange, onReload }) {
    this.settings = settings;
    this.applied = settings;
    this.#fillThreads();
    this.#form.addEventListener('input', (event) => {
      const { name, value } = /** @type {HTMLInputElement} */ (event.target);
      this.#take({ [name]: value === 'auto' && name === 'threads' ? null : value }, onChange);
    });
    // A field that was left half-typed shows again what is in force.
    this.#form.addEventListener('change', () => this.draw());
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    byId('reset-settings').addEventListener('click', () => {
      this.#take({ ...DEFAULTS }, onChange);
      this.draw();
    });
    this.#reload.addEventListener('click', onReload);
    this.draw();
  }

  /** Call when a load begins: these settings are now the ones in force. */
  markApplied() {
    this.applied = this.settings;
    this.#drawReload();
  }

  draw() {
    for (const [name, value] of Object.entries(this.settings)) {
      const field = /** @type {HTMLInputElement | HTMLSelectElement} */ (this.#form.elements.namedItem(name));
      const shown = value === null ? (name === 'threads' ? 'auto' : '') : String(value);
      if (field.value !== shown) field.value = shown;
    }
    this.#drawReload();
  }

  /**
   * @param {Record<string, unknown>} changes
   * @param {(changes: Record<string, unknown>) => void} onChange
   */
  #take(changes, onChange) {
    this.settings = merged(this.settings, changes);
    onChange(changes);
    this.#drawReload();
  }

  #drawReload() {
    for (const name of /** @type {const} */ (['temperature', 'topP']))
      byId(`${name}-value`).textContent = this.settings[name].toFixed(2);
    const pending = LOAD_FIELDS.some((name) => this.settings[name] !== this.applied[name]);
    byId('reload-bar').dataset.pending = String(pending);
    this.#reload.hidden = !pending;
    this.#note.textContent = pending
      ? 'The engine settings take effect when the model is loaded again. The conversation stays.'
      : 'A change to the engine settings loads the model again; a stored model is not downloaded twice.';
  }

  #fillThreads() {
    const select = byId('threads', HTMLSelectElement);
    const alone = !self.crossOriginIsolated;
    const most = alone
      ? 1
      : Math.min(MOST_THREADS, Math.max(2, navigator.hardwareConcurrency || 2, this.settings.threads ?? 0));
    select.append(h('option', { value: 'auto' }, 'Automatic'));
    for (let n = 1; n <= most; n++) select.append(h('option', { value: String(n) }, String(n)));
    byId('threads-help').textContent = alone
      ? 'This page is not cross-origin isolated, so the model runs on one thread.'
      : `This browser reports ${navigator.hardwareConcurrency} processor threads. More is not always faster.`;
  }
}
