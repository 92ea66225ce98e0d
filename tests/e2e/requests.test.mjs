// Many requests at once in a real browser: each says what it says alone, and how they wait, stop and fail is told.
import assert from 'node:assert/strict';

import { MODEL, pageTest } from './api-pages.mjs';

pageTest('generations run at once, token by token, and say what they say alone', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2 });
    const options = [
      { maxTokens: 30, temperature: 0 },
      { maxTokens: 30, temperature: 0.9, seed: 7 },
      { maxTokens: 30, temperature: 0.9, seed: 8, repetitionPenalty: 1.2 },
    ];
    const prompts = ['one', 'one and more', 'another beginning'];
    const alone = [];
    for (const [i, prompt] of prompts.entries()) alone.push((await model.complete(prompt, options[i])).text);
    /** @type {number[]} */
    const order = [];
    const answers = await Promise.all(
      prompts.map(async (prompt, i) => {
        let text = '';
        for await (const token of model.generate(prompt, options[i])) {
          order.push(i);
          text += token.text;
        }
        return text;
      }),
    );
    const { maxConcurrent, kvTokens, contextLength } = model.info;
    await model.unload();
    return { alone, answers, order, maxConcurrent, kvTokens, contextLength };
  }, MODEL);
  assert.deepEqual(got.answers, got.alone);
  // Nobody waits for another's end.
  for (const i of [0, 1, 2]) assert.ok(got.order.indexOf(i) < got.order.lastIndexOf((i + 1) % 3), got.order.join());
  assert.equal(got.maxConcurrent, 8);
  assert.ok(got.kvTokens >= 2 * got.contextLength, `${got.kvTokens}`);
});

pageTest('random joins, leaves and aborts change no answer', async (page) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  console.log(`SEED=${seed}`);
  const got = await page.evaluate(
    async ([url, seed]) => {
      let state = /** @type {number} */ (seed) | 1;
      const below = (/** @type {number} */ bound) => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return (state >>> 0) % bound;
      };
      // The least memory: some have to wait, and are computed again.
      const model = await lib.BitNet.load(/** @type {string} */ (url), { threads: 2, maxConcurrent: 4, kvTokens: 1 });
      const single = await lib.BitNet.load(/** @type {string} */ (url), { threads: 1 });
      const system = 'A system prompt that many have. '.repeat(9);
      const wishes = Array.from({ length: 16 }, (_, i) => ({
        prompt: ['', system, 'short'][below(3)] + ` number ${i}: ` + 'x '.repeat(below(20)),
        options: { maxTokens: 1 + below(25), temperature: [0, 1][below(2)], seed: below(1000), priority: below(3) },
        wait: below(40),
        abortAfter: below(4) === 0 ? below(6) : Infinity,
      }));
      const answers = await Promise.all(
        wishes.map(async ({ prompt, options, wait, abortAfter }) => {
          await new Promise((resolve) => setTimeout(resolve, wait));
          const control = new AbortController();
          /** @type {string[]} */
          const texts = [];
          try {
            if (abortAfter === 0) setTimeout(() => control.abort('enough'), 5);
            for await (const { text } of model.generate(prompt, { ...options, signal: control.signal })) {
              texts.push(text);
              if (texts.length === abortAfter) control.abort('enough');
            }
            return { text: texts.join(''), end: 'done' };
          } catch (reason) {
            return { text: texts.join(''), end: String(reason) };
          }
        }),
      );
      const alone = [];
      for (const { prompt, options } of wishes) alone.push((await single.complete(prompt, options)).text);
      await Promise.all([model.unload(), single.unload()]);
      return { answers, alone, wishes };
    },
    /** @type {[string, number]} */ ([MODEL, seed]),
  );
  got.answers.forEach(({ text, end }, i) => {
    if (end === 'done') assert.equal(text, got.alone[i], `${i}`);
    else assert.deepEqual([end, got.alone[i].startsWith(text)], ['enough', true], `${i}`);
  });
  assert.ok(got.answers.some(({ end }) => end === 'done'));
});

