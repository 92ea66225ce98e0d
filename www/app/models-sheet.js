/** The models dialog: what is in use, what can be loaded, what is kept on this device. */
import { filesOf, meaningOf } from './address.js';
import { byId, button, h } from './dom.js';
import { CATALOG, nameOf, sameAddress } from './catalog.js';
import { Gallery, isAtHand } from './gallery.js';
import { factsOf } from './info-line.js';
import { StoredModels } from './stored-models.js';
import * as format from './format.js';
import { explain } from './errors.js';
import { isSealed } from './privacy.js';
import { t } from './texts.js';

/**
 * @typedef {object} Actions
 * @property {(source: import('./api.js').Source) => Promise<unknown>} onLoad resolves with what went wrong before the model in
 *   use was touched, null where the load goes on
 * @property {() => void} onUnload
 * @property {() => void} onCancel stops the load that is under way
 * @property {() => boolean} isBusy whether an answer is being written, which a measurement would slow down
 * @property {(error: unknown) => void} onError
 * @property {() => import('./api.js').LoadOptions} loadOptions as a load would use them now
 */

export class ModelsSheet {
  #current = byId('current-model');
  #consent = byId('consent');
  #address = byId('address', HTMLInputElement);
  #addressError = byId('address-error');
  #files = byId('repository-files');
  #asked = 0;
  /** How far the load is that is under way. @type {import('./progress.js').Progress | null} */
  #progress = null;
  /**
   * @param {import('./engine.js').Engine} engine
   * @param {Actions} actions
   */
  constructor(engine, actions) {
    this.engine = engine;
    this.actions = actions;
    this.gallery = new Gallery(engine, { loadOptions: actions.loadOptions, onLoad: (source) => void this.#choose(source) });
    this.stored = new StoredModels(engine.api.cache, { ...actions, onLoad: (source) => void actions.onLoad(source) });
    byId('address-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#take(this.#address.value);
    });
    this.#address.addEventListener('input', () => this.#refuse(null));
    byId('choose-file').addEventListener('click', () => byId('file').click());
    byId('sealed-note').hidden = !isSealed;
  }

  /** Call when the dialog has opened. */
  open() {
    this.draw();
    if (!this.actions.isBusy()) void this.gallery.measure();
  }

  /** Draws everything anew. */
  draw() {
    this.#drawCurrent();
    this.gallery.draw();
    this.#consent.hidden = true;
    this.#asked += 1;
    void this.stored.draw(this.engine.status === 'empty' ? null : this.engine.source);
  }

  /**
   * Loads what was typed, or shows the files of a repository to choose from.
   * @param {string} text
   */
  async #take(text) {
    const meaning = meaningOf(text);
    this.#refuse(null);
    this.#files.replaceChildren();
    if (meaning.kind === 'nothing') return this.#refuse(t(meaning.reason));
    const submit = byId('load-address', HTMLButtonElement);
    submit.disabled = true;
    this.#addressError.textContent = t('address.looking');
    try {
      if (meaning.kind === 'repository') {
        const files = await filesOf(meaning);
        this.#refuse(files.length ? null : t('address.noFiles', { repo: meaning.repo }));
        this.#files.replaceChildren(...files.map((file) => this.#file(file)));
      } else {
        const error = await this.actions.onLoad(meaning.source);
        this.#refuse(error);
        if (!error) this.#address.value = '';
      }
    } catch (error) {
      const offline = error instanceof TypeError;
      this.#refuse(offline ? t(isSealed ? 'address.sealed' : 'address.unreachable', { host: 'huggingface.co' }) : error);
    }
    submit.disabled = false;
  }

