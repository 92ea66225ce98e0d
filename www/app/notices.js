/** Errors and remarks above the message box, each with a way to dismiss it. */
import { byId, button, h } from './dom.js';
import { explain } from './errors.js';
import { t } from './texts.js';

/** @typedef {{ label: string, run: () => void, testId?: string }} Action */

const MOST = 3;

export class Notices {
  #root = byId('notices');
  /** Where they stand while no dialog is open. */
  #home = /** @type {HTMLElement} */ (this.#root.parentElement);

  /**
   * @param {unknown} error
   * @param {Action[]} [actions]
   */
  error(error, actions = []) {
    const { code, title, text, advice } = explain(error);
    this.#add(
      h(
        'div',
        { class: 'notice', 'data-testid': 'error', 'data-code': code },
        h(
          'div',
          { class: 'notice-head' },
          title,
          ' ',
          h('code', { class: 'notice-code', 'data-testid': 'error-code' }, code),
        ),
        h('p', { class: 'notice-text', 'data-testid': 'error-text' }, text),
        h('p', { class: 'notice-advice' }, advice),
      ),
      actions,
    );
  }

  /**
   * @param {string} text
   * @param {Action[]} [actions]
   */
  remark(text, actions = []) {
    this.#add(
      h('div', { class: 'notice calm', 'data-testid': 'notice' }, h('p', { class: 'notice-text' }, text)),
      actions,
    );
  }

  clear() {
    this.#root.replaceChildren();
  }

  /** Takes away what is no error: a new conversation has nothing to do with it. */
  clearRemarks() {
    for (const notice of this.#root.querySelectorAll('.notice.calm')) notice.remove();
  }

  /** Takes away errors: what they tell of is over. */
  clearErrors() {
    for (const notice of this.#root.querySelectorAll('.notice:not(.calm)')) notice.remove();
  }

  /** What is behind an open dialog is seen by nobody and cannot be used: they stand in it until it is closed. */
  #comeForward() {
    const dialog = [...document.querySelectorAll('dialog[open]')].at(-1);
    if (!dialog || dialog.contains(this.#root)) return;
    dialog.append(this.#root);
    dialog.addEventListener('close', () => this.#home.prepend(this.#root), { once: true });
  }

  /**
   * @param {HTMLElement} notice
   * @param {Action[]} actions
   */
  #add(notice, actions) {
    // A notice that is given again moves to the end.
    for (const earlier of this.#root.children)
      if (earlier.querySelector('.notice-text')?.textContent === notice.querySelector('.notice-text')?.textContent)
        earlier.remove();
    if (actions.length) {
      notice.append(
        h(
          'div',
          { class: 'notice-actions' },
          ...actions.map(({ label, run, testId }) =>
            button(
              label,
              () => {
                notice.remove();
                run();
              },
              'link',
              testId ? { 'data-testid': testId } : {},
            ),
          ),
        ),
      );
    }
    notice.append(
      button('✕', () => notice.remove(), 'quiet notice-close', { 'aria-label': t('dismiss'), 'data-testid': 'dismiss' }),
    );
    this.#root.append(notice);
    this.#comeForward();
    while (this.#root.childElementCount > MOST) this.#root.firstElementChild?.remove();
  }
}
