/** What a model might have said in the place of a token. */

/** How many of the likeliest tokens are shown. */
const SHOWN = 10;

/**
 * @typedef {object} Candidate
 * @property {string} text
 * @property {number} probability 0 to 1
 * @property {boolean} isChosen
 */

/**
 * The likeliest tokens in the place of one of an answer, and that one itself. The model reads no more of the text than it does not
 * remember: mostly nothing.
 * @param {import('./api.js').Model} model
 * @param {readonly import('./api.js').Message[]} messages before the answer
 * @param {readonly import('./token-log.js').Token[]} tokens of the answer
 * @param {number} at which of them
 * @param {AbortSignal} [signal]
 * @returns {Promise<Candidate[]>} the likeliest first
 */
export async function candidatesOf(model, messages, tokens, at, signal) {
  const { id } = tokens[at];
  const before = tokens.slice(0, at).map(({ text }) => text).join('');
  const prompt = (await model.chatPrompt(messages)) + before;
  // The token that was said is said again, whatever the model would choose: log-probabilities do not depend on that.
  const options = { maxTokens: 1, temperature: 0, logprobs: SHOWN, logitBias: { [id]: 1000 }, signal };
  for await (const { text, logprob, topLogprobs = [] } of model.generate(prompt, options)) {
    const found = topLogprobs.map((top) => ({ text: top.text, probability: Math.exp(top.logprob), isChosen: top.id === id }));
    if (!found.some(({ isChosen }) => isChosen) && logprob !== undefined)
      found.push({ text: tokens[at].text || text, probability: Math.exp(logprob), isChosen: true });
    return found;
  }
  return [];
}
