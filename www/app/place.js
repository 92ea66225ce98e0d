/**
 * Where the visitor is: which conversation is open, in the address (`#c=ID`), and whether a dialog is, in the history. So reload,
 * Back and Forward do what they do everywhere; Back closes an open dialog first.
 */

/** The conversation that this tab has open, for coming back from another page of the site. */
const OPEN = 'bitnet-web.open-conversation';

export class Place {
  /** @param {{ onConversation: (id: string | null) => void }} listeners told of Back and Forward, and of an address typed by hand */
  constructor({ onConversation }) {
    this.told = this.conversation;
    window.addEventListener('popstate', () => {
      for (const dialog of /** @type {NodeListOf<HTMLDialogElement>} */ (document.querySelectorAll('dialog[open]')))
        if (history.state?.dialog !== dialog.id) dialog.close();
      if (this.conversation !== this.told) onConversation((this.told = this.conversation));
    });
  }

  /** The id in the address, null for a new conversation. */
  get conversation() {
    return new URLSearchParams(location.hash.slice(1)).get('c');
  }

  /** The conversation that this tab had open, where the address names none. */
  get before() {
    return stored(() => sessionStorage.getItem(OPEN)) ?? null;
  }

  /**
   * @param {string | null} id
   * @param {{ replace?: boolean }} [how] `replace`: Back does not lead to where the visitor is now
   */
  go(id, { replace = false } = {}) {
    this.told = id;
    stored(() => (id === null ? sessionStorage.removeItem(OPEN) : sessionStorage.setItem(OPEN, id)));
    if (id === this.conversation) return;
    const address = `${location.pathname}${location.search}${id === null ? '' : `#c=${encodeURIComponent(id)}`}`;
    if (replace || history.state?.dialog) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
  }
}

/**
 * Opens a dialog that Back closes.
 * @param {HTMLDialogElement} dialog
 */
export function openDialog(dialog) {
  if (dialog.open) return;
  dialog.showModal();
  history.pushState({ dialog: dialog.id }, '');
  dialog.addEventListener(
    'close',
    () => {
      if (history.state?.dialog === dialog.id) history.back();
    },
    { once: true },
  );
}

/**
 * @template T
 * @param {() => T} ask
 * @returns {T | undefined} undefined where the browser refuses storage
 */
function stored(ask) {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
