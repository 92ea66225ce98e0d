/** The tokens of answers that were written since the page was opened, for whoever looks into one. They are small, and not stored. */

/** @typedef {import('./conversation.js').Turn} Turn */
/** @typedef {{ id: number, text: string }} Token `text` is empty where its bytes are the first part of a character */

export class TokenLog {
  /** @type {WeakMap<Turn, { model: import('./api.js').Model, tokens: Token[] }>} */
  #written = new WeakMap();
  /** @type {WeakMap<Turn, import('./api.js').GenerateOptions>} */
  #sampling = new WeakMap();

  /**
   * @param {Turn} turn that begins
   * @param {import('./api.js').GenerateOptions} sampling how its tokens are chosen
   */
  begin(turn, sampling) {
    this.#sampling.set(turn, sampling);
  }

  /** How the tokens of an answer were chosen, where it was written since the page was opened. @param {Turn} turn */
  samplingOf(turn) {
    return this.#sampling.get(turn);
  }

  /**
   * @param {Turn} turn
   * @param {import('./api.js').Model} model that writes it
   * @param {{ id: number | null, text: string }} token
   */
  add(turn, model, { id, text }) {
    let written = this.#written.get(turn);
    // An answer that another model goes on with is taken apart by the model that is asked.
    if (written?.model !== model) {
      written = { model, tokens: [] };
      this.#written.set(turn, written);
    }
    if (id !== null && id >= 0) written.tokens.push({ id, text });
  }

  /**
   * The tokens of an answer: those that were written, or what the model in use makes of its text.
   * @param {Turn} turn
   * @param {import('./api.js').Model} model in use
   * @returns {Promise<Token[]>}
   */
  async of(turn, model) {
    const written = this.#written.get(turn);
    if (written?.model === model && written.tokens.map(({ text }) => text).join('') === turn.content) return written.tokens;
    const ids = await model.tokenize(turn.content);
    return Promise.all(ids.map(async (id) => ({ id, text: await model.detokenize([id]) })));
  }
}
