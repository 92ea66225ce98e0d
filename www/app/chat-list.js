/** The list of conversations: found, opened, renamed, deleted, taken out and in. At the side of a wide page, in a dialog of a narrow one. */
import { isComposing } from './composer.js';
import { byId, button, h } from './dom.js';
import * as format from './format.js';
import { MOST_TITLE } from './conversation.js';
import { openDialog } from './place.js';
import { t } from './texts.js';

/** @typedef {import('./conversation.js').Head} Head */

/**
 * @typedef {object} ListActions
 * @property {(id: string) => void} onOpen
 * @property {(id: string, title: string) => void} onRename
 * @property {(id: string) => void} onDelete
 * @property {(id: string) => void} onMarkdown
 * @property {() => void} onExport
 * @property {(file: File) => void} onImport
 */

const WIDE = matchMedia('(min-width: 64rem)');

export class ChatList {
  #panel = byId('chats-panel');
  #dialog = byId('chats', HTMLDialogElement);
  #side = byId('side');
  #list = byId('chat-list');
  #search = byId('chat-search', HTMLInputElement);
  /** @type {Head[]} */
  #heads = [];
  /** @type {string | null} */
  #current = null;
  #renaming = '';
  #asked = 0;

  /**
   * @param {import('./conversation-store.js').ConversationStore} store
   * @param {ListActions} actions
   */
  constructor(store, actions) {
    this.store = store;
    this.actions = actions;
    const place = () => {
      (WIDE.matches ? this.#side : byId('chats-body')).append(this.#panel);
      if (WIDE.matches && this.#dialog.open) this.#dialog.close();
    };
    WIDE.addEventListener('change', place);
    place();
    byId('open-chats').addEventListener('click', () => this.open());
    this.#dialog.querySelector('[data-close]')?.addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', (event) => event.target === this.#dialog && this.#dialog.close());
    this.#search.addEventListener('input', () => void this.#draw());
    byId('export-chats').addEventListener('click', actions.onExport);
    const file = byId('import-file', HTMLInputElement);
    byId('import-chats').addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      const chosen = file.files?.[0];
      file.value = '';
      if (chosen) actions.onImport(chosen);
    });
  }

  /** Shows the list, and goes to the search. */
  open() {
    if (!WIDE.matches) openDialog(this.#dialog);
    this.#search.focus();
  }

  /** Closes the dialog of a narrow page. */
  close() {
    if (this.#dialog.open) this.#dialog.close();
  }

  /** @param {string | null} current id of the conversation that is open */
  async draw(current = this.#current) {
    this.#current = current;
    try {
      this.#heads = await this.store.heads();
    } catch {
      this.#list.replaceChildren(h('li', { class: 'help' }, t('chats.noStorage')));
      return;
    }
    await this.#draw();
  }

  async #draw() {
    const wanted = this.#search.value.trim();
    const ticket = ++this.#asked;
    const found = wanted ? await this.store.search(wanted).catch(() => new Set()) : null;
    if (ticket !== this.#asked) return;
    const heads = found ? this.#heads.filter(({ id }) => found.has(id)) : this.#heads;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.closest('[data-id]');
    const at = focused ? [...this.#list.children].indexOf(focused) : -1;
    this.#list.replaceChildren(
      ...(heads.length ? heads.map((head) => this.#item(head)) : [h('li', { class: 'help' }, t(wanted ? 'chats.none' : 'chats.empty'))]),
    );
    if (!focused || at < 0) return;
    // Where the one that had the focus is gone, the next one takes it, and where none is left the search.
    const { children } = this.#list;
    const place = [...children].find((item) => item.getAttribute('data-id') === focused.getAttribute('data-id')) ?? children[Math.min(at, children.length - 1)];
    /** @type {HTMLElement} */ (place.querySelector('.chat-open, input') ?? this.#search).focus();
  }

  /** @param {Head} head */
  #item(head) {
    const { id, title, updated } = head;
    const name = title || t('chats.untitled');
    if (this.#renaming === id) return this.#renameForm(head);
    return h(
      'li',
      { class: 'chat-item', 'data-testid': 'chat-item', 'data-id': id },
      h(
        'button',
        {
          type: 'button',
          class: 'chat-open',
          ...(id === this.#current ? { 'aria-current': 'true' } : {}),
          onclick: () => {
            this.close();
            this.actions.onOpen(id);
          },
        },
        h('span', { class: 'chat-title', dir: 'auto' }, name),
        h('span', { class: 'chat-time' }, format.ago(updated)),
      ),
      h(
        'span',
        { class: 'chat-actions' },
        this.#action('✎', 'chats.rename', name, 'rename-chat', () => {
          this.#renaming = id;
          void this.#draw().then(() => /** @type {HTMLInputElement | null} */ (this.#list.querySelector('.rename input'))?.select());
        }),
        this.#action('⤓', 'chats.markdown', name, 'markdown-chat', () => this.actions.onMarkdown(id)),
        this.#action('✕', 'chats.delete', name, 'delete-chat', () => this.actions.onDelete(id)),
      ),
    );
  }

  /** @param {string} sign @param {string} key @param {string} name @param {string} testId @param {() => void} run */
  #action(sign, key, name, testId, run) {
    const label = t(key, { name });
    return button(sign, run, 'quiet small', { 'aria-label': label, title: label, 'data-testid': testId });
  }

  /** @param {Head} head */
  #renameForm({ id, title }) {
    const input = /** @type {HTMLInputElement} */ (
      h('input', { type: 'text', 'aria-label': t('chats.title'), maxlength: String(MOST_TITLE), dir: 'auto', 'data-testid': 'chat-title' })
    );
    input.value = title;
    const end = (/** @type {boolean} */ keep) => {
      if (this.#renaming !== id) return;
      this.#renaming = '';
      const text = input.value.trim();
      if (keep && text && text !== title) this.actions.onRename(id, text);
      else void this.#draw();
    };
    input.addEventListener('keydown', (event) => {
      if (isComposing(event)) return;
      if (event.key === 'Enter') end(true);
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      event.preventDefault();
      end(false);
    });
    input.addEventListener('blur', () => end(true));
    return h('li', { class: 'chat-item rename', 'data-id': id }, input);
  }
}

/**
 * Hands a text to the browser's downloads.
 * @param {string} name of the file
 * @param {string} text
 * @param {string} type
 */
export function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = /** @type {HTMLAnchorElement} */ (h('a', { href: address, download: name }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
