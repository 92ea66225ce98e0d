// Time to first token in the turns of a conversation: what was computed before is not read again, however long the conversation is,
// and also where two of them alternate. Beside it the same prompt, read anew.
//
//   node benches/turns.mjs [MODEL.gguf] [--turns 8] [--tokens 24] [--threads 1] [--rounds 3]
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

import { withServedModel } from './served-model.mjs';
import { cell, table } from './statistics.mjs';
import { call } from './subjects.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    turns: { type: 'string', default: '8' },
    tokens: { type: 'string', default: '24' }, // of each answer
    threads: { type: 'string', default: '1' },
    context: { type: 'string' }, // tokens, the model's own by default
    rounds: { type: 'string', default: '3' },
  },
});
await withServedModel(positionals[0], async ({ name, url, browser, openPage }) => {
  const runs = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const page = await openPage();
    const load = { threads: Number(values.threads), ...(values.context && { context: Number(values.context) }) };
    runs.push(await call(page, 'turns.js', 'turns', url, { turns: Number(values.turns), tokens: Number(values.tokens), load }));
    await page.close();
  }
  const [{ contextLength, threads, kvTokens, rows }] = runs;
  console.log(`Chromium ${browser.version()}, ${cpus()[0]?.model}; ${name}, ${threads} threads, context ${contextLength}, keys and values of ${kvTokens} tokens kept\n`);
  const lists = (/** @type {(row: any) => number} */ of, /** @type {number} */ turn) => runs.map((run) => of(run.rows[turn]));
  console.log(table(
    ['turn', 'tokens of the prompt', 'new ones, chat A / B', 'first token, chat A, ms', 'chat B, ms', 'all read anew, ms'],
    rows.map((/** @type {any} */ { turn, chats: [a, b] }, /** @type {number} */ i) => [
      String(turn),
      String(a.prompt),
      `${a.prompt - a.cached} / ${b.prompt - b.cached}`,
      cell(lists((row) => row.chats[0].ms, i)),
      cell(lists((row) => row.chats[1].ms, i)),
      cell(lists((row) => row.anew.ms, i)),
    ]),
  ));
});
