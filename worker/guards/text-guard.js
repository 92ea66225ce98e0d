// One guard beside one channel of an answer: holds back what cannot be decided yet.
import { failed, refusal, within } from './guard.js';

/** @import { Guard, TextDecision, TextPiece } from './guard.js' */

/** Characters that are held back at most, where a guard says nothing. */
const MAX_HOLD = 1024;

/** The word that may go on: letters, marks, digits and what joins them, also in scripts that write no spaces. */
const OPEN_WORD = /[\p{L}\p{M}\p{N}\p{Pc}\p{Cf}'’-]+$/u;

/** What a guard let through. @typedef {{ text: string, isChanged: boolean, isStopped: boolean }} Passed */

/** The work of one guard for one channel of an answer. */
export class TextGuard {
  #guard;
  /** @type {Pick<TextPiece, 'channel' | 'clientId'>} */
  #of;
  #signal;
  /** Not decided yet. */
  #held = '';
  /** @type {Record<string, any>} */
  #state = {};

  /**
   * @param {Guard} guard with `onText`
   * @param {Pick<TextPiece, 'channel' | 'clientId'>} of
   * @param {AbortSignal} signal of the caller
   */
  constructor(guard, of, signal) {
    this.#guard = guard;
    this.#of = of;
    this.#signal = signal;
  }

  /**
   * @param {string} text that has come
   * @param {boolean} isLast nothing more comes
   * @returns {Promise<Passed>}
   */
  async push(text, isLast) {
    const { units = 'words', maxHold = MAX_HOLD } = this.#guard;
    const all = this.#held + text;
    this.#held = '';
    const isFull = all.length > maxHold;
    const open = isLast || isFull || units === 'pieces' ? 0 : (OPEN_WORD.exec(all)?.[0].length ?? 0);
    const seen = all.slice(0, all.length - open);
    const rest = all.slice(all.length - open);
    if (seen === '' && !isLast) {
      this.#held = rest;
      return { text: '', isChanged: false, isStopped: false };
    }
    const { text: passed, hold, isStopped } = this.#read(await this.#ask(seen, isLast || isFull), seen, isLast || isFull);
    this.#held = seen.slice(seen.length - hold) + rest;
    return { text: passed, isChanged: passed !== seen.slice(0, seen.length - hold), isStopped };
  }

  /**
   * @param {string} text
   * @param {boolean} isEnd
   * @returns {Promise<TextDecision>}
   */
  #ask(text, isEnd) {
    const { onText } = this.#guard;
    if (onText === undefined) return Promise.resolve();
    const piece = { text, isEnd, ...this.#of, state: this.#state };
    return within(this.#guard, 'text', this.#signal, () => onText.call(this.#guard, piece));
  }

  /**
   * @param {TextDecision} decision
   * @param {string} seen
   * @param {boolean} isEnd
   */
  #read(decision, seen, isEnd) {
    if (decision === undefined || decision === null) return { text: seen, hold: 0, isStopped: false };
    if (typeof decision === 'string') return { text: decision, hold: 0, isStopped: false };
    const { text, hold = 0, stop = false, refuse } = typeof decision === 'object' ? decision : { hold: NaN };
    const isSound = Number.isInteger(hold) && hold >= 0 && hold <= seen.length && (text === undefined || typeof text === 'string');
    if (!isSound) throw failed(this.#guard, 'text', 'onText: expected nothing, a string or { text, hold, stop, refuse }, with hold as a number of characters of the piece');
    if (typeof refuse === 'string') throw refusal(this.#guard, 'text', refuse);
    const held = isEnd || stop ? 0 : hold;
    return { text: text ?? (stop ? '' : seen.slice(0, seen.length - held)), hold: held, isStopped: stop };
  }
}
