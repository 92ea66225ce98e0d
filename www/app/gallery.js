/** The gallery in the models dialog: every model that the engine runs, with what it needs and how it would run here. */
import { byId, button, h } from './dom.js';
import { absolute, CATALOG, DEMO_SOURCE, sameAddress } from './catalog.js';
import * as format from './format.js';
import { fitOf, memoryOf, speedOf } from './fit.js';
import { t } from './texts.js';

/** @typedef {import('./catalog.js').Offer} Offer */

/** The groups of cards, by what the models are for. */
const GROUPS = /** @type {const} */ ([['chat', ['demo', 'chat']], ['completion', ['completion']], ['embedding', ['embedding']]]);

/**
 * @typedef {object} GalleryActions
 * @property {(source: string) => void} onLoad
 * @property {() => import('./api.js').LoadOptions} loadOptions as a load would use them now
 */

export class Gallery {
  #root = byId('catalog');
  /** Weights that the fastest kernel multiplies in a second; null until it is measured. @type {number | null} */
  #weightsPerSecond = null;
  #isMeasuring = false;
  /** What the probe has told, by address. @type {Map<string, import('./api.js').ProbeResult>} */
  #probed = new Map();
  /** Addresses of the files that are whole on this device. @type {string[]} */
  #kept = [];

  /**
   * @param {import('./engine.js').Engine} engine
   * @param {GalleryActions} actions
   */
  constructor(engine, actions) {
    this.engine = engine;
    this.actions = actions;
  }

  /** Draws the cards, and again when it is known what is kept here. */
  draw() {
    this.#draw();
    void this.#lookAtStorage();
  }

  /**
   * Measures how fast this device is, once, so that the cards can say it. It takes a moment of the processor.
   */
  async measure() {
    const { probe } = this.engine.api;
    if (!probe || this.#isMeasuring || this.#weightsPerSecond !== null) return;
    this.#isMeasuring = true;
    try {
      // The kernel that would be taken, not the one of the settings: an estimate needs a measurement.
      const { kernel: _, ...options } = this.actions.loadOptions();
      const { tokensPerSecond, parameters } = await probe(absolute(DEMO_SOURCE), options);
      if (tokensPerSecond && parameters) this.#weightsPerSecond = tokensPerSecond * parameters;
    } catch {
      // Without the file at hand there is no estimate; the probe of a model may still give one.
    }
    this.#isMeasuring = false;
    this.#draw();
  }

  /** @param {string} source @param {import('./api.js').ProbeResult} found */
  learn(source, found) {
    this.#probed.set(source, found);
    this.#draw();
  }

  async #lookAtStorage() {
    const models = (await this.engine.api.cache?.list().catch(() => [])) ?? [];
    this.#kept = models.filter(({ complete }) => complete).map(({ source }) => source);
    this.#draw();
  }

  #draw() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest('[data-source]')?.getAttribute('data-source');
    this.#root.replaceChildren(
      ...GROUPS.flatMap(([name, tasks]) => [
        h('h4', { class: 'eyebrow' }, t(`gallery.${name}`)),
        h('ul', { class: 'gallery' }, ...CATALOG.filter(({ task }) => tasks.some((one) => one === task)).map((offer) => this.#card(offer))),
      ]),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.#root.querySelector(`[data-source="${CSS.escape(focused)}"] button`))?.focus();
  }

  /** @param {Offer} offer */
  #card(offer) {
    const { name, source, bytes, context, licence, task } = offer;
    const fit = this.#fitOf(offer);
    const speed = this.#speedOf(offer);
    const isKept = this.#kept.some((kept) => sameAddress(kept, source));
    const facts = [
      ['gallery.download', bytes ? format.bytes(bytes) : t('gallery.unknown')],
      ['gallery.memory', format.bytes(memoryOf(offer))],
      ['gallery.context', context ? t('gallery.tokens', { count: context }) : t('gallery.unknown')],
      ['gallery.speed', speed ? format.about(speed) : '–'],
    ];
    return h(
      'li',
      { class: 'offer', 'data-testid': 'offer', 'data-source': source },
      h('h5', { class: 'card-name' }, name),
      h(
        'p',
        { class: 'offer-tags' },
        h('span', { class: 'tag', 'data-fit': fit }, t(`models.${fit}`)),
        isKept || task === 'demo' ? h('span', { class: 'tag' }, t(task === 'demo' ? 'gallery.bundled' : 'gallery.kept')) : null,
      ),
      h(
        'p',
        { class: 'card-text offer-about' },
        ...[t('gallery.parameters', { count: format.count(offer.parameters) }), offer.format, licence].map((fact) => h('span', {}, fact)),
      ),
      h('dl', { class: 'offer-facts' }, ...facts.map(([label, value]) => h('div', {}, h('dt', {}, t(label)), h('dd', {}, value)))),
      this.#action(offer),
    );
  }

  /** @param {Offer} offer */
  #action({ name, source, task }) {
    const { status, source: current } = this.engine;
    if (task === 'embedding') return h('p', { class: 'card-text' }, t('gallery.library'));
    if (status !== 'empty' && typeof current === 'string' && sameAddress(current, source))
      return h('p', { class: 'card-text' }, t(status === 'loading' ? 'gallery.onItsWay' : 'models.inUse'));
    return button(t('models.load'), () => this.actions.onLoad(source), 'button plain', { 'aria-label': t('models.loadName', { name }) });
  }

  /** @param {Offer} offer */
  #fitOf(offer) {
    const { deviceMemory } = /** @type {{ deviceMemory?: number }} */ (navigator);
    return fitOf(offer, { deviceMemory, probed: this.#probed.get(offer.source) });
  }

  /** @param {Offer} offer @returns {number | null} tokens per second */
  #speedOf({ source, parameters, grouped, binary }) {
    const probed = this.#probed.get(source)?.tokensPerSecond;
    if (probed) return probed;
    return this.#weightsPerSecond ? speedOf(parameters, { grouped, binary, weightsPerSecond: this.#weightsPerSecond }) : null;
  }
}

/**
 * Whether a model is the bundled one, or whole on this device: it costs no download.
 * @param {import('./api.js').BitNetApi} api
 * @param {string} source
 */
export async function isAtHand(api, source) {
  if (sameAddress(source, DEMO_SOURCE)) return true;
  const models = (await api.cache?.list().catch(() => [])) ?? [];
  return models.some((model) => model.complete && sameAddress(model.source, source));
}
