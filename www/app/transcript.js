/** Draws the turns. Everything that the model or the visitor wrote goes in as text nodes. */
import { biggerMayHelp } from './demo-answer.js';
import { h, button } from './dom.js';
import * as format from './format.js';

/** How near to the end, in pixels, counts as reading along. */
const AT_END = 56;

export class Transcript {
  /** @type {WeakMap<import('./conversation.js').Turn, HTMLElement>} */
  #elements = new WeakMap();
  #beginning = h(
    'p',
    { class: 'aside-note', 'data-testid': 'beginning' },
    'What is above no longer fits into the model’s context.',
  );
  #following = true;
  #lastTop = 0;
  #scrollPlanned = false;

  /**
   * @param {HTMLElement} root where the turns go
   * @param {HTMLElement} scroller the element that scrolls
   * @param {HTMLButtonElement} toLatest shown when the end is out of sight
   * @param {{ onRetry: () => void, onBigger: () => void }} actions
   */
  constructor(root, scroller, toLatest, actions) {
    this.root = root;
    this.scroller = scroller;
    this.toLatest = toLatest;
    this.actions = actions;
    scroller.addEventListener('scroll', () => this.#look(), { passive: true });
    toLatest.addEventListener('click', () => this.follow());
    new ResizeObserver(() => this.#keepUp()).observe(scroller);
  }

  /** @param {import('./conversation.js').Turn} turn */
  add(turn) {
    const element = h(
      'article',
      { class: `turn ${turn.role}`, 'data-testid': `turn-${turn.role}` },
      h('h2', { class: 'sr' }, turn.role === 'user' ? 'You' : 'Model'),
      h('div', { class: 'turn-text', dir: 'auto', 'data-testid': 'turn-text' }, document.createTextNode(turn.content)),
      h('div', { class: 'turn-foot' }),
    );
    this.#elements.set(turn, element);
    this.root.append(element);
    this.update(turn);
  }

  /**
   * @param {import('./conversation.js').Turn} turn whose content has grown by `text`
   * @param {string} text
   */
  append(turn, text) {
    const element = this.#elements.get(turn);
    if (!element) return;
    element.querySelector('.thinking')?.remove();
    /** @type {Text} */ (element.querySelector('.turn-text')?.firstChild).appendData(text);
    this.#keepUp();
  }

  /**
   * Draws everything of a turn but its text.
   * @param {import('./conversation.js').Turn} turn
   * @param {{ waitingFor?: string, last?: boolean }} [view] what a waiting answer waits for
   */
  update(turn, { waitingFor = 'Reading', last = false } = {}) {
    const element = this.#elements.get(turn);
    if (!element || turn.role === 'user') return;
    const busy = turn.state === 'waiting' || turn.state === 'streaming';
    element.setAttribute('aria-busy', String(busy));
    element.dataset.state = turn.state;
    element.querySelector('.thinking')?.remove();
    if (turn.state === 'waiting') element.append(thinking(waitingFor));
    const foot = /** @type {HTMLElement} */ (element.querySelector('.turn-foot'));
    foot.replaceChildren();
    foot.hidden = busy;
    if (!busy) this.#fillFoot(foot, turn, last);
    this.#keepUp();
  }

  /**
   * @param {HTMLElement} foot
   * @param {import('./conversation.js').Turn} turn
   * @param {boolean} last
   */
  #fillFoot(foot, turn, last) {
    const ended =
      { stopped: 'Stopped', failed: 'Ended by an error' }[/** @type {string} */ (turn.state)] ??
      (turn.stats?.finishReason === 'length' ? 'Length limit reached' : null);
    if (turn.byDemo) foot.append(h('span', { class: 'tag', 'data-testid': 'demo-tag' }, 'Tiny demo model'));
    if (ended) foot.append(h('span', { class: 'ended' }, ended));
    if (turn.stats) foot.append(h('span', { 'data-testid': 'stats' }, ...statsText(turn.stats)));
    const actions = h('span', { class: 'turn-actions' });
    if (turn.content) actions.append(copyButton(turn));
    if (turn.byDemo && biggerMayHelp(turn.content))
      actions.append(button('Load a bigger model', this.actions.onBigger, 'quiet small', { 'data-testid': 'bigger' }));
    if (last) actions.append(button('Try again', this.actions.onRetry, 'quiet small', { 'data-testid': 'retry' }));
    if (actions.childElementCount) foot.append(actions);
  }

  /** @param {import('./conversation.js').Turn} turn */
  remove(turn) {
    this.#elements.get(turn)?.remove();
  }

  /**
   * Marks where the part begins that the model still sees.
   * @param {import('./conversation.js').Turn} first
   */
  markBeginning(first) {
    this.#elements.get(first)?.before(this.#beginning);
  }

  clear() {
    this.root.replaceChildren();
    this.#following = true;
    this.#look();
  }

  /** Goes to the end and stays there. */
  follow() {
    this.#following = true;
    this.#keepUp();
  }

  #look() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const atEnd = scrollHeight - scrollTop - clientHeight < AT_END;
    // Only going up ends the following: growing content and a shrinking window also leave the end out of sight.
    this.#following = atEnd || (this.#following && scrollTop >= this.#lastTop);
    this.#lastTop = scrollTop;
    this.toLatest.hidden = this.#following || this.root.childElementCount === 0;
  }

  /** Scrolls once per frame at most, and only while the reader is at the end. */
  #keepUp() {
    if (!this.#following || this.#scrollPlanned) return;
    this.#scrollPlanned = true;
    requestAnimationFrame(() => {
      this.#scrollPlanned = false;
      if (this.root.childElementCount) this.scroller.scrollTop = this.scroller.scrollHeight;
    });
  }
}

/** @param {string} text */
function thinking(text) {
  return h(
    'p',
    { class: 'thinking' },
    h('i', { 'aria-hidden': 'true' }, h('span', {}, '−'), h('span', {}, '0'), h('span', {}, '+')),
    text,
  );
}

/** @param {import('./conversation.js').Turn} turn */
function copyButton(turn) {
  const copy = button(
    'Copy',
    async () => {
      try {
        await navigator.clipboard.writeText(turn.content);
        copy.textContent = 'Copied';
      } catch {
        copy.textContent = 'Copying was refused';
      }
      setTimeout(() => {
        copy.textContent = 'Copy';
      }, 1600);
    },
    'quiet small',
  );
  return copy;
}

/**
 * @param {import('./answer.js').AnswerStats} stats
 * @returns {(Node | string)[]}
 */
function statsText(stats) {
  /** @type {(Node | string)[]} */
  const parts = [];
  const say = (/** @type {(Node | string)[]} */ ...pieces) => {
    if (parts.length) parts.push(' · ');
    parts.push(...pieces);
  };
  if (stats.decodePerSecond !== null) say(h('b', { 'data-testid': 'decode-rate' }, format.rate(stats.decodePerSecond)));
  say(format.plural(stats.completionTokens, 'token'));
  if (stats.firstTokenMs !== null) say(`first after ${format.duration(stats.firstTokenMs)}`);
  if (stats.prefillPerSecond !== null) {
    const kept = stats.cachedTokens ? `, ${stats.cachedTokens} kept` : '';
    say(
      `prompt of ${format.plural(stats.promptTokens ?? 0, 'token')}${kept} at ${format.rate(stats.prefillPerSecond)}`,
    );
  }
  return parts;
}
