// Conversations with a model, turn by turn: what is read again, and how long the first token takes.
import { BitNet } from '/dist/index.js';

/** @import { Model } from '/dist/index.js' */

const SYSTEM = 'You are a patient teacher of arithmetic. You answer in one short sentence and never repeat the question.';

/** A message of about the same length in each turn. @param {number} turn */
const question = (turn) => `This is question ${turn}. Tell me, in your own words, what comes of ${turn} and ${turn + 7} if they are added, and why.`;

/**
 * Two conversations take turns, and each prompt is read once more by a conversation that shares nothing with it.
 * @param {string} url
 * @param {{ turns: number, tokens: number, load: object }} options
 */
export async function turns(url, { turns, tokens, load }) {
  const model = await BitNet.load(url, { cache: false, ...load });
  const options = { maxTokens: tokens, temperature: 0 };
  await model.complete('Warm up.', { maxTokens: 4 });
  const chats = ['A.', 'B.'].map((name) => model.chat({ system: `${name} ${SYSTEM}`, ...options }));
  const rows = [];
  for (let turn = 1; turn <= turns; turn++) {
    const found = [];
    for (const chat of chats) {
      const stream = chat.send(question(turn));
      for await (const _ of stream);
      const { usage, timings } = stream.result;
      found.push({ prompt: usage.promptTokens, cached: usage.cachedTokens, ms: timings.firstTokenMs });
    }
    // The same text behind another beginning: nothing of it was computed before.
    const [system, ...messages] = chats[0].messages.slice(0, -1);
    const { usage, timings } = await model.complete([{ ...system, content: `${turn}. ${SYSTEM}` }, ...messages], { ...options, maxTokens: 1 });
    rows.push({ turn, chats: found, anew: { prompt: usage.promptTokens, cached: usage.cachedTokens, ms: timings.firstTokenMs } });
  }
  const { contextLength, threads, kvTokens } = model.info;
  await model.unload();
  return { rows, contextLength, threads, kvTokens };
}
