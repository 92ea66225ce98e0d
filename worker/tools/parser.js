// Calls in the text of an answer, as it arrives.

/** @import { ToolCall, ToolCallDelta } from '../protocol.js' */
/** @import { Convention } from './convention.js' */

/** @typedef {'text' | 'plain' | 'calls' | 'name' | 'middle' | 'arguments'} State `calls` where no text may come, `plain` where no call may */

/** An id of nine letters and digits, which is what templates ask for that ask for anything. */
function newId() {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => (byte % 36).toString(36));
  return `call${letters.join('')}`;
}

/** The text of one answer, taken apart. */
export class CallParser {
  /** Complete calls. @type {ToolCall[]} */
  calls = [];
  #form;
  /** @type {State} */
  #state = 'text';
  /** Arrived, and not certain yet. */
  #waiting = '';
  #name = '';
  #id = '';
  #arguments = '';
  #depth = 0;
  #inString = false;
  #escaped = false;

  /**
   * @param {Convention} form
   * @param {boolean} must whether the answer is nothing but calls
   */
  constructor(form, must) {
    this.#form = form;
    if (must) this.#state = 'calls';
  }

  /**
   * Takes the next piece.
   * @param {string} piece
   * @returns {{ text: string, deltas: ToolCallDelta[] }} what is certain now
   */
  push(piece) {
    this.#waiting += piece;
    /** @type {{ text: string, deltas: ToolCallDelta[] }} */
    const out = { text: '', deltas: [] };
    while (this.#step(out));
    return out;
  }

  /** The end of the answer: what waits is text where no call has begun. */
  finish() {
    const rest = this.#state === 'text' || (this.#state === 'calls' && this.calls.length === 0) ? this.#waiting : '';
    this.#waiting = '';
    return rest;
  }

  /**
   * @param {{ text: string, deltas: ToolCallDelta[] }} out
   * @returns {boolean} whether there may be more to do
   */
  #step(out) {
    const { head, middle } = this.#form;
    switch (this.#state) {
      case 'text':
        return this.#text(out);
      case 'plain':
        out.text += this.#waiting;
        this.#waiting = '';
        return false;
      case 'calls': {
        const start = this.#waiting.indexOf(head);
        if (start < 0) return false;
        return this.#go('name', start + head.length);
      }
      case 'name': {
        const end = this.#waiting.indexOf(middle[0]);
        if (end < 0) return false;
        this.#name = this.#waiting.slice(0, end);
        this.#id = newId();
        return this.#go('middle', end);
      }
      case 'middle':
        if (this.#waiting.length < middle.length) return false;
        [this.#arguments, this.#depth] = ['', 0];
        out.deltas.push({ index: this.calls.length, id: this.#id, name: this.#name, arguments: '' });
        return this.#go('arguments', middle.length);
      case 'arguments':
        return this.#json(out);
    }
  }

  /**
   * @param {State} state
   * @param {number} taken
   */
  #go(state, taken) {
    this.#state = state;
    this.#waiting = this.#waiting.slice(taken);
    return true;
  }

  /** @param {{ text: string }} out */
  #text(out) {
    const { open, head } = this.#form;
    const tag = open.trimEnd();
    if (tag === '') {
      // A call is the whole answer.
      if (this.#waiting.length < head.length && head.startsWith(this.#waiting)) return false;
      if (this.#waiting.startsWith(head)) return this.#go('calls', 0);
      return this.#waiting !== '' && this.#go('plain', 0);
    }
    const at = this.#waiting.indexOf(tag);
    if (at >= 0) {
      out.text += this.#waiting.slice(0, at).trimEnd();
      return this.#go('calls', at + tag.length);
    }
    // What may become the white space before a tag, or the tag, waits.
    let keep = Math.min(tag.length - 1, this.#waiting.length);
    while (keep > 0 && !tag.startsWith(this.#waiting.slice(-keep))) keep -= 1;
    const certain = this.#waiting.slice(0, this.#waiting.length - keep).trimEnd();
    out.text += certain;
    this.#waiting = this.#waiting.slice(certain.length);
    return false;
  }

  /** @param {{ deltas: ToolCallDelta[] }} out */
  #json(out) {
    let taken = 0;
    for (const letter of this.#waiting) {
      taken += letter.length;
      if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        if (letter === '\\') this.#escaped = true;
        else if (letter === '"') this.#inString = false;
      } else if (letter === '"') this.#inString = true;
      else if (letter === '{' || letter === '[') this.#depth += 1;
      else if ((letter === '}' || letter === ']') && --this.#depth === 0) {
        this.#argue(out, taken);
        this.calls.push({ id: this.#id, name: this.#name, arguments: JSON.parse(this.#arguments) });
        return this.#go('calls', 0);
      }
    }
    this.#argue(out, taken);
    return false;
  }

  /**
   * @param {{ deltas: ToolCallDelta[] }} out
   * @param {number} taken
   */
  #argue(out, taken) {
    if (taken === 0) return;
    const piece = this.#waiting.slice(0, taken);
    this.#waiting = this.#waiting.slice(taken);
    this.#arguments += piece;
    out.deltas.push({ index: this.calls.length, arguments: piece });
  }
}