  /** @param {unknown} error a sentence, an error, or null for none */
  #refuse(error) {
    this.#address.toggleAttribute('aria-invalid', error !== null);
    if (error === null || typeof error === 'string') {
      this.#addressError.replaceChildren(error ?? '');
      return;
    }
    const { code, title, text, advice } = explain(error);
    this.#addressError.replaceChildren(
      h(
        'span',
        { 'data-testid': 'error', 'data-code': code },
        h('strong', {}, title),
        ' ',
        h('code', { 'data-testid': 'error-code' }, code),
        h('span', { class: 'error-line', 'data-testid': 'error-text' }, text),
        h('span', { class: 'error-line' }, advice),
      ),
    );
  }

  /** @param {{ name: string, bytes: number, source: string }} file */
  #file({ name, bytes, source }) {
    return h(
      'li',
      { class: 'card', 'data-testid': 'repository-file' },
      h('span', { class: 'card-name' }, name),
      h('span', { class: 'card-text' }, format.bytes(bytes)),
      h('span', { class: 'card-actions' }, button(t('models.load'), () => void this.ask(source), 'button plain', { 'aria-label': t('models.loadName', { name }) })),
    );
  }

  #drawCurrent() {
    const { model, status, name } = this.engine;
    if (!model || status !== 'ready') {
      this.#current.replaceChildren(...(status === 'loading' ? this.#onItsWay(name) : [h('p', { class: 'note' }, t('models.empty'))]));
      if (this.#progress) this.showProgress(this.#progress);
      return;
    }
    this.#current.replaceChildren(
      h('p', { class: 'current-name' }, name),
      h('dl', { class: 'facts' }, ...factsOf(model.info).map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value)))),
      h('p', { class: 'current-actions' }, button(t('models.unload'), this.actions.onUnload, 'link', { 'data-testid': 'unload' })),
    );
  }

  /** @param {string} name @returns {HTMLElement[]} */
  #onItsWay(name) {
    return [
      h('p', { class: 'current-name' }, t('models.onItsWay', { name })),
      h('progress', { class: 'load-bar', max: '1', 'aria-label': t('models.onItsWay', { name }), 'data-testid': 'sheet-progress' }),
      h('p', { class: 'help' }),
      h('p', { class: 'current-actions' }, button(t('cancel'), this.actions.onCancel)),
    ];
  }

  /**
   * Shows how far a load is, while the dialog is open.
   * @param {import('./progress.js').Progress} progress
   */
  showProgress(progress) {
    this.#progress = progress;
    const { loaded, total, fraction } = progress;
    const bar = /** @type {HTMLProgressElement | null} */ (this.#current.querySelector('progress'));
    if (!bar) return;
    if (fraction === null || loaded === 0) bar.removeAttribute('value');
    else bar.value = fraction;
    const detail = this.#current.querySelector('.help');
    if (detail) detail.textContent = loaded > 0 ? format.bytesOf(loaded, total) : '';
  }

  /**
   * Loads what is at hand, and asks before a download.
   * @param {string} source
   */
  async #choose(source) {
    if (await isAtHand(this.engine.api, source)) await this.actions.onLoad(source);
    else await this.ask(source);
  }

  /**
   * Says what a download would cost, looked up where the library can, and loads after a yes.
   * @param {string} source
   */
  async ask(source) {
    const { name, text, yes, ticket } = this.#askConsent(source);
    if (!this.engine.api.probe) return;
    text.textContent = t('consent.looking', { name });
    try {
      const found = await this.engine.api.probe(source, this.actions.loadOptions());
      this.gallery.learn(source, found);
      if (ticket !== this.#asked) return;
      text.textContent = probeText(name, hostOf(source), found);
      if (found.bytes) yes.textContent = t('consent.download', { size: format.bytes(found.bytes) });
    } catch (error) {
      if (ticket !== this.#asked) return;
      const { code, text: sentence } = explain(error);
      text.textContent = t('consent.failed', { name, code, sentence });
    }
  }

  /**
   * Asks about a model that a link named, without asking its host anything.
   * @param {string} source
   */
  askUnseen(source) {
    const { name, text, actions, yes } = this.#askConsent(source);
    text.textContent = t('consent.unseen', { name, host: hostOf(source) });
    if (!this.engine.api.probe) return;
    const look = button(t('consent.look'), () => void this.ask(source), 'button plain', { 'data-testid': 'consent-look' });
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
      offer?.bytes ? t('consent.download', { size: format.bytes(offer.bytes) }) : t('consent.load'),
      () => {
        this.#consent.hidden = true;
        void this.actions.onLoad(source).then((error) => error && this.#refuse(error));
      },
      'button',
      { 'data-testid': 'consent-yes' },
    );
    const no = button(
      t('consent.no'),
      () => {
        this.#consent.hidden = true;
        this.#address.focus();
      },
      'button plain',
    );
    const text = h('p', {}, `${name}, ${hostOf(source)}.`);
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
  const parts = [t('probe.from', { name, host })];
  if (found.bytes) parts.push(t('probe.bytes', { size: format.bytes(found.bytes) }));
  if (found.memoryBytes) parts.push(t('probe.memory', { size: format.bytes(found.memoryBytes) }));
  if (found.fits !== undefined) parts.push(fitText(found));
  if (found.tokensPerSecond) parts.push(t('probe.speed', { rate: format.rate(found.tokensPerSecond) }));
  return `${parts.join(', ')}.`;
}

/** @param {import('./api.js').ProbeResult} found */
function fitText({ fits, contextThatFits }) {
  if (fits) return t('probe.fits');
  return contextThatFits ? t('probe.fitsContext', { n: contextThatFits }) : t('probe.doesNotFit');
}