pageTest('a full queue, a timeout and an abort are told, and leave the others alone', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar', maxConcurrent: 2, maxQueue: 1 });
    const options = { maxTokens: 12, temperature: 0 };
    const alone = (await model.complete('Hello', options)).text;
    const failure = (/** @type {Promise<any>} */ call) => call.then(() => /** @type {any} */ ('answered'), ({ code, message, details }) => ({ code, message, details }));

    const calls = [1, 2, 3, 4].map(() => model.complete('Hello', options));
    const full = await failure(calls[3]);
    const others = (await Promise.all(calls.slice(0, 3))).map(({ text }) => text);

    // One whose time ends while it writes, one while it waits; one that is aborted; and one that they leave alone.
    const control = new AbortController();
    const beside = [
      model.complete('Hello', { ...options, maxTokens: 400, timeout: 5 }),
      model.complete('Hello', options),
      model.complete('Hello', { ...options, timeout: 1 }),
    ];
    const [late, kept, waited] = await Promise.all([failure(beside[0]), beside[1], failure(beside[2])]);
    const long = model.complete('Hello', { ...options, maxTokens: 400, signal: control.signal });
    const companion = model.complete('Hello', options);
    setTimeout(() => control.abort('changed my mind'), 5);
    const aborted = await long.then(() => 'answered', (reason) => reason);
    const { text: companions } = await companion;
    const inTime = await model.complete('Hello', { ...options, timeout: 60_000 });
    await model.unload();
    return { alone, full, others, late, kept: kept.text, waited, aborted, companions, inTime: inTime.text };
  }, MODEL);
  assert.equal(got.full.code, 'queue_full');
  assert.deepEqual(got.full.details, { running: got.full.details.running, waiting: got.full.details.waiting, maxConcurrent: 2, maxQueue: 1 });
  assert.deepEqual(got.others, [got.alone, got.alone, got.alone]);
  assert.equal(got.late.code, 'timeout');
  assert.equal(got.late.details.timeout, 5);
  assert.ok(got.late.details.usage.completionTokens < 400 && got.late.details.usage.promptTokens > 0, JSON.stringify(got.late));
  if (got.waited !== 'answered') assert.equal(got.waited.code, 'timeout');
  assert.equal(got.aborted, 'changed my mind');
  assert.deepEqual([got.kept, got.companions, got.inTime], [got.alone, got.alone, got.alone]);
});

pageTest('the greater priority begins first', async (page) => {
  const order = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, maxConcurrent: 1 });
    /** @type {string[]} */
    const order = [];
    const first = model.complete('first', { maxTokens: 60 });
    const calls = [0, 5, -5, 5].map((priority, i) => model.complete('next', { maxTokens: 3, priority }).then(() => order.push(`${i}`)));
    first.then(() => order.push('first'), () => {});
    await Promise.all([first, ...calls]);
    await model.unload();
    return order;
  }, MODEL);
  // The urgent ones need not wait for the end of the first.
  assert.deepEqual(order, ['1', '3', 'first', '0', '2']);
});

pageTest('a batch has its results in order, tells its progress, and outlives what fails in it', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2, maxConcurrent: 3 });
    const prompts = ['one', 'two', 'x '.repeat(2000), 'three', [{ role: 'user', content: 'four' }], 'five'];
    const options = { maxTokens: 8, temperature: 0 };
    /** @type {{ index: number, done: number, failed: number, total: number }[]} */
    const progress = [];
    const results = await model.generateBatch(prompts, { ...options, onProgress: ({ index, done, failed, total }) => progress.push({ index, done, failed, total }) });
    const alone = [];
    for (const prompt of prompts) alone.push(await model.complete(prompt, options).then(({ text }) => text, ({ code }) => code));
    const control = new AbortController();
    const aborted = await model
      .generateBatch(prompts, { ...options, signal: control.signal, onProgress: () => control.abort('enough') })
      .then(() => 'answered', (reason) => reason);
    const empty = await model.generateBatch([]);
    const wrong = await Promise.all(
      [model.generateBatch(/** @type {any} */ ('one')), model.generateBatch([/** @type {any} */ (7)])].map((call) => call.then(() => '', ({ code }) => code)),
    );
    wrong.push(await model.generateBatch(['one'], { onProgress: /** @type {any} */ (5) }).then(() => '', ({ code }) => code));
    // What the caller's own function throws is reported, and loses nothing.
    /** @type {string[]} */
    const thrown = [];
    globalThis.addEventListener('error', (event) => (event.preventDefault(), thrown.push(event.message)));
    const survived = await model.generateBatch(['one', 'two'], { ...options, onProgress: () => { throw new Error('mine'); } });
    await model.unload();
    return { results: results.map((r) => (r.status === 'fulfilled' ? r.value.text : r.reason.code)), alone, progress, aborted, empty, wrong, thrown, survived: survived.map(({ status }) => status) };
  }, MODEL);
  assert.deepEqual(got.results, got.alone);
  assert.equal(got.results[2], 'context_overflow');
  assert.deepEqual(got.progress.map(({ done }) => done), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(got.progress.map(({ index }) => index).sort(), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([got.progress.at(-1)?.failed, got.progress.at(-1)?.total], [1, 6]);
  assert.equal(got.aborted, 'enough');
  assert.deepEqual([got.empty, got.wrong], [[], Array(3).fill('invalid_argument')]);
  assert.deepEqual([got.survived, got.thrown.length], [['fulfilled', 'fulfilled'], 2]);
  assert.match(got.thrown[0], /mine/);
});

