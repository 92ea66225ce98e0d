/** What the model is told before everything else, for the open conversation, with some to begin from. */
import { byId, h } from './dom.js';
import { t } from './texts.js';

/** Names of the ready-made ones; their texts are `preset.NAME`. */
const PRESETS = ['brief', 'simple', 'tutor', 'editor'];

export class SystemPrompt {
  #box = byId('system', HTMLTextAreaElement);
  #presets = byId('preset', HTMLSelectElement);

  /** @param {(system: string) => void} onChange */
  constructor(onChange) {
    this.#presets.replaceChildren(
      h('option', { value: '' }, t('preset.none')),
      ...PRESETS.map((name) => h('option', { value: name }, t(`preset.${name}.name`))),
      h('option', { value: 'own', hidden: true }, t('preset.own')),
    );
    this.#presets.addEventListener('change', () => {
      const { value } = this.#presets;
      this.#box.value = value ? t(`preset.${value}`) : '';
      onChange(this.#box.value);
    });
    this.#box.addEventListener('input', () => {
      this.#mark();
      onChange(this.#box.value.trim());
    });
  }

  /** @param {string} system */
  draw(system) {
    this.#box.value = system;
    this.#mark();
  }

  #mark() {
    const text = this.#box.value.trim();
    this.#presets.value = text === '' ? '' : (PRESETS.find((name) => t(`preset.${name}`) === text) ?? 'own');
  }
}
