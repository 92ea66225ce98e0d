/** An answer looked into: how it came about, its tokens, and what the model might have said in the place of each. */
import { candidatesOf } from './candidates.js';
import { byId, button, h } from './dom.js';
import { explain } from './errors.js';
import * as format from './format.js';
import { has, t } from './texts.js';

/** @typedef {import('./conversation.js').Turn} Turn */
/** @typedef {import('./token-log.js').Token} Token */

/** Tokens that are shown before a button asks for the rest: each is a button. */
const FIRST = 400;

export class DetailsSheet {
  #facts = byId('details-facts');
  #tokens = byId('details-tokens');
  #note = byId('details-note');
  #candidates = byId('details-candidates');
  #asked = 0;
  /** @type {AbortController | null} */
  #control = null;

  /**
   * @param {import('./chat.js').Chat} chat
   * @param {{ model: () => import('./api.js').Model | null, modelName: () => string, sampling: () => import('./api.js').GenerateOptions }} sources
   */
  constructor(chat, sources) {
    this.chat = chat;
    this.sources = sources;
    byId('details').addEventListener('close', () => this.#control?.abort());
  }

  /** @param {Turn} turn an answer that is not being written */
  async show(turn) {
    const ticket = ++this.#asked;
    this.#facts.replaceChildren(...factsOf(turn).map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))));
    this.#tokens.replaceChildren();
    this.#candidates.replaceChildren();
    const model = this.sources.model();
    this.#note.textContent = model ? t('details.choose') : t('details.noModel');
    if (!model) return;
    try {
      const tokens = await this.chat.tokens.of(turn, model);
      if (ticket !== this.#asked) return;
      if (turn.model && turn.model !== this.sources.modelName()) this.#note.textContent = t('details.otherModel', { name: this.sources.modelName() });
      this.#drawTokens(turn, model, tokens);
    } catch (error) {
      if (ticket === this.#asked) this.#note.textContent = explain(error).text;
    }
  }

  /**
   * @param {Turn} turn
   * @param {import('./api.js').Model} model
   * @param {Token[]} tokens
   */
  #drawTokens(turn, model, tokens, most = FIRST) {
    const pieces = tokens.slice(0, most).map(({ text }, at) => {
      const piece = h(
        'button',
        {
          type: 'button',
          class: 'token',
          'data-testid': 'token',
          'aria-label': t('details.token', { n: at + 1, text: visible(text) }),
          onclick: () => {
            for (const other of this.#tokens.querySelectorAll('[aria-pressed]')) other.removeAttribute('aria-pressed');
            piece.setAttribute('aria-pressed', 'true');
            void this.#ask(turn, model, tokens, at);
          },
        },
        visible(text),
      );
      return piece;
    });
    this.#tokens.replaceChildren(...pieces);
    if (tokens.length > most) this.#tokens.append(button(t('details.more', { count: tokens.length - most }), () => this.#drawTokens(turn, model, tokens, Infinity)));
  }

  /**
   * @param {Turn} turn
   * @param {import('./api.js').Model} model
   * @param {Token[]} tokens
   * @param {number} at
   */
  async #ask(turn, model, tokens, at) {
    const ticket = ++this.#asked;
    this.#control?.abort();
    this.#control = new AbortController();
    const { signal } = this.#control;
    this.#note.textContent = t('details.looking');
    try {
      const messages = await this.chat.messagesBefore(model, turn);
      const { seed } = turn.stats ?? {};
      const sampling = { ...this.sources.sampling(), ...this.chat.tokens.samplingOf(turn), ...(seed === undefined ? {} : { seed }) };
      const found = await candidatesOf(model, { messages, tokens, sampling }, at, signal);
      if (ticket !== this.#asked) return;
      this.#note.textContent = t('details.found', { text: visible(tokens[at].text), n: at + 1 });
      this.#candidates.replaceChildren(...found.map(candidateRow));
    } catch (error) {
      if (ticket === this.#asked && !signal.aborted) this.#note.textContent = explain(error).text;
    }
  }
}

/** @param {import('./candidates.js').Candidate} candidate */
function candidateRow({ text, probability, isChosen }) {
  const percent = probability * 100;
  const bar = h('span', { class: 'candidate-bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--share', String(probability));
  return h(
    'li',
    { class: 'candidate', 'data-testid': 'candidate', 'data-chosen': isChosen },
    h('span', { class: 'candidate-text' }, visible(text)),
    bar,
    h('span', { class: 'candidate-share' }, t('percent', { n: percent >= 0.1 || percent === 0 ? format.inLanguage(percent.toFixed(1)) : `< ${format.inLanguage(0.1)}` })),
    isChosen ? h('span', { class: 'sr' }, t('details.said')) : null,
  );
}

/** A token with its spaces and line ends to be seen. @param {string} text */
function visible(text) {
  return text === '' ? '·' : text.replace(/\n/g, '↵').replace(/\t/g, '⇥').replace(/^ | $/g, '␣');
}

/**
 * @param {Turn} turn
 * @returns {[label: string, value: string][]}
 */
function factsOf({ model, stats, state, created }) {
  /** @type {[string, string][]} */
  const facts = [];
  const say = (/** @type {string} */ key, /** @type {string | number | null | undefined} */ value) => {
    if (value !== null && value !== undefined && value !== '') facts.push([t(`details.${key}`), String(value)]);
  };
  say('model', model);
  say('when', created ? new Date(created).toLocaleString(document.documentElement.lang) : null);
  const reason = state === 'stopped' ? 'stopped' : state === 'failed' ? 'failed' : (stats?.finishReason ?? null);
  say('ended', reason && has(`details.ended.${reason}`) ? t(`details.ended.${reason}`) : reason);
  if (!stats) return facts;
  say('length', t('stats.tokens', { n: stats.completionTokens }));
  say('speed', stats.decodePerSecond && format.rate(stats.decodePerSecond));
  say('first', stats.firstTokenMs === null ? null : format.duration(stats.firstTokenMs));
  say('prompt', stats.promptTokens === null ? null : t('stats.tokens', { n: stats.promptTokens }));
  say('kept', stats.cachedTokens ? t('stats.tokens', { n: stats.cachedTokens }) : null);
  say('promptSpeed', stats.prefillPerSecond && format.rate(stats.prefillPerSecond));
  say('guessed', stats.guessedTokens ? t('details.accepted', { accepted: stats.acceptedTokens ?? 0, guessed: stats.guessedTokens }) : null);
  say('threads', stats.threads);
  say('seed', stats.seed);
  return facts;
}
