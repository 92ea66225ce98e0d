/** The load strip above the message box, and the field of weights on the welcome screen. */
import { byId } from './dom.js';
import * as format from './format.js';

/** @type {Record<import('./api.js').LoadProgress['phase'], string>} what stands before the model's name */
const TITLES = {
  connect: 'Opening',
  download: 'Downloading',
  cache: 'Loading from this device:',
  read: 'Reading',
  retry: 'Trying again:',
  wait: 'Another tab is downloading',
  prepare: 'Preparing',
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
    this.#title.textContent = `${TITLES[done ? 'prepare' : phase]} ${name}`;
    this.#root.dataset.phase = phase;
    const parts = [];
    if (loaded > 0) parts.push(format.bytesOf(loaded, total));
    if (!done && loaded > 0 && bytesPerSecond) parts.push(`${format.bytes(bytesPerSecond)}/s`);
    if (!done && secondsLeft !== null) parts.push(`${format.timeLeft(secondsLeft)} left`);
    this.#detail.textContent = parts.join(' · ');
    this.#message.textContent = message;
    this.#message.hidden = message === '';
    // Without a value the bar shows that something happens, without saying how much.
    if (fraction === null || loaded === 0) this.#bar.removeAttribute('value');
    else this.#bar.value = fraction;
  }
}
