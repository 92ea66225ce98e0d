/** The message box: grows with its text, Enter sends, Shift+Enter makes a line, Escape stops the answer. */
import { byId } from './dom.js';

export class Composer {
  #form = byId('composer', HTMLFormElement);
  #box = byId('prompt', HTMLTextAreaElement);
  #send = byId('send', HTMLButtonElement);
  #stop = byId('stop', HTMLButtonElement);
  #error = byId('composer-error');

  /** @param {{ onSend: (text: string) => void, onStop: () => void, onDraft: (text: string) => void }} actions */
  constructor({ onSend, onStop, onDraft }) {
    this.onDraft = onDraft;
    const send = () => {
      const text = this.#box.value.trim();
      if (!text || !this.#stop.hidden) return;
      this.fill('');
      onDraft('');
      onSend(text);
    };
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      send();
    });
    this.#box.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !isComposing(event)) {
        event.preventDefault();
        send();
      }
    });
    this.#box.addEventListener('input', () => {
      this.#error.textContent = '';
      this.#fit();
      onDraft(this.#box.value);
    });
    this.#stop.addEventListener('click', () => {
      onStop();
      this.focus();
    });
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !isComposing(event) && !this.#stop.hidden && !document.querySelector('dialog[open]'))
        onStop();
    });
    this.#fit();
  }

  get text() {
    return this.#box.value;
  }

  /** @param {string} text */
  fill(text) {
    this.#box.value = text;
    this.#error.textContent = '';
    this.#fit();
  }

  /**
   * Gives a message back that could not be sent. What was written since stays behind it.
   * @param {string} text
   * @param {string} reason
   */
  refuse(text, reason) {
    this.fill([text, this.#box.value].filter(Boolean).join('\n\n'));
    this.#error.textContent = reason;
    this.onDraft(this.#box.value);
    this.#box.focus();
  }

  /** Not on touch screens, where focus would bring up the keyboard unasked. */
  focus() {
    if (matchMedia('(hover: hover)').matches) this.#box.focus();
  }

  /** @param {boolean} busy whether an answer is being written or waited for */
  setBusy(busy) {
    const hadFocus = [this.#send, this.#stop].includes(/** @type {HTMLButtonElement} */ (document.activeElement));
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    if (hadFocus) (busy ? this.#stop : this.#box).focus();
  }

  #fit() {
    this.#box.style.height = 'auto';
    this.#box.style.height = `${this.#box.scrollHeight}px`;
    this.#send.disabled = this.#box.value.trim() === '';
  }
}

/**
 * Whether a key belongs to an input method. Safari ends the composition before it tells of the Enter that ended it:
 * `isComposing` is false then, and only the key code 229 is left ("processed by an input method", UI Events).
 * @param {KeyboardEvent} event
 */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}
