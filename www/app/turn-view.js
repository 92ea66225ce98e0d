/** One turn on the page. What the person wrote is shown as it is, what the model wrote as Markdown. */
import { isComposing } from './composer.js';
import { copyButton } from './copy.js';
import { biggerMayHelp } from './demo-answer.js';
import { button, h } from './dom.js';
import { explain } from './errors.js';
import * as format from './format.js';
import { MarkdownView } from './markdown.js';
import { t } from './texts.js';

/** @typedef {import('./conversation.js').Turn} Turn */

/**
 * @typedef {object} TurnActions
 * @property {(turn: Turn) => void} onRetry
 * @property {(turn: Turn, text: string) => void} onEdit
 * @property {(turn: Turn) => void} onContinue
 * @property {(turn: Turn) => void} onChoose
 * @property {(turn: Turn) => void} onDetails
 * @property {() => void} onBigger
 * @property {() => void} onReload
 */

/**
 * @typedef {object} Place
 * @property {Turn[]} siblings the versions of the turn, itself included
 * @property {boolean} last whether it is the last turn
 * @property {string} waitingFor what a waiting answer waits for
 */

export class TurnView {
  #foot = h('div', { class: 'turn-foot' });
  /** @type {HTMLElement} */
  #body;
  /** @type {MarkdownView | null} */
  #markdown = null;
  #drawn = '';

  /**
   * @param {Turn} turn
   * @param {TurnActions} actions
   */
  constructor(turn, actions) {
    this.turn = turn;
    this.actions = actions;
    this.#body = h('div', { class: 'turn-text', dir: 'auto', 'data-testid': 'turn-text' });
    this.element = h(
      'article',
      { class: `turn ${turn.role}`, 'data-testid': `turn-${turn.role}`, tabindex: '-1' },
      h('h2', { class: 'sr' }, t(turn.role === 'user' ? 'turn.you' : 'turn.model')),
      this.#body,
      this.#foot,
    );
    if (turn.role === 'assistant') this.#markdown = new MarkdownView(this.#body);
    else this.#body.textContent = turn.content;
  }

