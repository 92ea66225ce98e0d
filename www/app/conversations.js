/** Which conversation is open, and what is done with all of them: kept, opened, renamed, deleted and brought back, taken out and in. */
import { endOrphans, lockOf, locksHeld } from './chat.js';
import { download } from './chat-list.js';
import { Conversation } from './conversation.js';
import { ImportError, toMarkdown } from './conversation-store.js';
import { draftOf, keepDraft } from './draft.js';
import { t } from './texts.js';

/**
 * @typedef {object} Parts
 * @property {import('./chat.js').Chat} chat
 * @property {import('./conversation-store.js').ConversationStore} store
 * @property {import('./place.js').Place} place
 * @property {import('./composer.js').Composer} composer
 * @property {import('./notices.js').Notices} notices
 * @property {() => import('./chat-list.js').ChatList} list
 */

export class Conversations {
  #isKept = false;
  #warned = false;
  /** Answers of other tabs whose end is waited for. @type {Set<string>} */
  #watched = new Set();

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
  }

  /** The conversation that is open. */
  get #open() {
    return this.parts.chat.conversation;
  }

  /** The id that the open conversation has for drafts and the address; null until its first message is kept. */
  get id() {
    return this.#isKept ? this.#open.head.id : null;
  }

  /**
   * Opens a stored conversation.
   * @param {string} id
   * @returns {Promise<boolean>} whether it is there
   */
  async open(id) {
    if (id === this.id) return true;
    const { chat, store, composer, place, list } = this.parts;
    const found = await store.open(id).catch(() => null);
    if (!found) return false;
    this.#leave();
    await endOrphans(found);
    this.#isKept = true;
    chat.show(found);
    this.#watch(found);
    composer.fill(draftOf(id));
    place.go(id);
    await list().draw(id);
    return true;
  }

  /** Begins a new one. @param {{ isTemporary?: boolean }} [how] */
  fresh({ isTemporary = false } = {}) {
    const { chat, composer, place, list } = this.parts;
    this.#leave();
    this.#isKept = false;
    chat.show(Conversation.create(isTemporary));
    composer.fill(isTemporary ? '' : draftOf(null));
    place.go(null);
    void list().draw(null);
  }

  /** The open conversation goes: what there is of an answer is kept, and what the model remembers. */
  #leave() {
    this.parts.chat.keepNow();
    this.onLeave?.();
  }

  /**
   * Writes turns of the open conversation down.
   * @param {import('./conversation.js').Turn[]} turns
   * @param {Partial<import('./conversation.js').Head>} [changes] of its head
   */
  async keep(turns, changes = {}) {
    const { store, place, list, notices } = this.parts;
    const conversation = this.#open;
    if (conversation.isTemporary) return;
    const { head } = conversation;
    Object.assign(head, changes);
    const chosen = { ...head.chosen };
    // As they are now: a fast answer may have begun by the time they are stored.
    const changesList = turns.every(({ state }) => state !== 'streaming');
    if (!this.#isKept && conversation.turns.size > 0) {
      this.#isKept = true;
      keepDraft(null, '');
      place.go(head.id, { replace: true });
    }
    if (!this.#isKept) return;
    try {
      const change = (/** @type {import('./conversation.js').Head} */ stored) => ({ ...stored, ...changes, chosen: { ...stored.chosen, ...chosen } });
      await store.write(head, turns, change, conversation.turns.values());
    } catch {
      if (!this.#warned) notices.remark(t('chats.notKept'));
      this.#warned = true;
    }
    if (this.#open === conversation && changesList) await list().draw(head.id);
  }

  /**
   * Takes turns back that were written down. A conversation that has none left goes as well.
   * @param {import('./conversation.js').Turn[]} turns
   */
  async forget(turns) {
    const conversation = this.#open;
    if (conversation.isTemporary) return;
    const { store, place, list } = this.parts;
    const { id } = conversation.head;
    await store.forget(turns.map((turn) => turn.id)).catch(() => {});
    if (conversation.turns.size > 0 || this.#open !== conversation) return;
    await store.remove(id).catch(() => {});
    await this.onDelete?.(id);
    this.#isKept = false;
    conversation.head.title = '';
    place.go(null, { replace: true });
    keepDraft(null, this.parts.composer.text);
    keepDraft(id, '');
    await list().draw(null);
  }

  /** @param {string} text what is being written */
  keepDraft(text) {
    if (!this.#open.isTemporary) keepDraft(this.id, text);
  }

  /**
   * Another tab has changed a conversation.
   * @param {string} id
   */
  async changedElsewhere(id) {
    const { chat, store, list } = this.parts;
    await list().draw();
    if (id !== this.id || chat.isRunning) return;
    const found = await store.open(id).catch(() => null);
    if (!found || chat.isRunning || id !== this.id) return;
    const held = await locksHeld();
    // What another tab writes now is shown as it comes, and not begun here as well.
    for (const turn of found.turns.values())
      if (turn.state === 'waiting' && held.has(lockOf(turn.id))) turn.state = 'streaming';
    if ([...found.turns.values()].some(({ state }) => state === 'waiting')) return;
    chat.show(found);
    this.#watch(found);
  }

  /**
   * Looks again at answers that another tab writes once it has ended or died: a tab that dies tells nobody.
   * @param {import('./conversation.js').Conversation} conversation
   */
  #watch(conversation) {
    for (const { id, state } of conversation.turns.values()) {
      if (state !== 'streaming' || this.#watched.has(id) || !navigator.locks) continue;
      this.#watched.add(id);
      void navigator.locks.request(lockOf(id), { mode: 'shared' }, () => {}).then(() => this.#lookAgain(id));
    }
  }

  /** @param {string} turn that nobody writes any more */
  async #lookAgain(turn) {
    const { chat, store } = this.parts;
    this.#watched.delete(turn);
    const shown = this.#open;
    if (chat.isRunning || shown.turns.get(turn)?.state !== 'streaming') return;
    const found = await store.open(shown.head.id).catch(() => null);
    if (!found) return;
    await endOrphans(found);
    if (chat.isRunning) return;
    if (this.#open === shown) chat.show(found);
    // What another look has shown meanwhile, and what seemed to be written because that look held its lock just then.
    this.#watch(this.#open);
  }

  /** @param {string} id @param {string} title */
  async rename(id, title) {
    if (id === this.id) Object.assign(this.#open.head, { title, named: true });
    const found = await this.parts.store.open(id);
    if (found) await this.parts.store.write(found.head, [], (stored) => ({ ...stored, title, named: true }));
    await this.parts.list().draw();
    this.onRenamed?.();
  }

  /** Told of a conversation that goes, and waited for. @type {((id: string) => Promise<void>) | undefined} */
  onDelete;

  /** Told before another conversation is opened. @type {(() => void) | undefined} */
  onLeave;

  /** Told when the title of the open conversation may be another one. @type {(() => void) | undefined} */
  onRenamed;

  /** @param {string} id */
  async remove(id) {
    const { store, notices, list } = this.parts;
    const wasOpen = id === this.id;
    await this.onDelete?.(id);
    if (wasOpen) this.fresh();
    const gone = await store.remove(id);
    const draft = draftOf(id);
    keepDraft(id, '');
    await list().draw();
    if (!gone) return;
    notices.remark(t('chats.deleted', { name: gone.head.title || t('chats.untitled') }), [
      {
        label: t('chats.undo'),
        testId: 'undo',
        run: async () => {
          await store.restore([gone]);
          keepDraft(id, draft);
          await list().draw();
          if (wasOpen) await this.open(id);
        },
      },
    ]);
  }

  /** @param {string} id */
  async saveMarkdown(id) {
    const found = await this.parts.store.open(id);
    if (found) download(`${fileName(found.head.title)}.md`, toMarkdown(found), 'text/markdown');
  }

  async saveAll() {
    download(`bitnet-web-${new Date().toISOString().slice(0, 10)}.json`, await this.parts.store.exportAll(), 'application/json');
  }

  /** @param {File} file */
  async takeIn(file) {
    const { store, notices, list } = this.parts;
    try {
      const n = await store.importAll(file);
      notices.remark(t('chats.imported', { n }));
    } catch (error) {
      const reason = error instanceof ImportError ? t(error.key, error.values) : String(error);
      notices.remark(t('chats.importFailed', { name: file.name, reason }));
    }
    await list().draw();
    const { id } = this;
    if (id) await this.changedElsewhere(id);
  }
}

/** @param {string} title */
function fileName(title) {
  return title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 60) || 'conversation';
}
