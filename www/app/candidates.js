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
 * @typedef {object} Answer
 * @property {readonly import('./api.js').Message[]} messages before it
 * @property {readonly import('./token-log.js').Token[]} tokens
 * @property {import('./api.js').GenerateOptions} sampling how its tokens were chosen, as far as that is known
 */

/**
 * The likeliest tokens in the place of one of an answer, and that one itself.
 * @param {import('./api.js').Model} model
 * @param {Answer} answer
 * @param {number} at which of its tokens
 * @param {AbortSignal} [signal]
 * @returns {Promise<Candidate[]>} the likeliest first
 */
export async function candidatesOf(model, answer, at, signal) {
  const prompt = await model.chatPrompt(answer.messages);
  const before = answer.tokens.slice(0, at).map(({ text }) => text).join('');
  if (await isSame(model, prompt, before, answer.tokens.slice(0, at))) return asked(model, prompt + before, answer.tokens[at], signal);
  return (await repeated(model, answer, at, signal)) ?? asked(model, prompt + before, answer.tokens[at], signal);
}

/**
 * Whether the text of a prompt and of the tokens behind it becomes those tokens again. Where the first of them would be joined to the
 * end of the prompt, the model would read something else than what it has said.
 * @param {import('./api.js').Model} model
 * @param {string} prompt
 * @param {string} before
 * @param {readonly import('./token-log.js').Token[]} tokens
 */
async function isSame(model, prompt, before, tokens) {
  const [head, all] = await Promise.all([model.tokenize(prompt), model.tokenize(prompt + before)]);
  const said = [...head, ...tokens.map(({ id }) => id)];
  return said.length === all.length && said.every((id, i) => id === all[i]);
}

/**
 * Asks for one token behind a text. The model reads no more of it than it does not remember: mostly nothing.
 * @param {import('./api.js').Model} model
 * @param {string} prompt
 * @param {import('./token-log.js').Token} token that was said there
 * @param {AbortSignal} [signal]
 * @returns {Promise<Candidate[]>}
 */
async function asked(model, prompt, token, signal) {
  // The token that was said is said again, whatever the model would choose: log-probabilities do not depend on that.
  const options = { maxTokens: 1, temperature: 0, logprobs: SHOWN, logitBias: { [token.id]: 1000 }, signal };
  for await (const said of model.generate(prompt, options)) return candidates(said, token);
  return [];
}

/**
 * Lets the model say the answer again, token by token up to this one: the same messages, sampling and seed give the same tokens.
 * @param {import('./api.js').Model} model
 * @param {Answer} answer
 * @param {number} at
 * @param {AbortSignal} [signal]
 * @returns {Promise<Candidate[] | null>} null where it said something else, because the answer came about in another way
 */
async function repeated(model, { messages, tokens, sampling }, at, signal) {
  let next = 0;
  for await (const said of model.generate(messages, { ...sampling, maxTokens: at + 1, logprobs: SHOWN, signal })) {
    if (said.id !== tokens[next].id) return null;
    if (next === at) return candidates(said, tokens[at]);
    next += 1;
  }
  return null;
}

/**
 * @param {import('../../worker/protocol.js').Token} said with log-probabilities
 * @param {import('./token-log.js').Token} token that was said in the answer
 * @returns {Candidate[]}
 */
function candidates({ text, logprob, topLogprobs = [] }, token) {
  const found = topLogprobs.map((top) => ({ text: top.text, probability: Math.exp(top.logprob), isChosen: top.id === token.id }));
  if (!found.some(({ isChosen }) => isChosen) && logprob !== undefined)
    found.push({ text: token.text || text, probability: Math.exp(logprob), isChosen: true });
  return found;
}
