/** The settings dialog: writes each valid change at once, and offers a reload for those that need one. */
import { byId, h } from './dom.js';
import { inLanguage } from './format.js';
import { DEFAULTS, keepLanguage, language, LOAD_FIELDS, merged } from './settings.js';
import { LANGUAGES, t } from './texts.js';

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
    this.#fillLanguages();
    this.#form.addEventListener('input', (event) => {
      const { name, value } = /** @type {HTMLInputElement} */ (event.target);
      if (!(name in DEFAULTS)) return; // a field of the conversation or of the page
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
      // A link may want what this page does not offer, such as more threads than it can have: that is shown, not a blank.
      if (field instanceof HTMLSelectElement && ![...field.options].some((option) => option.value === shown))
        field.append(h('option', { value: shown }, t('settings.notHere', { value: shown })));
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
      byId(`${name}-value`).textContent = inLanguage(this.settings[name].toFixed(2));
    const pending = LOAD_FIELDS.some((name) => this.settings[name] !== this.applied[name]);
    byId('reload-bar').dataset.pending = String(pending);
    this.#reload.hidden = !pending;
    this.#note.textContent = pending
      ? t('settings.pending')
      : t('settings.note');
  }

  #fillThreads() {
    const select = byId('threads', HTMLSelectElement);
    const alone = !self.crossOriginIsolated;
    const most = alone
      ? 1
      : Math.min(MOST_THREADS, Math.max(2, navigator.hardwareConcurrency || 2, this.settings.threads ?? 0));
    select.append(h('option', { value: 'auto' }, t('settings.automaticChoice')));
    for (let n = 1; n <= most; n++) select.append(h('option', { value: String(n) }, String(n)));
    byId('threads-help').textContent = alone
      ? t('settings.threadsAlone')
      : t('settings.threadsHelp', { count: navigator.hardwareConcurrency });
  }

  #fillLanguages() {
    const select = byId('language', HTMLSelectElement);
    const choices = Object.entries({ '': t('settings.browserLanguage'), ...LANGUAGES });
    select.replaceChildren(...choices.map(([code, name]) => h('option', { value: code, lang: code }, name)));
    select.value = language();
    select.addEventListener('change', () => {
      keepLanguage(select.value);
      location.reload();
    });
  }
}
