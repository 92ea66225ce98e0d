// The browser's part of `cargo xtask eval`: answers to a file of prompts by the package as it ships.
// Usage: node evaluate.mjs FILE PROMPTS.jsonl OUT.jsonl
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';

import { launch, openPage, startDemo } from './harness.mjs';

/** The most tokens of an answer, as the recipe's README says. */
const MAX_TOKENS = 220;

const [file, prompts, out] = process.argv.slice(2);
/** @type {{ id: string, messages: import('../../worker/protocol.js').Message[] }[]} */
const questions = (await readFile(prompts, 'utf8')).split('\n').filter(Boolean).map((line) => JSON.parse(line));
const server = await startDemo({
  folders: { '/model/': dirname(resolve(file)), '/e2e/': import.meta.dirname },
});
const browser = await launch();
try {
  const { page } = await openPage(browser, `${server.origin}/blank.html`);
  page.setDefaultTimeout(0);
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
  const url = `${server.origin}/model/${encodeURIComponent(basename(file))}`;
  const handle = await page.evaluateHandle((url) => lib.BitNet.load(url, { cache: false }), url);
  const transcripts = createWriteStream(out);
  let tokens = 0;
  let milliseconds = 0;
  for (const [index, { id, messages }] of questions.entries()) {
    const { text, usage, timings } = await handle.evaluate(
      (model, { messages, maxTokens }) => model.complete(messages, { maxTokens, temperature: 0 }),
      { messages, maxTokens: MAX_TOKENS },
    );
    transcripts.write(`${JSON.stringify({ id, text })}\n`);
    tokens += usage.completionTokens;
    milliseconds += timings.totalMs;
    if ((index + 1) % 50 === 0 || index + 1 === questions.length) {
      console.error(`    ${index + 1} of ${questions.length} answers, ${tokens} tokens, ${(milliseconds / 1000).toFixed(0)} s`);
    }
  }
  await new Promise((done) => transcripts.end(() => done(undefined)));
} finally {
  await browser.close();
  await server.close();
}
