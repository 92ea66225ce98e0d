/** The models dialog: what is in use, what can be loaded, what is kept on this device. */
import { byId, button, h } from './dom.js';
import { CATALOG, nameOf, sameAddress } from './catalog.js';
import { factsOf } from './info-line.js';
import { StoredModels } from './stored-models.js';
import * as format from './format.js';
import { explain } from './errors.js';

/**
 * @typedef {object} Actions
 * @property {(source: import('./api.js').Source) => void} onLoad
 * @property {() => void} onUnload
 * @property {(error: unknown) => void} onError
 * @property {() => import('./api.js').LoadOptions} loadOptions as a load would use them now
 */

export class ModelsSheet {
  #current = byId('current-model');
  #consent = byId('consent');
  #address = byId('address', HTMLInputElement);
  #asked = 0;

  /**
   * @param {import('./engine.js').Engine} engine
   * @param {Actions} actions
   */
  constructor(engine, actions) {
    this.engine = engine;
    this.actions = actions;
    this.stored = new StoredModels(engine.api.cache, actions);
    byId('address-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const source = this.#address.value.trim();
      if (!source) return;
      this.#address.value = '';
      this.actions.onLoad(source);
    });
    byId('choose-file').addEventListener('click', () => byId('file').click());
  }

  /** Draws everything anew; also called when the dialog opens. */
  draw() {
    this.#drawCurrent();
    this.#drawCatalog();
    this.#consent.hidden = true;
    this.#asked += 1;
    void this.stored.draw(this.engine.status === 'empty' ? null : this.engine.source);
  }

  #drawCurrent() {
    const { model, status, name } = this.engine;
    if (!model || status !== 'ready') {
      this.#current.replaceChildren(
        h('p', { class: 'note' }, status === 'loading' ? `${name} is on its way.` : 'No model is loaded.'),
      );
      return;
    }
    this.#current.replaceChildren(
      h('p', { class: 'current-name' }, name),
      h(
        'dl',
        { class: 'facts' },
        ...factsOf(model.info).map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))),
      ),
      h(
        'p',
        { class: 'current-actions' },
        button('Unload and free the memory', this.actions.onUnload, 'link', { 'data-testid': 'unload' }),
      ),
    );
  }

  #drawCatalog() {
    byId('catalog').replaceChildren(
      ...CATALOG.map((offer) => {
        const inUse =
          this.engine.status !== 'empty' &&
          typeof this.engine.source === 'string' &&
          sameAddress(this.engine.source, offer.source);
        return h(
          'li',
          { class: 'card', 'data-testid': 'offer' },
          h('span', { class: 'card-name' }, offer.name),
          h('span', { class: 'card-text' }, offer.text),
          h(
            'span',
            { class: 'card-actions' },
            inUse
              ? h('span', { class: 'card-text' }, 'in use')
              : button(
                  'Load',
                  () => (offer.confirm ? void this.ask(offer.source) : this.actions.onLoad(offer.source)),
                  'button plain',
                  { 'aria-label': `Load ${offer.name}` },
                ),
          ),
        );
      }),
    );
  }

  /**
   * Says what a download would cost, looked up where the library can, and loads after a yes.
   * @param {string} source
   */
  async ask(source) {
    const { name, text, yes, ticket } = this.#askConsent(source);
    if (!this.engine.api.probe) return;
    text.textContent = `Looking at ${name} …`;
    try {
      const found = await this.engine.api.probe(source, this.actions.loadOptions());
      if (ticket !== this.#asked) return;
      text.textContent = probeText(name, hostOf(source), found);
      if (found.bytes) yes.textContent = `Download ${format.bytes(found.bytes)}`;
    } catch (error) {
      if (ticket !== this.#asked) return;
      const { code, text: sentence } = explain(error);
      text.textContent = `${name} could not be looked at (${code}): ${sentence}`;
    }
  }

  /**
   * Asks about a model that a link named, without asking its host anything.
   * @param {string} source
   */
  askUnseen(source) {
    const { name, text, actions, yes } = this.#askConsent(source);
    const host = hostOf(source);
    text.textContent = `This link asks for ${name} from ${host}. Nothing has been sent to ${host} yet.`;
    if (!this.engine.api.probe) return;
    const look = button('Look at its size first', () => void this.ask(source), 'button plain', { 'data-testid': 'consent-look' });
    actions.insertBefore(look, yes.nextSibling);
  }

  /**
   * A question with a yes that loads, and a no.
   * @param {string} source
   */
  #askConsent(source) {
    const ticket = ++this.#asked;
    const offer = CATALOG.find((entry) => sameAddress(entry.source, source));
    const name = nameOf(source);
    const yes = button(
      offer?.bytes ? `Download ${format.bytes(offer.bytes)}` : 'Load it',
      () => {
        this.#consent.hidden = true;
        this.actions.onLoad(source);
      },
      'button',
      { 'data-testid': 'consent-yes' },
    );
    const no = button(
      'Not now',
      () => {
        this.#consent.hidden = true;
      },
      'button plain',
    );
    const text = h('p', {}, `${name}, from ${hostOf(source)}.`);
    const actions = h('div', { class: 'row' }, yes, no);
    this.#consent.replaceChildren(text, actions);
    this.#consent.hidden = false;
    this.#consent.scrollIntoView({ block: 'nearest' });
    yes.focus();
    return { name, text, actions, yes, ticket };
  }
}

/** @param {string} source */
function hostOf(source) {
  if (/^hf:/i.test(source)) return 'huggingface.co';
  return URL.canParse(source, document.baseURI) ? new URL(source, document.baseURI).host : source;
}

/**
 * @param {string} name
 * @param {string} host
 * @param {import('./api.js').ProbeResult} found
 */
function probeText(name, host, found) {
  const parts = [`${name}, from ${host}`];
  if (found.bytes) parts.push(`${format.bytes(found.bytes)} to download`);
  if (found.memoryBytes) parts.push(`${format.bytes(found.memoryBytes)} of memory needed`);
  if (found.fits !== undefined) parts.push(fitText(found));
  if (found.tokensPerSecond) parts.push(`about ${format.rate(found.tokensPerSecond)} here`);
  return `${parts.join(', ')}.`;
}

/** @param {import('./api.js').ProbeResult} found */
function fitText({ fits, contextThatFits }) {
  if (fits) return 'fits into this browser';
  return contextThatFits
    ? `fits into this browser with a context of ${format.plural(contextThatFits, 'token')}: set that first, in the settings`
    : 'does not fit into this browser';
}
