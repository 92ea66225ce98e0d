/**
 * One model at a time: which one is there, which one is on its way. Knows nothing of the page.
 */
import { ProgressMeter } from './progress.js';
import { nameOf, sameAddress } from './catalog.js';

/** @typedef {'empty' | 'loading' | 'ready'} Status */

export class Engine {
  /** @type {Status} */
  status = 'empty';
  /** @type {import('./api.js').Model | null} */
  model = null;
  /** @type {import('./api.js').Source | null} what is loaded, or on its way, or was last tried */
  source = null;
  /** @type {import('./api.js').Source | null} where `model` came from */
  #loaded = null;
  /** @type {AbortController | null} */
  #loading = null;

  /**
   * @param {import('./api.js').BitNetApi} api
   * @param {{ onStatus: () => void, onProgress: (progress: import('./progress.js').Progress) => void }} listeners
   */
  constructor(api, listeners) {
    this.api = api;
    this.listeners = listeners;
  }

  /** The name to show for the model in use or on its way. */
  get name() {
    return this.source ? nameOf(this.source) : '';
  }

  /**
   * Replaces the model. Where the library can look at the new one first, a bad address or file leaves the old
   * model in place; then the old one goes before the new one comes, because both may not fit into memory.
   * @param {import('./api.js').Source} source
   * @param {import('./api.js').LoadOptions} options
   * @param {() => void} [onAccepted] called when nothing speaks against the new one any more, and the old one goes
   * @returns {Promise<import('./api.js').Model>} rejects with an AbortError after `cancel` or a newer `open`
   */
  async open(source, options, onAccepted) {
    this.cancel();
    const control = new AbortController();
    this.#loading = control;
    const meter = new ProgressMeter();
    const report = (/** @type {import('./api.js').LoadProgress} */ event) => {
      if (!control.signal.aborted) this.listeners.onProgress(meter.update(event, performance.now()));
    };
    try {
      this.#set('loading', source);
      report({
        phase: 'connect',
        loaded: 0,
        total: undefined,
        fromCache: false,
        bytesPerSecond: 0,
        secondsLeft: undefined,
      });
      const isOther = this.model ? source !== this.#loaded : onAccepted !== undefined;
      if (isOther) await this.#look(source, { ...options, signal: control.signal });
      control.signal.throwIfAborted();
      onAccepted?.();
      await this.#release();
      const model = await this.api.load(source, { ...options, signal: control.signal, onProgress: report });
      if (control.signal.aborted) {
        await model.unload();
        control.signal.throwIfAborted();
      }
      this.model = model;
      this.#loaded = source;
      this.#set('ready', source);
      return model;
    } catch (error) {
      // A newer open has taken over the state: only the newest one may write it.
      if (this.#loading === control) this.#set(this.model ? 'ready' : 'empty', this.model ? this.#loaded : source);
      throw error;
    } finally {
      if (this.#loading === control) this.#loading = null;
    }
  }

  /** Stops a load that is under way. */
  cancel() {
    this.#loading?.abort(new DOMException('The load was cancelled.', 'AbortError'));
  }

  /** Gives the memory back. */
  async unload() {
    this.cancel();
    await this.#release();
    this.#set('empty', null);
  }

  /** Forgets a model whose worker is gone; the library has freed it already. */
  drop() {
    this.model = null;
    this.#set('empty', this.source);
  }

  /**
   * Rejects where the library can already see that the source is no model that runs here, or cannot be had.
   * @param {import('./api.js').Source} source
   * @param {import('./api.js').LoadOptions} options
   */
  async #look(source, options) {
    try {
      await this.api.probe?.(source, options);
    } catch (error) {
      // Without a network the model may still be stored on this device, whole.
      if (/** @type {{ code?: string }} */ (error)?.code !== 'network' || !(await this.#isStored(source))) throw error;
    }
  }

  /** @param {import('./api.js').Source} source */
  async #isStored(source) {
    const kept = (await this.api.cache?.list().catch(() => [])) ?? [];
    return kept.some((model) => model.complete && typeof source === 'string' && sameAddress(model.source, source));
  }

  async #release() {
    const model = this.model;
    this.model = null;
    await model?.unload();
  }

  /**
   * @param {Status} status
   * @param {import('./api.js').Source | null} source
   */
  #set(status, source) {
    this.status = status;
    this.source = source;
    this.listeners.onStatus();
  }
}
