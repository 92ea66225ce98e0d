// Conversations, log-probabilities, counts and progress with a real model in a browser.
import assert from 'node:assert/strict';

import { MODEL, pageTest, SHIPPED } from './api-pages.mjs';

pageTest('a conversation goes on, keeps its prefix beside another one, and survives a reload', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const options = { maxTokens: 40, temperature: 0 };
    const chat = model.chat(options);
    const other = model.chat(options);
    const usages = [];
    for (const text of ['Hello! What can you do?', 'What is 12 + 7?', 'Thanks.']) {
      for (const one of [chat, other]) {
        const stream = one.send(one === chat ? text : `${text} Please.`);
        for await (const _ of stream);
        if (one === chat) usages.push({ ...stream.result?.usage, counted: one.usage.tokens });
      }
    }
    const counted = await chat.countTokens();
    const id = await chat.save();
    const list = await lib.BitNet.chats.list();
    await model.unload();
    return { usages, counted, id, list, messages: chat.messages };
  }, SHIPPED);
  const [, second, third] = got.usages;
  const [first] = got.usages;
  assert.ok(Number(second.cachedTokens) >= Number(first.promptTokens) + Number(first.completionTokens) - 1, JSON.stringify(got.usages));
  assert.ok(Number(third.cachedTokens) >= Number(second.promptTokens) + Number(second.completionTokens) - 1, JSON.stringify(got.usages));
  assert.equal(third.counted, Number(third.promptTokens) + Number(third.completionTokens));
  assert.deepEqual(got.list.map(({ id }) => id), [got.id]);

  await page.reload();
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
  const again = await page.evaluate(async ([url, id]) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const chat = await model.restore(id);
    const { messages, restoredTokens } = chat;
    const stream = chat.send('And now?');
    for await (const _ of stream);
    // Another model has no use for its keys and values, and reads it again.
    const other = await lib.BitNet.load('/models/gqa1-i2_s.gguf', { threads: 1 });
    const elsewhere = (await other.restore(id)).restoredTokens;
    await other.unload();
    const missing = await model.restore('nothing').catch((error) => error.code);
    await chat.save();
    const kept = (await lib.BitNet.chats.list()).length;
    await lib.BitNet.chats.delete(id);
    const left = (await lib.BitNet.chats.list()).length;
    await model.unload();
    return { messages, missing, kept, left, restoredTokens, elsewhere, usage: stream.result?.usage };
  }, /** @type {const} */ ([SHIPPED, got.id]));
  assert.deepEqual(again.messages, got.messages);
  assert.deepEqual([again.missing, again.kept, again.left, again.elsewhere], ['not_found', 1, 0, 0]);
  // Nothing that was said is read again after the reload.
  assert.equal(again.restoredTokens, Number(third.promptTokens) + Number(third.completionTokens) - 1);
  assert.ok(Number(again.usage?.cachedTokens) >= again.restoredTokens, JSON.stringify(again.usage));
  assert.ok(got.list[0].bytes > 0);
});

pageTest('tokens are counted as a generation reads them', async (page) => {
  const rows = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const rows = [];
    /** @type {import('../../worker/protocol.js').Prompt[]} */
    const prompts = ['Hello, wörld!', [{ role: 'user', content: 'Hi' }], [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Yo' }]];
    for (const prompt of prompts) {
      const options = prompt.length === 2 ? { continueFinalMessage: true } : {};
      const counted = await model.countTokens(prompt, options);
      const { usage } = await model.complete(prompt, { ...options, maxTokens: 1 });
      rows.push([counted, usage.promptTokens]);
    }
    // Options of an answer count as they count for it.
    const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {}, additionalProperties: false } } }];
    const messages = [{ role: 'system', content: 'Be' }, { role: 'user', content: 'Hi' }];
    for (const options of /** @type {import('../../worker/schema.js').GenerateOptions[]} */ ([
      { tools }, { tools, toolChoice: 'none' }, { tools, toolChoice: 'required', temperature: 1 }, { tools, toolChoice: { name: 'f' } }, { responseFormat: { type: 'regex', pattern: 'a' } },
    ])) {
      const { usage } = await model.complete(messages, { ...options, maxTokens: 1 });
      rows.push([await model.countTokens(messages, options), usage.promptTokens]);
    }
    // A conversation with tools is saved with its keys and values, where the template shows tools and where it does not.
    const chat = model.chat({ tools, maxTokens: 4 });
    for await (const _ of chat.send('Hi'));
    const saved = await model.restore(await chat.save());
    const long = await model.countTokens('1234567890'.repeat(300));
    const bad = await model.countTokens(/** @type {any} */ (7)).catch((error) => error.code);
    await model.unload();
    return { rows, long, bad, restored: saved.restoredTokens };
  }, SHIPPED);
  for (const [counted, read] of rows.rows) assert.equal(counted, read);
  assert.ok(rows.restored > 100, `${rows.restored} tokens`);
  assert.ok(rows.long > 1024);
  assert.equal(rows.bad, 'invalid_argument');
});

