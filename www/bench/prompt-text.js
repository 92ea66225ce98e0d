/** Prompts of a wanted length in tokens. What they say does not matter for speed. */

const WORDS = (
  'the river was wide and the people on the other side had a small boat that they used when the water was low ' +
  'in the morning they went to the town to sell bread and in the evening they came home with salt and paper'
).split(' ');

/**
 * Raw text of about `tokens` tokens that shares no beginning with the text of another `salt`, so that nothing of it is
 * taken over from an earlier call. How many tokens it really was is told by the usage of the call.
 * @param {import('../app/api.js').Model} model
 * @param {number} tokens
 * @param {number} salt
 * @returns {Promise<string>}
 */
export async function textOf(model, tokens, salt) {
  const words = [];
  for (let i = 0; i < tokens; i++) words.push(WORDS[(i * 7 + salt * 13 + (i >> 3)) % WORDS.length]);
  const ids = await model.tokenize(`${salt} ${words.join(' ')}`);
  return model.detokenize(ids.slice(0, tokens));
}