pageTest('a batch waits where others have filled the queue, and keeps to its timeout and signal meanwhile', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar', maxConcurrent: 1, maxQueue: 0 });
    const options = { maxTokens: 4, temperature: 0 };
    const told = (/** @type {PromiseSettledResult<any>[]} */ results) => results.map((r) => (r.status === 'fulfilled' ? r.value.text : r.reason.code));
    const alone = told(await model.generateBatch(['one', 'two'], options));
    // Another call has the only place before the batch comes, and nothing of the batch is under way.
    const filler = () => model.complete('filler', { maxTokens: 60, temperature: 0 });
    const first = filler();
    const full = await model.complete('one', options).then(() => 'answered', ({ code }) => code);
    const waited = told(await model.generateBatch(['one', 'two'], options));
    await first;
    // One whose time ends while it waits, and one that is aborted then.
    const second = model.complete('filler', { maxTokens: 400, temperature: 0 });
    const late = told(await model.generateBatch(['one'], { ...options, timeout: 20 }));
    const control = new AbortController();
    const aborting = model.generateBatch(['one', 'two'], { ...options, signal: control.signal }).then(() => 'answered', (reason) => reason);
    setTimeout(() => control.abort('enough'), 20);
    const aborted = await aborting;
    const formatted = model.generateBatch(['one'], { ...options, maxTokens: 40, responseFormat: { type: 'regex', pattern: '(yes|no)' } });
    // Many batches at once, beside calls that come and go.
    const batches = [1, 2, 3].map(() => model.generateBatch(['one', 'two'], options));
    await second.catch(() => {});
    const noise = [1, 2, 3, 4].map(() => filler().then(() => 'answered', ({ code }) => code));
    const all = (await Promise.all(batches)).map(told);
    await Promise.all(noise);
    const [format] = told(await formatted);
    const unloaded = model.generateBatch(['one', 'two'], options);
    await model.unload();
    return { alone, full, waited, late, aborted, all, format, unloaded: told(await unloaded) };
  }, MODEL);
  assert.equal(got.full, 'queue_full');
  assert.deepEqual(got.waited, got.alone);
  assert.deepEqual(got.late, ['timeout']);
  assert.equal(got.aborted, 'enough');
  assert.deepEqual(got.all, [got.alone, got.alone, got.alone]);
  assert.match(got.format, /^(yes|no)$/);
  assert.deepEqual(got.unloaded, ['unloaded', 'unloaded']);
});

