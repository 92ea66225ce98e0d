/** The conversation as plain data, and what of it the model is given. */

/**
 * @typedef {object} Turn
 * @property {'user' | 'assistant'} role
 * @property {string} content
 * @property {'done' | 'waiting' | 'streaming' | 'stopped' | 'failed'} state of an answer; a user's turn is always done
 * @property {import('./answer.js').AnswerStats | null} stats
 * @property {boolean} byDemo whether the bundled demo model wrote it
 */

/**
 * @param {string} content
 * @returns {Turn}
 */
export function userTurn(content) {
  return { role: 'user', content, state: 'done', stats: null, byDemo: false };
}

/** @returns {Turn} */
export function answerTurn() {
  return { role: 'assistant', content: '', state: 'waiting', stats: null, byDemo: false };
}

/**
 * The turns that the model is given: every question with its answer, partial answers included, and the last question.
 * A question that got no word of answer is left out, because chat templates expect the roles to alternate.
 * @param {readonly Turn[]} turns
 * @returns {Turn[]}
 */
export function spokenTurns(turns) {
  const spoken = turns.filter((turn) => turn.content !== '');
  return spoken.filter(
    (turn, i) => turn.role === 'assistant' || i === spoken.length - 1 || spoken[i + 1].role === 'assistant',
  );
}

/**
 * @param {readonly Turn[]} turns
 * @returns {import('./api.js').Message[]}
 */
export function messagesOf(turns) {
  return turns.map(({ role, content }) => ({ role, content }));
}

/**
 * The newest turns whose prompt leaves room for an answer, and how many tokens that answer may have.
 * @param {import('./api.js').Model} model
 * @param {Turn[]} turns
 * @param {number} maxTokens wanted
 * @returns {Promise<{ turns: Turn[], maxTokens: number }>}
 */
export async function fitted(model, turns, maxTokens) {
  const context = model.info.contextLength;
  const room = Math.min(maxTokens, Math.floor(context / 4));
  let kept = turns;
  for (;;) {
    const promptTokens = (await model.tokenize(await model.chatPrompt(messagesOf(kept)))).length;
    if (promptTokens + room <= context || kept.length < 3) {
      // With no room at all the library answers with its own coded error, which says more than this page can.
      return { turns: kept, maxTokens: Math.max(1, Math.min(maxTokens, context - promptTokens)) };
    }
    kept = kept.slice(2);
  }
}
