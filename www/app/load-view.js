/** The load strip below the message box. It is there from the first moment, so that nothing moves when a load begins. */
import { byId } from './dom.js';
import * as format from './format.js';
import { t } from './texts.js';

/** @type {Record<import('./api.js').LoadProgress['phase'], string>} keys of the texts */
const TITLES = {
  connect: 'load.connect',
  download: 'load.download',
  cache: 'load.cache',
  read: 'load.read',
  retry: 'load.retrying',
  wait: 'load.wait',
  prepare: 'load.prepare',
};

export class LoadView {
  #root = byId('load');
  #title = byId('load-title');
  #detail = byId('load-detail');
  #message = byId('load-message');
  #bar = byId('load-bar', HTMLProgressElement);

  /** @param {{ onCancel: () => void }} actions */
  constructor({ onCancel }) {
    byId('cancel-load').addEventListener('click', onCancel);
  }

  hide() {
    this.#root.hidden = true;
  }

  /**
   * @param {string} name of the model
   * @param {import('./progress.js').Progress} progress
   */
  show(name, progress) {
    this.#root.hidden = false;
    const { phase, loaded, total, fraction, bytesPerSecond, secondsLeft, message } = progress;
    const done = fraction === 1 || phase === 'prepare';
    this.#title.textContent = t(TITLES[done ? 'prepare' : phase], { name });
    this.#root.dataset.phase = phase;
    const parts = [];
    if (loaded > 0) parts.push(format.bytesOf(loaded, total));
    if (!done && loaded > 0 && bytesPerSecond) parts.push(`${format.bytes(bytesPerSecond)}/s`);
    if (!done && secondsLeft !== null) parts.push(t('load.left', { time: format.timeLeft(secondsLeft) }));
    this.#detail.textContent = parts.join(' · ');
    this.#message.textContent = message;
    this.#message.hidden = message === '';
    // Without a value the bar shows that something happens, without saying how much.
    if (fraction === null || loaded === 0) this.#bar.removeAttribute('value');
    else this.#bar.value = fraction;
  }

  /**
   * The engine's own download, which comes before the model's.
   * @param {number} loaded bytes
   * @param {number} total bytes
   */
  showEngine(loaded, total) {
    if (this.#root.hidden || loaded >= total) return;
    this.#title.textContent = t('load.engine');
    this.#detail.textContent = format.bytesOf(loaded, total);
    this.#bar.value = loaded / total;
  }
}