pageTest('the prompt is told as it is read, and a stream tells what there is of it', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const prompt = '1234567890'.repeat(20);
    /** @type {import('../../worker/protocol.js').Prefill[]} */
    const told = [];
    await model.complete(prompt, { maxTokens: 1, onPrefill: (prefill) => void told.push(prefill) });
    const events = [];
    const stream = model.generate(prompt, { maxTokens: 4, temperature: 0 });
    for await (const event of stream.events()) events.push(event);
    const left = model.generate('Hello', { maxTokens: 100 });
    let text = '';
    for await (const token of left) {
      text += token.text;
      if (left.partial.usage.completionTokens > 2) break;
    }
    await model.unload();
    return { told, events, left: left.partial, text };
  }, MODEL);
  assert.ok(got.told.length > 0);
  const { total } = got.told[0];
  assert.ok(got.told.every(({ done, cached }, i) => cached === 0 && done <= total && (i === 0 || done >= got.told[i - 1].done)));
  assert.equal(got.told.at(-1)?.done, total);
  assert.equal(got.events[0].type, 'prefill');
  assert.equal(got.events.filter(({ type }) => type === 'token').length, 4);
  const last = got.events.at(-1);
  assert.ok(last?.type === 'done' && last.result?.usage.cachedTokens === total - 1);
  assert.deepEqual([got.left.text, got.left.usage.promptTokens > 0], [got.text, true]);
  // The beginning of every text is the same token.
  assert.ok(got.left.usage.cachedTokens <= 1);
});

pageTest('log-probabilities change no answer, are those of the logits, and give the perplexity of a text', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2, precision: 'exact' });
    const options = { maxTokens: 6, temperature: 0.8, seed: 5 };
    const plain = await model.complete('Hello', options);
    const tokens = [];
    for await (const token of model.generate('Hello', { ...options, logprobs: 3 })) tokens.push(token);
    const whole = await model.complete('Hello', { ...options, logprobs: 3 });
    const { perplexity, ids, logprobs } = await model.perplexity('Hello, world');
    const rows = await model.logits(ids);
    const vocabulary = rows.length / ids.length;
    const want = Array.from(logprobs, (_, i) => {
      const row = rows.subarray(i * vocabulary, (i + 1) * vocabulary);
      const max = Math.max(...row);
      return row[ids[i + 1]] - max - Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
    });
    const short = await model.perplexity('').catch((error) => error.code);
    await model.unload();
    return { plain, tokens, whole, perplexity, logprobs: Array.from(logprobs), want, short };
  }, MODEL);
  assert.equal(got.tokens.map(({ text }) => text).join(''), got.plain.text);
  assert.deepEqual(got.whole.tokens, got.tokens.filter(({ logprob }) => logprob !== undefined));
  assert.equal(got.plain.tokens, undefined);
  for (const { id, logprob = 1, topLogprobs = [], bytes } of got.tokens.filter(({ id }) => id >= 0)) {
    assert.ok(logprob <= 0 && Array.isArray(bytes) && topLogprobs.length === 3, JSON.stringify([id, logprob]));
    assert.ok(topLogprobs.every((other, i) => i === 0 || other.logprob <= topLogprobs[i - 1].logprob));
    const same = topLogprobs.find((other) => other.id === id);
    assert.ok(same === undefined || same.logprob === logprob);
  }
  got.logprobs.forEach((value, i) => assert.ok(Math.abs(value - got.want[i]) < 1e-3, `${value}, expected ${got.want[i]}`));
  const mean = got.logprobs.reduce((sum, value) => sum + value, 0) / got.logprobs.length;
  assert.ok(Math.abs(got.perplexity - Math.exp(-mean)) < 1e-6 * got.perplexity);
  assert.equal(got.short, 'invalid_argument');
});

pageTest('biases, bans and the further filters reach the sampler', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1 });
    const options = { maxTokens: 8, temperature: 0 };
    const free = await model.complete('Hello', { ...options, logprobs: true });
    const tokens = [];
    for await (const { id, text } of model.generate('Hello', options)) tokens.push({ id, text });
    const { id } = tokens[0];
    const banned = [];
    for await (const token of model.generate('Hello', { ...options, logitBias: { [id]: -1000 } })) banned.push(token.id);
    const forced = [];
    for await (const token of model.generate('Hello', { ...options, logitBias: { 65: 1000 } })) forced.push(token.id);
    const word = tokens.find(({ text }) => text.trim() !== '')?.text.trim() ?? '';
    const without = await model.complete('Hello', { ...options, bannedStrings: word });
    /** @param {import('../../worker/schema.js').GenerateOptions} more */
    const drawn = async (more) => (await model.complete('Hello', { ...options, temperature: 1, seed: 9, ...more })).text;
    const rows = [];
    for (const more of [{}, { typicalP: 0.3 }, { topNSigma: 0.5 }, { xtcProbability: 1, xtcThreshold: 0.01 }, { mirostatTau: 1 }, { frequencyPenalty: 50, presencePenalty: 50, penaltyWindow: 500 }, { dryMultiplier: 5, dryAllowedLength: 0, dryBreakers: [] }]) {
      rows.push([await drawn(more), await drawn(more)]);
    }
    const errors = [];
    for (const bad of [{ logitBias: { 99999: 1 } }, { mirostatTau: 5, topK: 3 }]) {
      errors.push(await model.complete('Hello', bad).catch((error) => error.code));
    }
    await model.unload();
    return { free: free.text, id, banned, forced, word, without: without.text, rows, errors };
  }, MODEL);
  assert.ok(!got.banned.includes(got.id));
  assert.ok(got.forced.every((id) => id === 65 || id === -1));
  assert.ok(got.free.includes(got.word) && !got.without.includes(got.word), JSON.stringify([got.word, got.free, got.without]));
  for (const [one, two] of got.rows) assert.equal(one, two, 'the same seed gives the same text');
  assert.ok(new Set(got.rows.map(([one]) => one)).size > 3, JSON.stringify(got.rows));
  assert.deepEqual(got.errors, ['invalid_argument', 'invalid_argument']);
});
