// Requests side by side, and tokens that are guessed: speeds of one loaded model.
import { loaded } from './ours.js';
import { promptOf } from './prompt.js';

let seed = 1;

/**
 * Tokens a second of `count` answers that are written at the same time, while all of them are.
 * @param {number} count
 * @param {number} tokens of each answer
 */
export async function crowd(count, tokens) {
  const times = await Promise.all(Array.from({ length: count }, async () => {
    /** @type {number[]} */
    const of = [];
    for await (const { id } of loaded().generate(promptOf(16, seed++), { maxTokens: tokens, temperature: 1, seed, speculative: false })) {
      if (id >= 0) of.push(performance.now());
    }
    return of;
  }));
  const begin = Math.max(...times.map(([first]) => first));
  const end = Math.min(...times.map((of) => of[of.length - 1]));
  const within = times.flat().filter((time) => time > begin && time <= end).length;
  return (within * 1000) / (end - begin);
}

/**
 * The speed of one answer with guesses and without, in turn, and what they come to.
 * @param {{ tokens: number, repeats: boolean }} how whether the answer is greedy, which on random weights soon goes in a circle, or
 *   sampled, which does not repeat
 */
export async function guesses({ tokens, repeats }) {
  const [prompt, of] = [promptOf(16, seed++), seed];
  const found = [];
  for (const speculative of of % 2 ? [true, false] : [false, true]) {
    const { text, usage, timings } = await loaded().complete(prompt, { maxTokens: tokens, temperature: repeats ? 0 : 1, seed: of, speculative });
    found.push({ speculative, text, perSecond: timings.decodeTokensPerSecond, guessed: usage.guessedTokens ?? 0, accepted: usage.acceptedTokens ?? 0 });
  }
  const [guessing, plain] = found.sort((a, b) => Number(b.speculative) - Number(a.speculative));
  return { same: guessing.text === plain.text, ratio: guessing.perSecond / plain.perSecond, plain: plain.perSecond, guessed: guessing.guessed, accepted: guessing.accepted };
}