pageTest('conversations that alternate read their new text alone, and a saved one goes on after a reload', async (page) => {
  const got = await page.evaluate(async (url) => {
    const { exportPrefix, importPrefix } = await import(/** @type {string} */ ('/dist/prefix.js'));
    const load = (/** @type {object} */ options = {}) => lib.BitNet.load(url, { threads: 1, ...options });
    const model = await load();
    const options = { maxTokens: 6, temperature: 0 };
    const system = { role: 'system', content: 'Be brief.' };
    const chats = ['a', 'b', 'c'].map((name) => [system, { role: 'user', content: `I am ${name}.` }]);
    const usages = [];
    for (let turn = 0; turn < 3; turn++) {
      for (const chat of chats) {
        const { text, usage } = await model.complete(chat, options);
        usages.push({ turn, fresh: usage.promptTokens - usage.cachedTokens });
        chat.push({ role: 'assistant', content: text }, { role: 'user', content: 'Go on.' });
      }
    }
    const next = await model.complete(chats[0], options);
    const saved = await exportPrefix(model, chats[0]);
    const code = (/** @type {Promise<any>} */ call) => call.then((value) => value, (error) => error.code);
    const broken = Uint8Array.from(saved);
    broken[saved.length >> 1] ^= 1;
    const second = await load();
    const refused = [await code(importPrefix(second, broken)), await code(importPrefix(second, saved.subarray(1))), await code(importPrefix(second, saved.subarray(0, 100)))];
    const tokens = await importPrefix(second, saved);
    const again = await second.complete(chats[0], options);
    await second.unload();
    const exact = await load({ precision: 'exact' });
    refused.push(await code(importPrefix(exact, saved)));
    await exact.unload();
    await model.unload();
    return { usages, next, again, tokens, refused };
  }, MODEL);
  // What is new: a turn of the user, the end of the answer before it, and the header of the next.
  for (const { turn, fresh } of got.usages) assert.ok(turn === 0 || fresh < 40, `${fresh} tokens were read in turn ${turn}`);
  assert.equal(got.again.text, got.next.text);
  assert.equal(got.again.usage.cachedTokens, got.again.usage.promptTokens - 1);
  assert.ok(got.tokens >= got.again.usage.cachedTokens);
  assert.deepEqual(got.refused, ['integrity', 'integrity', 'integrity', 'other_model']);
});

pageTest('guesses come true, change neither text nor log probabilities, and can be switched off', async (page) => {
  const got = await page.evaluate(async (url) => {
    let model = await lib.BitNet.load(url, { threads: 1 });
    const again = await model.tokenize(' again');
    // A text that repeats itself: where four of five guesses come true, each number of them is tried once, on any machine.
    const copies = { logitBias: Object.fromEntries(again.map((id) => [id, 60])) };
    const phrases = { responseFormat: { type: 'regex', pattern: '(one and two and three ){20}' } };
    /** @type {any[]} */
    const cases = [
      { temperature: 0, ...copies },
      { temperature: 0.7, seed: 3, ...copies },
      { temperature: 0, ...phrases },
      { temperature: 0.3, seed: 3, ...phrases },
    ];
    const ask = async (/** @type {any} */ options, /** @type {boolean} */ hasCompany) => {
      const told = [];
      const others = [];
      for await (const token of model.generate('Say it again and again:', { maxTokens: 100, logprobs: 2, ...options })) {
        told.push([token.id, token.text, token.logprob, token.topLogprobs]);
        if (hasCompany && told.length === 20) for (const prompt of ['one', 'two']) others.push(model.complete(prompt, { maxTokens: 5 }));
      }
      await Promise.all(others);
      return told;
    };
    const answers = [];
    for (const options of cases) {
      // What passes take is measured for all requests of a model, so that each case has a fresh one.
      await model.unload();
      model = await lib.BitNet.load(url, { threads: 1 });
      const wanted = { maxTokens: 100, ...options };
      const { text: same, usage } = await model.complete('Say it again and again:', wanted);
      const { text, usage: off } = await model.complete('Say it again and again:', { ...wanted, speculative: false });
      const plain = await ask({ ...options, speculative: false }, false);
      answers.push({ plain, alone: await ask(options, false), inCompany: await ask(options, true), text, same, off, usage });
    }
    await model.unload();
    return answers;
  }, MODEL);
  for (const { plain, alone, inCompany, text, same, off, usage } of got) {
    assert.equal(same, text);
    assert.deepEqual([alone, inCompany], [plain, plain]);
    assert.ok(plain.length >= 90 && plain.every(([, , logprob]) => typeof logprob === 'number'), JSON.stringify(plain.slice(0, 3)));
    assert.equal(off.guessedTokens, undefined);
    assert.ok((usage.acceptedTokens ?? 0) > 0, JSON.stringify(usage));
    assert.ok((usage.acceptedTokens ?? 0) <= (usage.guessedTokens ?? 0));
  }
});