  /** Draws the text as far as it has come. */
  drawText() {
    const { content, state } = this.turn;
    const whole = state !== 'streaming' && state !== 'waiting';
    if (content === this.#drawn && !whole) return;
    this.#drawn = content;
    if (content) this.element.querySelector('.thinking')?.remove();
    this.#markdown?.show(content, whole);
  }

  /** @param {Place} place */
  draw({ siblings, last, waitingFor }) {
    const { turn, element } = this;
    const busy = turn.state === 'waiting' || turn.state === 'streaming';
    const hadFocus = this.#foot.contains(document.activeElement);
    element.dataset.state = turn.state;
    if (turn.role === 'assistant') {
      element.setAttribute('aria-busy', String(busy));
      element.querySelector('.thinking')?.remove();
      this.drawText();
      if (turn.state === 'waiting') this.#body.after(thinking(waitingFor));
    }
    element.querySelector('.turn-error')?.remove();
    if (turn.error && !busy) this.#foot.before(this.#errorBox(turn.error));
    this.#foot.replaceChildren();
    if (!busy) this.#fillFoot(siblings, last);
    // The button that was pressed may be gone: what it belonged to is the next best place.
    if (hadFocus && !element.contains(document.activeElement)) element.focus({ preventScroll: true });
  }

  /** @param {Turn[]} siblings @param {boolean} last */
  #fillFoot(siblings, last) {
    const { turn, actions } = this;
    if (siblings.length > 1) this.#foot.append(this.#versions(siblings));
    if (turn.role === 'assistant') {
      const ended = turn.state === 'stopped' ? t('turn.stopped') : turn.stats?.finishReason === 'length' ? t('turn.length') : null;
      if (turn.byDemo) this.#foot.append(h('span', { class: 'tag', 'data-testid': 'demo-tag' }, t('turn.demo')));
      if (ended) this.#foot.append(h('span', { class: 'ended' }, ended));
      if (turn.stats && turn.stats.completionTokens > 0) this.#foot.append(h('span', { 'data-testid': 'stats' }, ...statsText(turn.stats)));
    }
    const row = h('span', { class: 'turn-actions' });
    if (turn.content) row.append(copyButton(() => turn.content));
    if (turn.role === 'user') row.append(this.#small('turn.edit', () => this.#edit(), 'edit'));
    else {
      const cut = turn.content && (turn.state === 'stopped' || turn.state === 'failed' || turn.stats?.finishReason === 'length');
      if (last && cut) row.append(this.#small('turn.continue', () => actions.onContinue(turn), 'continue'));
      if (turn.byDemo && biggerMayHelp(turn.content)) row.append(this.#small('turn.bigger', actions.onBigger, 'bigger'));
      if (last) row.append(this.#small('turn.retry', () => actions.onRetry(turn), 'retry'));
      if (turn.content) row.append(this.#small('turn.details', () => actions.onDetails(turn), 'details'));
    }
    if (row.childElementCount) this.#foot.append(row);
  }

  /** @param {string} key @param {() => void} run @param {string} testId */
  #small(key, run, testId) {
    return button(t(key), run, 'quiet small', { 'data-testid': testId });
  }

  /** @param {Turn[]} siblings */
  #versions(siblings) {
    const at = siblings.indexOf(this.turn);
    const arrow = (/** @type {number} */ step, /** @type {string} */ sign, /** @type {string} */ key) => {
      const to = siblings[at + step];
      return button(sign, () => to && this.actions.onChoose(to), 'quiet small', {
        'aria-label': t(key),
        'data-testid': step < 0 ? 'version-before' : 'version-after',
        disabled: to === undefined,
      });
    };
    return h(
      'span',
      { class: 'versions', role: 'group', 'aria-label': t('turn.versions') },
      arrow(-1, '‹', 'turn.before'),
      h('span', { 'data-testid': 'version' }, `${at + 1}/${siblings.length}`),
      arrow(1, '›', 'turn.after'),
    );
  }

  /** @param {NonNullable<Turn['error']>} error */
  #errorBox(error) {
    const { code, title, text, advice } = explain(error);
    const gone = ['crashed', 'out_of_memory', 'internal', 'unloaded'].includes(code);
    return h(
      'div',
      { class: 'notice turn-error', role: 'alert', 'data-testid': 'error', 'data-code': code },
      h('div', { class: 'notice-head' }, title, ' ', h('code', { class: 'notice-code', 'data-testid': 'error-code' }, code)),
      h('p', { class: 'notice-text', 'data-testid': 'error-text' }, text),
      h('p', { class: 'notice-advice' }, advice),
      gone ? h('div', { class: 'notice-actions' }, button(t('turn.reload'), this.actions.onReload)) : null,
    );
  }

  #edit() {
    const box = /** @type {HTMLTextAreaElement} */ (
      h('textarea', { class: 'edit-box', 'aria-label': t('turn.edit'), dir: 'auto', rows: '3', 'data-testid': 'edit-box' })
    );
    box.value = this.turn.content;
    const end = () => {
      form.remove();
      this.#body.hidden = this.#foot.hidden = false;
      this.element.focus({ preventScroll: true });
    };
    const send = () => {
      const text = box.value.trim();
      if (!text) return;
      end();
      this.actions.onEdit(this.turn, text);
    };
    const form = h(
      'form',
      {
        class: 'edit-form',
        onsubmit: (event) => {
          event.preventDefault();
          send();
        },
        onkeydown: (event) => {
          const pressed = /** @type {KeyboardEvent} */ (event);
          const { key, shiftKey } = pressed;
          if (isComposing(pressed)) return;
          if (key === 'Escape') {
            event.stopPropagation();
            end();
          } else if (key === 'Enter' && !shiftKey) {
            event.preventDefault();
            send();
          }
        },
      },
      box,
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'submit', class: 'button', 'data-testid': 'edit-send' }, t('turn.send')),
        button(t('cancel'), end, 'button plain'),
      ),
    );
    this.#body.hidden = this.#foot.hidden = true;
    this.#body.after(form);
    box.focus();
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
  say(t('stats.tokens', { n: stats.completionTokens }));
  if (stats.firstTokenMs !== null) say(t('stats.first', { time: format.duration(stats.firstTokenMs) }));
  if (stats.prefillPerSecond !== null) {
    const kept = stats.cachedTokens ? t('stats.kept', { count: stats.cachedTokens }) : '';
    say(t('stats.prompt', { n: stats.promptTokens ?? 0, kept, rate: format.rate(stats.prefillPerSecond) }));
  }
  return parts;
}
