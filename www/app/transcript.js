/** The turns of the conversation that is read, in order. An element stays as long as its turn does. */
import { Follower } from './follower.js';
import { h } from './dom.js';
import { t } from './texts.js';
import { TurnView } from './turn-view.js';

/** @typedef {import('./conversation.js').Turn} Turn */

export class Transcript {
  /** @type {Map<string, TurnView>} */
  #views = new Map();
  /** @type {Set<Turn>} whose text has grown since the last frame */
  #grown = new Set();
  #beginning = h('p', { class: 'aside-note', 'data-testid': 'beginning' }, t('transcript.beginning'));

  /**
   * @param {HTMLElement} root where the turns go
   * @param {HTMLElement} scroller the element that scrolls
   * @param {HTMLButtonElement} toLatest shown when the end is out of sight
   * @param {import('./turn-view.js').TurnActions} actions
   */
  constructor(root, scroller, toLatest, actions) {
    this.root = root;
    this.actions = actions;
    this.follower = new Follower(scroller, (following) => {
      toLatest.hidden = following || this.root.childElementCount === 0;
    }, () => this.root.childElementCount > 0);
    toLatest.addEventListener('click', () => {
      this.follower.follow();
      /** @type {HTMLElement | null} */ (this.root.lastElementChild)?.focus({ preventScroll: true });
    });
  }

  /**
   * Shows these turns and no others.
   * @param {Turn[]} turns
   * @param {(turn: Turn) => import('./turn-view.js').Place} placeOf
   */
  show(turns, placeOf) {
    const wanted = new Set(turns.map(({ id }) => id));
    for (const [id, view] of this.#views) {
      if (wanted.has(id) && turns.includes(view.turn)) continue;
      view.element.remove();
      this.#views.delete(id);
    }
    this.#beginning.remove();
    turns.forEach((turn, i) => {
      let view = this.#views.get(turn.id);
      if (!view) {
        view = new TurnView(turn, this.actions);
        this.#views.set(turn.id, view);
      }
      if (this.root.children[i] !== view.element) this.root.insertBefore(view.element, this.root.children[i] ?? null);
      view.draw(placeOf(turn));
    });
    this.follower.keepUp();
  }

  /** @param {Turn} turn whose content has grown; drawn with the next frame */
  grow(turn) {
    if (this.#grown.size === 0) requestAnimationFrame(() => this.#drawGrown());
    this.#grown.add(turn);
  }

  /**
   * @param {Turn} turn
   * @param {import('./turn-view.js').Place} place
   */
  update(turn, place) {
    this.#views.get(turn.id)?.draw(place);
    this.follower.keepUp();
  }

  /**
   * Marks where the part begins that the model still sees.
   * @param {Turn} first
   */
  markBeginning(first) {
    this.#views.get(first.id)?.element.before(this.#beginning);
  }

  /** Puts the focus on the last turn, where there is no better place. */
  focusLast() {
    /** @type {HTMLElement | null} */ (this.root.lastElementChild)?.focus({ preventScroll: true });
  }

  #drawGrown() {
    for (const turn of this.#grown) this.#views.get(turn.id)?.drawText();
    this.#grown.clear();
    this.follower.keepUp();
  }
}
