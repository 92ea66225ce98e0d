/** The model files in this browser's storage: seen, deleted, made to stay. */
import { byId, button, h } from './dom.js';
import { forgetAllPrefixes, prefixBytes } from './kept-prefixes.js';
import { nameOf, sameAddress } from './catalog.js';
import * as format from './format.js';
import { t } from './texts.js';

export class StoredModels {
  #list = byId('cached');
  #storage = byId('storage');

  /**
   * @param {import('./api.js').ModelCache | undefined} cache
   * @param {{ onLoad: (source: string) => void, onError: (error: unknown) => void }} actions
   */
  constructor(cache, actions) {
    this.cache = cache;
    this.actions = actions;
    this.inUse = /** @type {import('./api.js').Source | null} */ (null);
    byId('cache-section').hidden = !cache;
  }

  /** @param {import('./api.js').Source | null} inUse what is loaded or on its way */
  async draw(inUse) {
    if (!this.cache) return;
    this.inUse = inUse;
    try {
      const models = await this.cache.list();
      this.#list.replaceChildren(...models.map((model) => this.#card(model)));
      await this.#drawStorage(models);
    } catch (error) {
      this.#list.replaceChildren();
      this.#storage.replaceChildren(
        h(
          'p',
          {},
          t('stored.refused', { reason: /** @type {Error} */ (error)?.message ?? String(error) }),
        ),
      );
    }
  }

  /** @param {import('./api.js').CachedModel} model */
  #card(model) {
    const { source } = model;
    const inUse = typeof this.inUse === 'string' && sameAddress(this.inUse, source);
    const name = nameOf(source);
    const facts = [
      model.complete
        ? format.bytes(model.storedBytes)
        : t('stored.partial', { size: format.bytesOf(model.storedBytes, model.bytes ?? null) }),
      t('stored.used', { when: format.ago(model.lastUsed) }),
    ];
    return h(
      'li',
      { class: 'card', 'data-testid': 'cached-model', 'data-complete': String(model.complete) },
      h('span', { class: 'card-name' }, name),
      h('span', { class: 'card-text' }, facts.join(' · ')),
      h('span', { class: 'card-text' }, source),
      h(
        'span',
        { class: 'card-actions' },
        inUse
          ? h('span', { class: 'card-text' }, t('models.inUse'))
          : button(t(model.complete ? 'models.load' : 'stored.resume'), () => this.actions.onLoad(source), 'button plain', {
              'aria-label': t('models.loadName', { name }),
            }),
        button(t('stored.delete'), () => void this.#run((cache) => cache.delete(source)), 'quiet small', {
          'aria-label': t('chats.delete', { name }),
          'data-testid': 'delete-cached',
        }),
      ),
    );
  }

  /** @param {import('./api.js').CachedModel[]} models */
  async #drawStorage(models) {
    const cache = /** @type {import('./api.js').ModelCache} */ (this.cache);
    const { usage, quota, persisted } = await cache.estimate();
    const text =
      models.length === 0
        ? t('stored.nothing')
        : '';
    const room =
      usage && quota ? t('stored.room', { used: format.bytes(usage), quota: format.bytes(quota) }) : '';
    const row = h('div', { class: 'row' });
    if (models.length && !persisted)
      row.append(
        button(t('stored.persist'), () => void this.#run((c) => c.persist()), 'link', {
          'data-testid': 'persist',
        }),
      );
    if (models.length) row.append(this.#clearButton());
    const remembered = await prefixBytes();
    if (remembered) row.append(button(t('stored.forget', { size: format.bytes(remembered) }), () => void this.#run(forgetAllPrefixes), 'link', { 'data-testid': 'forget-prefixes' }));
    this.#storage.replaceChildren(
      h(
        'p',
        {},
        [text, room, persisted && models.length ? t('stored.persisted') : '']
          .filter(Boolean)
          .join(' '),
      ),
      row,
    );
  }

  /** Asks once more before everything goes. */
  #clearButton() {
    let armed = false;
    const clear = button(
      t('stored.deleteAll'),
      () => {
        if (armed) {
          void this.#run((cache) => cache.clear());
          return;
        }
        armed = true;
        clear.textContent = t('stored.really');
        setTimeout(() => {
          armed = false;
          clear.textContent = t('stored.deleteAll');
        }, 4000);
      },
      'link danger',
      { 'data-testid': 'clear-cached' },
    );
    return clear;
  }

  /** @param {(cache: import('./api.js').ModelCache) => Promise<unknown>} change */
  async #run(change) {
    if (!this.cache) return;
    try {
      await change(this.cache);
    } catch (error) {
      this.actions.onError(error);
    }
    await this.draw(this.inUse);
  }
}
