/**
 * How many tokens of the context a conversation takes. Each turn is counted once for each model; what a chat template puts around a
 * turn is measured once.
 */

/** @typedef {import('./conversation.js').Turn} Turn */

/** @typedef {{ start: number, user: number, assistant: number, system: number }} Frame tokens that a template adds */

export class ContextCount {
  /** @type {WeakMap<import('./api.js').Model, { frame: Promise<Frame>, turns: Map<string, { content: string, tokens: number }> }>} */
  #known = new WeakMap();

  /**
   * The newest turns whose prompt leaves room for an answer. The first of them is a question.
   * @param {import('./api.js').Model} model
   * @param {Turn[]} turns the last one a question, or an answer to go on with
   * @param {{ maxTokens: number, system: string }} wanted
   * @returns {Promise<{ turns: Turn[], promptTokens: number, maxTokens: number }>}
   */
  async fit(model, turns, { maxTokens, system }) {
    const context = model.info.contextLength;
    const room = Math.min(maxTokens, Math.floor(context / 4));
    const counts = await Promise.all(turns.map((turn) => this.#count(model, turn)));
    let promptTokens = counts.reduce((sum, count) => sum + count, await this.#base(model, system));
    let first = 0;
    while (promptTokens + room > context && turns.length - first >= 3) {
      promptTokens -= counts[first] + counts[first + 1];
      first += 2;
    }
    return { turns: turns.slice(first), promptTokens, maxTokens: Math.max(1, Math.min(maxTokens, context - promptTokens)) };
  }

  /**
   * Tokens of a conversation with a question that is not asked yet.
   * @param {import('./api.js').Model} model
   * @param {Turn[]} turns
   * @param {{ system: string, draft?: string }} more
   */
  async measure(model, turns, { system, draft = '' }) {
    const counts = await Promise.all(turns.map((turn) => this.#count(model, turn)));
    const next = draft ? (await model.tokenize(draft)).length + (await this.#of(model).frame).user : 0;
    return counts.reduce((sum, count) => sum + count, next + (await this.#base(model, system)));
  }

  /** @param {import('./api.js').Model} model @param {string} system */
  async #base(model, system) {
    const frame = await this.#of(model).frame;
    return frame.start + (system ? (await model.tokenize(system)).length + frame.system : 0);
  }

  /** @param {import('./api.js').Model} model @param {Turn} turn */
  async #count(model, turn) {
    const { frame, turns } = this.#of(model);
    let known = turns.get(turn.id);
    if (known?.content !== turn.content) {
      known = { content: turn.content, tokens: (await model.tokenize(turn.content)).length };
      turns.set(turn.id, known);
    }
    return known.tokens + (await frame)[turn.role];
  }

  /** @param {import('./api.js').Model} model */
  #of(model) {
    let known = this.#known.get(model);
    if (!known) {
      known = { frame: frameOf(model), turns: new Map() };
      this.#known.set(model, known);
    }
    return known;
  }
}

/**
 * What the template adds, told by the lengths of small conversations.
 * @param {import('./api.js').Model} model
 * @returns {Promise<Frame>}
 */
async function frameOf(model) {
  const length = async (/** @type {string[]} */ ...roles) => {
    const prompt = await model.chatPrompt(roles.map((role) => ({ role, content: 'a' })));
    return (await model.tokenize(prompt)).length;
  };
  const word = (await model.tokenize('a')).length;
  const one = await length('user');
  const three = await length('user', 'assistant', 'user');
  // A turn of the person and one of the model share what is between them: the larger half is enough of an estimate.
  const pair = Math.max(0, three - one - 2 * word);
  const user = Math.ceil(pair / 2);
  const system = await length('system', 'user').then((both) => Math.max(0, both - one - word), () => 0);
  return { start: Math.max(0, one - word - user), user, assistant: pair - user, system };
}
