// A trail of what guards decide, without the texts that they decide about.

/** @import { Listeners } from '../listeners.js' */

/**
 * A guard's decision.
 * @typedef {object} AuditEvent
 * @property {number} time milliseconds since 1970
 * @property {number} request a number of the request, counted from 1 for each model
 * @property {string | undefined} clientId who has asked
 * @property {string} guard its name
 * @property {'request' | 'text'} stage whether it has seen the request or the answer
 * @property {'passed' | 'changed' | 'refused' | 'stopped'} decision
 * @property {'decided' | 'failed' | 'timeout' | undefined} [reason] of a refusal
 * @property {AuditCounts} counts
 * @property {string | undefined} hash of the prompt, or of the answer as the model wrote it so far: HMAC-SHA-256 in hex, with a key
 *   that is made anew for each model and never shown, so that equal texts can be told and no text can be guessed from it; undefined
 *   where the page has no `crypto.subtle`
 */

/**
 * @typedef {object} AuditCounts
 * @property {number} characters of the prompt or of the answer (UTF-16 units)
 * @property {number} [messages] of the prompt
 * @property {number} [changes] pieces of the answer that were changed
 */

/** Writes the trail of one model. */
export class Audit {
  #listeners;
  /** @type {Promise<CryptoKey> | undefined} */
  #key;
  #requests = 0;
  /** Events are told in the order of the decisions, though each waits for its hash. @type {Promise<void>} */
  #last = Promise.resolve();

  /** @param {Listeners} listeners */
  constructor(listeners) {
    this.#listeners = listeners;
  }

  /** The number of the next request. */
  next() {
    return ++this.#requests;
  }

  /**
   * @param {Omit<AuditEvent, 'time' | 'hash'>} event
   * @param {string} text that it is about
   */
  record(event, text) {
    if (!this.#listeners.has('audit')) return;
    const time = Date.now();
    const hash = this.#hash(text).catch(() => undefined);
    this.#last = Promise.all([hash, this.#last]).then(([hash]) => this.#listeners.emit('audit', { time, ...event, hash }));
  }

  /** @param {string} text @returns {Promise<string | undefined>} */
  async #hash(text) {
    const { subtle } = globalThis.crypto;
    if (subtle === undefined) return undefined;
    this.#key ??= subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const digest = await subtle.sign('HMAC', await this.#key, new TextEncoder().encode(text));
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  }
}
