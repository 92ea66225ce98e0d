// OpenAI's interface, with the `openai` package itself as the client and on its own, in front of a stand-in for a model.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI from 'openai';

import { BitNetError } from '../../worker/error.js';
import { TextAnswer } from '../../worker/openai/answer.js';
import { Letters } from './letters.mjs';

/** @type {import('openai').OpenAI.ChatCompletionMessageParam[]} */
const HI = [{ role: 'user', content: 'Hi' }];

/** @param {Letters} [model] */
function clientOf(model = new Letters()) {
  return new OpenAI({ apiKey: 'none', fetch: model.openai.fetch });
}

test('the package gets a completion', async () => {
  const model = new Letters();
  const completion = await clientOf(model).chat.completions.create({ model: 'any', messages: [{ role: 'developer', content: 'Be' }, ...HI] });
  assert.match(completion.id, /^chatcmpl-[0-9a-f]{24}$/);
  assert.deepEqual([completion.object, completion.model], ['chat.completion', 'any']);
  assert.ok(Math.abs(completion.created - Date.now() / 1000) < 100);
  assert.deepEqual(completion.choices, [{
    index: 0, message: { role: 'assistant', content: 're:Hi', refusal: null, annotations: [] }, logprobs: null, finish_reason: 'stop',
  }]);
  assert.deepEqual(completion.usage, {
    prompt_tokens: 6, completion_tokens: 5, total_tokens: 11, prompt_tokens_details: { cached_tokens: 1, audio_tokens: 0 },
  });
  assert.deepEqual(model.prompts, ['s:Be u:Hi']);
  assert.equal(model.options[0].temperature, 1, 'as with OpenAI');
});

test('every parameter arrives', async () => {
  const model = new Letters();
  await clientOf(model).chat.completions.create({
    model: 'letters', messages: [...HI, { role: 'assistant', content: [{ type: 'text', text: 'Yo' }] }], temperature: 0.5, top_p: 0.9, max_tokens: 3,
    stop: ['x', 'y'], seed: 7, logprobs: true, top_logprobs: 2, logit_bias: { 5: -100 }, frequency_penalty: 0.5, presence_penalty: -0.5,
    user: 'me', metadata: { a: 'b' }, store: false, response_format: { type: 'text' }, tools: [], tool_choice: 'auto', parallel_tool_calls: true,
  });
  const { signal, tools, ...options } = model.options[0];
  assert.deepEqual(JSON.parse(JSON.stringify(options)), {
    temperature: 0.5, topP: 0.9, maxTokens: 3, stop: ['x', 'y'], seed: 7, logprobs: 2, logitBias: { 5: -100 }, frequencyPenalty: 0.5,
    presencePenalty: -0.5, continueFinalMessage: false, clientId: 'me',
  });
  await clientOf(model).chat.completions.create({ model: 'letters', messages: HI, max_completion_tokens: 2, max_tokens: 9 });
  assert.equal(model.options[1].maxTokens, 2);
  const add = /** @type {const} */ ({ type: 'function', function: { name: 'add', parameters: { type: 'object' } } });
  const schema = { type: 'object', properties: { a: { type: 'number' } } };
  await clientOf(model).chat.completions.create({
    model: 'letters', messages: HI, tools: [add], tool_choice: { type: 'function', function: { name: 'add' } }, parallel_tool_calls: false,
    response_format: { type: 'json_schema', json_schema: { name: 'it', schema, strict: true } },
  });
  const { toolChoice, parallelToolCalls, responseFormat } = model.options[2];
  assert.deepEqual([toolChoice, parallelToolCalls, responseFormat], [{ name: 'add' }, false, { type: 'json_schema', schema }]);
  await clientOf(model).chat.completions.create({ model: 'letters', messages: HI, response_format: { type: 'json_object' }, tool_choice: 'none' });
  assert.deepEqual([model.options[3].responseFormat, model.options[3].toolChoice], [{ type: 'json_object' }, 'none']);
});

test('the package reads a stream, with its usage', async () => {
  const model = new Letters();
  const stream = await clientOf(model).chat.completions.create({ model: 'm', messages: HI, max_tokens: 4, stream: true, stream_options: { include_usage: true } });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  assert.ok(chunks.every(({ object }) => object === 'chat.completion.chunk'));
  assert.deepEqual(chunks.map(({ choices: [choice] }) => choice?.delta), [
    { role: 'assistant', content: '', refusal: null }, { content: 'r' }, { content: 'e' }, { content: ':' }, { content: 'H' }, {}, undefined,
  ]);
  assert.deepEqual(chunks.map(({ choices: [choice] }) => choice?.finish_reason), [null, null, null, null, null, 'length', undefined]);
  assert.deepEqual(chunks.map(({ usage }) => usage?.total_tokens), [...Array(6).fill(undefined), 7]);
  const plain = await clientOf(model).chat.completions.create({ model: 'm', messages: HI, stream: true });
  for await (const chunk of plain) assert.ok(!('usage' in chunk));
  // The package's own helper puts the pieces together again.
  const final = await clientOf(model).chat.completions.stream({ model: 'm', messages: HI }).finalChatCompletion();
  assert.equal(final.choices[0].message.content, 're:Hi');
});

test('several answers come with indices of their own, whole and in pieces', async () => {
  const model = new Letters();
  const whole = await clientOf(model).chat.completions.create({ model: 'm', messages: HI, n: 3, seed: 5 });
  assert.deepEqual(whole.choices.map(({ index, message }) => [index, message.content]), [[0, 're:Hi'], [1, 're:Hi'], [2, 're:Hi']]);
  assert.deepEqual([whole.usage?.prompt_tokens, whole.usage?.completion_tokens], [3, 15]);
  assert.deepEqual(model.options.map(({ seed }) => seed), [5, 6, 7]);
  const texts = ['', ''];
  const stream = await clientOf(model).chat.completions.create({ model: 'm', messages: HI, n: 2, stream: true });
  for await (const { choices: [{ index, delta }] } of stream) texts[index] += delta.content ?? '';
  assert.deepEqual(texts, ['re:Hi', 're:Hi']);
});

test('log-probabilities have OpenAI\'s shape', async () => {
  const client = clientOf();
  const params = /** @type {const} */ ({ model: 'm', messages: HI, max_tokens: 2, logprobs: true, top_logprobs: 1 });
  const want = { token: 'r', logprob: -0.5, bytes: [114], top_logprobs: [{ token: 'z', logprob: -2, bytes: [122] }] };
  const { choices: [{ logprobs }] } = await client.chat.completions.create(params);
  assert.deepEqual([logprobs?.content?.length, logprobs?.content?.[0]], [2, want]);
  const stream = await client.chat.completions.create({ ...params, stream: true });
  const parts = [];
  for await (const { choices: [choice] } of stream) parts.push(...(choice.logprobs?.content ?? []));
  assert.deepEqual([parts.length, parts[0]], [2, want]);
  const text = await client.completions.create({ model: 'm', prompt: 'Hi', max_tokens: 2, logprobs: 1 });
  assert.deepEqual(text.choices[0].logprobs, {
    tokens: ['r', 'e'], token_logprobs: [-0.5, -0.5], top_logprobs: [{ z: -2 }, { z: -2 }], text_offset: [0, 1],
  });
});

test('every answer has its log-probabilities in its own chunks', async () => {
  const model = new Letters();
  const stream = await clientOf(model).chat.completions.create({ model: 'm', messages: HI, n: 2, max_tokens: 2, logprobs: true, top_logprobs: 1, stream: true });
  const told = [['', 0], ['', 0]];
  for await (const { choices: [{ index, delta, logprobs }] } of stream) {
    for (const { token } of logprobs?.content ?? []) {
      assert.equal(token, delta.content);
      told[index][0] += token;
      told[index][1] = Number(told[index][1]) + 1;
    }
  }
  assert.deepEqual(told, [['re', 2], ['re', 2]]);
});

test('what a model thinks comes as reasoning_content, apart from what it says', async () => {
  const model = new Letters();
  model.thoughts = 'Hm';
  const params = { model: 'm', messages: HI, logprobs: true, top_logprobs: 0 };
  const { choices: [{ message, logprobs }], usage } = await clientOf(model).chat.completions.create(params);
  const tokens = (/** @type {{ token: string }[] | null | undefined} */ list) => list?.map(({ token }) => token).join('');
  assert.deepEqual([message.content, Reflect.get(message, 'reasoning_content')], ['re:Hi', 'Hm']);
  assert.deepEqual([tokens(logprobs?.content), tokens(Reflect.get(logprobs ?? {}, 'reasoning_content'))], ['re:Hi', 'Hm']);
  assert.deepEqual([usage?.completion_tokens, usage?.completion_tokens_details], [7, { reasoning_tokens: 2 }]);
  const deltas = [];
  const thought = [];
  for await (const { choices: [{ delta, logprobs }] } of await model.openai.chat.completions.create({ ...params, stream: true })) {
    deltas.push(delta);
    thought.push(...(logprobs?.reasoning_content ?? []));
  }
  assert.deepEqual(deltas.slice(0, 4), [
    { role: 'assistant', content: '', refusal: null }, { reasoning_content: 'H' }, { reasoning_content: 'm' }, { content: 'r' },
  ]);
  assert.equal(tokens(thought), 'Hm');
  // It goes back with the message, for templates that show it.
  await clientOf(model).chat.completions.create({ model: 'm', messages: [...HI, message, ...HI], reasoning_effort: 'none' });
  await clientOf(model).chat.completions.create({ model: 'm', messages: HI, reasoning_effort: 'low' });
  assert.deepEqual(model.options.slice(-2).map(({ thinking }) => thinking), [false, true]);
});

test('requests of the package are taken, and answers are what it expects, in types too', async () => {
  const { openai } = new Letters();
  // What the package calls these: assigning is the test, for the compiler.
  /** @type {OpenAI.ChatCompletionCreateParamsNonStreaming} */
  const params = { model: 'm', messages: HI, max_tokens: 2, logprobs: true };
  /** @type {OpenAI.ChatCompletion} */
  const whole = await openai.chat.completions.create(params);
  assert.equal(whole.choices[0].message.content, 're');
  /** @type {OpenAI.ChatCompletionCreateParamsStreaming} */
  const streaming = { ...params, stream: true };
  /** @type {AsyncIterable<OpenAI.ChatCompletionChunk>} */
  const chunks = await openai.chat.completions.create(streaming);
  for await (const { object } of chunks) assert.equal(object, 'chat.completion.chunk');
  /** @type {OpenAI.ChatCompletionCreateParams} */
  const either = params;
  const answer = await openai.chat.completions.create(either);
  assert.ok('choices' in answer);
  // An answer goes back into the next request.
  const { choices: [{ message }] } = await openai.chat.completions.create({ messages: HI });
  /** @type {OpenAI.ChatCompletionMessageParam[]} */
  const history = [...HI, message, ...HI];
  assert.equal((await openai.chat.completions.create({ messages: history })).object, 'chat.completion');
  /** @type {OpenAI.Completion} */
  const text = await openai.completions.create({ prompt: 'x' });
  assert.equal(text.object, 'text_completion');
  /** @type {AsyncIterable<Omit<OpenAI.Completion, 'usage' | 'choices'> & { choices: { text: string }[] }>} The package leaves out its nulls. */
  const pieces = await openai.completions.create({ prompt: 'x', stream: true });
  for await (const { choices } of pieces) assert.equal(typeof choices[0].text, 'string');
  /** @type {OpenAI.CreateEmbeddingResponse} */
  const vectors = await openai.embeddings.create({ model: 'm', input: ['x'] });
  /** @type {number[]} */
  const [first] = vectors.data.map(({ embedding }) => embedding[0]);
  assert.equal(first, 1);
  const { data: [{ embedding }] } = await openai.embeddings.create({ input: 'x', encoding_format: 'base64' });
  /** @type {string} */
  const coded = embedding;
  assert.equal(typeof coded, 'string');
  /** @type {OpenAI.Models.Model[]} */
  const models = (await openai.models.list()).data;
  assert.equal(models.length, 1);
  // @ts-expect-error there is no such parameter
  await assert.rejects(openai.chat.completions.create({ messages: HI, temprature: 1 }), { param: 'temprature', code: 'unsupported_parameter' });
  // @ts-expect-error a stream has no choices
  assert.equal((await openai.chat.completions.create({ messages: HI, stream: true })).choices, undefined);
});

test('completions of texts', async () => {
  const model = new Letters();
  const whole = await clientOf(model).completions.create({ model: 'm', prompt: ['Ab', 'Cd'], n: 2 });
  assert.deepEqual([whole.object, whole.id.slice(0, 5)], ['text_completion', 'cmpl-']);
  assert.deepEqual(whole.choices.map(({ index, text, finish_reason }) => [index, text, finish_reason]), [
    [0, 're:Ab', 'stop'], [1, 're:Ab', 'stop'], [2, 're:Cd', 'stop'], [3, 're:Cd', 'stop'],
  ]);
  assert.equal(model.options[0].maxTokens, 16);
  let text = '';
  for await (const chunk of await clientOf(model).completions.create({ model: 'm', prompt: 'Ab', stream: true })) text += chunk.choices[0].text;
  assert.equal(text, 're:Ab');
});

test('prompts and inputs may be tokens', async () => {
  const model = new Letters();
  const client = clientOf(model);
  const one = await client.completions.create({ model: 'm', prompt: [0x41, 0x62], max_tokens: 9 });
  assert.deepEqual([one.choices.map(({ text }) => text), one.usage?.prompt_tokens], [['re:Ab'], 3]);
  const two = await client.completions.create({ model: 'm', prompt: [[0x41], [0x42, 0x43]], n: 2, max_tokens: 9 });
  assert.deepEqual(two.choices.map(({ text }) => text), ['re:A', 're:A', 're:BC', 're:BC']);
  const { data } = await client.embeddings.create({ model: 'm', input: [[0x41], [0x42, 0x43]] });
  assert.deepEqual(data.map(({ embedding }) => embedding), [[1, 0.5], [2, 0.5]]);
  assert.equal((await client.embeddings.create({ model: 'm', input: [0x42, 0x43] })).usage.prompt_tokens, 3);
  // Numbers that are no tokens, or not those of a text.
  for (const prompt of [[], [[]], [-1], [1.5], ['a', 1], [[1], 'a'], [2 ** 31], [[0x41], [2 ** 31]]]) {
    for (const call of [client.completions.create(/** @type {any} */ ({ model: 'm', prompt })), client.embeddings.create(/** @type {any} */ ({ model: 'm', input: prompt }))]) {
      await assert.rejects(call, (/** @type {any} */ error) => error instanceof OpenAI.BadRequestError && ['prompt', 'input'].includes(error.param ?? ''));
    }
  }
});

test('embeddings, as numbers and as the package asks for them', async () => {
  const client = clientOf();
  const got = await client.embeddings.create({ model: 'm', input: ['abc', 'de'] });
  assert.deepEqual(got.data.map(({ index, object, embedding }) => [index, object, Array.from(embedding)]), [[0, 'embedding', [3, 0.5]], [1, 'embedding', [2, 0.5]]]);
  assert.deepEqual(got.usage, { prompt_tokens: 7, total_tokens: 7 });
  const { data: [{ embedding }] } = await client.embeddings.create({ model: 'm', input: 'abc', encoding_format: 'float', dimensions: 2 });
  assert.deepEqual(embedding, [3, 0.5]);
  for (const [param, value] of Object.entries({ input: '', dimensions: 5, encoding_format: 'hex', other: 1 })) {
    const params = /** @type {any} */ ({ model: 'm', input: 'x', [param]: value });
    await assert.rejects(client.embeddings.create(params), (/** @type {any} */ error) => error instanceof OpenAI.BadRequestError && error.param === param);
  }
});

test('models', async () => {
  const client = clientOf();
  const found = [];
  for await (const model of client.models.list()) found.push(model);
  assert.deepEqual(found.map(({ id, object, owned_by }) => [id, object, owned_by]), [['letters', 'model', 'bitnet-web']]);
  assert.equal((await client.models.retrieve('letters')).id, 'letters');
  await assert.rejects(client.models.retrieve('gpt-4'), (error) => error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
});

test('what is wrong is an error of the package, with the parameter', async () => {
  const model = new Letters(50);
  const client = clientOf(model);
  /** @param {any} params */
  const errorOf = async (params) => {
    const error = await client.chat.completions.create({ model: 'm', messages: HI, ...params }).then(() => undefined, (error) => error);
    assert.ok(error instanceof OpenAI.BadRequestError, JSON.stringify(params));
    return [error.param, error.code];
  };
  for (const [param, bad, code = 'invalid_value'] of /** @type {[string, any, string?][]} */ ([
    ['temperature', 3], ['top_p', '1'], ['n', 0], ['stop', ['']], ['seed', 1.5], ['logit_bias', { a: 1 }], ['logit_bias', { 5: 101 }],
    ['frequency_penalty', 3], ['presence_penalty', -3], ['max_tokens', 0], ['max_completion_tokens', 'x'], ['top_logprobs', 2],
    ['response_format', { type: 'xml' }], ['tools', [{ type: 'web' }]], ['tool_choice', 'maybe'], ['store', true], ['modalities', ['audio']],
    ['messages', []], ['stream', 1], ['functions', [], 'unsupported_parameter'], ['verbosity', 'low', 'unsupported_parameter'],
    ['reasoning_effort', 'much'], ['stream_options', { include_usage: true }],
    ['audio', {}, 'unsupported_parameter'],
  ])) {
    assert.deepEqual(await errorOf({ [param]: bad }), [param, code], param);
  }
  assert.deepEqual(await errorOf({ messages: undefined }), ['messages', 'missing_required_parameter']);
  assert.deepEqual(await errorOf({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }), ['messages[0].content[0]', 'invalid_value']);
  assert.deepEqual(await errorOf({ messages: [{ role: 'user', content: 7 }] }), ['messages[0].content', 'invalid_value']);
  // With and without a stream.
  for (const stream of [true, false]) {
    assert.deepEqual(await errorOf({ messages: [{ role: 'user', content: 'x'.repeat(80) }], stream }), ['messages', 'context_length_exceeded']);
  }
  await assert.rejects(client.completions.create({ model: 'm', prompt: 'x', suffix: 'y' }), (/** @type {any} */ error) => error.param === 'suffix');
  await assert.rejects(client.completions.create({ model: 'm', prompt: 'x', echo: true }), (/** @type {any} */ error) => error.param === 'echo');
  assert.equal(model.running, 0);
});

test('an option that is wrong has the name that the request gave it, and what was refused is what was said', async () => {
  const model = new Letters();
  const errorOf = (/** @type {any} */ params) => model.openai.chat.completions.create({ messages: HI, ...params }).then(() => [], (/** @type {any} */ error) => [error.param, error.message]);
  model.generate = () => { throw new BitNetError('invalid_argument', 'logitBias: expected ids of tokens of this model, below 5, found 9'); };
  assert.deepEqual(await errorOf({ logit_bias: { 9: 1 } }), ['logit_bias', 'logit_bias: expected ids of tokens of this model, below 5, found 9']);
  const other = new Letters();
  await clientOf(other).chat.completions.create({ model: 'm', messages: [...HI, { role: 'assistant', content: null, refusal: 'No' }, ...HI, { role: 'assistant', content: [{ type: 'refusal', refusal: 'Never' }] }, ...HI] });
  assert.deepEqual([other.messages[0][1].content, other.messages[0][3].content], ['No', [{ type: 'text', text: 'Never' }]]);
});

test('a token that is a part of a character has a name and an offset of its own', async () => {
  const answer = new TextAnswer(0);
  const bytes = [...new TextEncoder().encode('a😀\uFEFFb')];
  for (const part of [[bytes[0]], bytes.slice(1, 3), bytes.slice(3, 5), bytes.slice(5, 8), [bytes[8]]]) {
    answer.push({ id: 1, text: '', bytes: part, logprob: -1, topLogprobs: [{ id: 1, text: '', bytes: part, logprob: -1 }] });
  }
  const { logprobs } = answer.choice();
  assert.deepEqual(logprobs?.tokens, ['a', 'bytes:\\xf0\\x9f', 'bytes:\\x98\\x80', '\uFEFF', 'b']);
  assert.deepEqual(logprobs?.text_offset, [0, 1, 1, 3, 4]);
  assert.equal(Object.keys(logprobs?.top_logprobs[1] ?? {})[0], 'bytes:\\xf0\\x9f');
});

test('a failure of the model is the server\'s, told once and not tried again', async () => {
  const model = new Letters();
  const broken = { model: 'm', messages: [{ role: /** @type {const} */ ('user'), content: 'a!' }] };
  await assert.rejects(clientOf(model).chat.completions.create(broken), (error) => error instanceof OpenAI.InternalServerError && error.code === 'crashed');
  assert.equal(model.prompts.length, 1);
  let text = '';
  await assert.rejects(async () => {
    const stream = await clientOf(model).chat.completions.create({ ...broken, stream: true });
    for await (const { choices: [choice] } of stream) text += choice.delta.content ?? '';
  }, (error) => error instanceof OpenAI.APIError && error.code === 'crashed');
  assert.equal(text, 're:a');
});

test('aborting and leaving a stream stop the model', async () => {
  const model = new Letters();
  const long = { model: 'm', messages: [{ role: /** @type {const} */ ('user'), content: 'x'.repeat(200) }] };
  const control = new AbortController();
  const whole = clientOf(model).chat.completions.create(long, { signal: control.signal });
  setImmediate(() => control.abort());
  await assert.rejects(whole, OpenAI.APIUserAbortError);

  const stream = await clientOf(model).chat.completions.create({ ...long, stream: true });
  let seen = 0;
  for await (const _ of stream) if (++seen === 5) break;
  const aborted = await clientOf(model).chat.completions.create({ ...long, stream: true, n: 2 });
  seen = 0;
  for await (const _ of aborted) if (++seen === 5) aborted.controller.abort();
  assert.ok(seen < 100, `${seen} chunks`);
  // Without the package it is the same: the loop ends, and nothing is thrown.
  const abort = new AbortController();
  for (const end of [(/** @type {any} */ own) => own.controller.abort(), () => abort.abort(new Error('enough'))]) {
    const own = await model.openai.chat.completions.create({ ...long, stream: true, n: 2 }, { signal: abort.signal });
    seen = 0;
    for await (const _ of own) if (++seen === 5) end(own);
    assert.ok(seen < 100, `${seen} chunks`);
  }
  // A request that is aborted has no end that looks like one.
  const request = new AbortController();
  const response = await model.openai.fetch('/v1/chat/completions', { method: 'POST', body: JSON.stringify({ ...long, stream: true }), signal: request.signal });
  request.abort();
  await assert.rejects(response.text(), { name: 'AbortError' });
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(model.running, 0);
  const ids = [];
  for await (const { id } of await model.openai.models.list()) ids.push(id);
  assert.deepEqual(ids, ['letters']);
});

test('other addresses, methods and bodies are refused as OpenAI refuses them', async () => {
  const { fetch } = new Letters().openai;
  const errorOf = async (/** @type {string} */ url, /** @type {RequestInit} */ init = {}) => {
    const response = await fetch(url, init);
    return [response.status, (await response.json()).error.code];
  };
  assert.deepEqual(await errorOf('https://api.openai.com/v1/audio/speech', { method: 'POST', body: '{}' }), [404, 'unknown_url']);
  assert.deepEqual(await errorOf('/v1/models/%E0%A4%A'), [404, 'model_not_found']);
  assert.deepEqual(await errorOf('/v1/chat/completions'), [405, 'method_not_supported']);
  assert.deepEqual(await errorOf('/v1/chat/completions', { method: 'POST', body: '{' }), [400, null]);
  assert.deepEqual(await errorOf('/v1/chat/completions', { method: 'POST', body: '[]' }), [400, null]);
  const response = await fetch(new Request('http://h/v1/completions', { method: 'POST', body: '{"prompt":"x","stream":true}' }));
  assert.match(response.headers.get('Content-Type') ?? '', /^text\/event-stream/);
  assert.match(await response.text(), /^data: \{.*\}\n\n[^]*data: \[DONE\]\n\n$/);
});

test('without a client it is the same interface', async () => {
  const model = new Letters();
  const { openai } = model;
  const completion = await openai.chat.completions.create({ messages: HI });
  assert.deepEqual([completion.choices[0].message.content, completion.model], ['re:Hi', 'letters']);
  const stream = await openai.chat.completions.create({ messages: HI, stream: true });
  let text = '';
  for await (const chunk of stream) {
    text += chunk.choices[0].delta.content ?? '';
    if (text === 're') break;
  }
  assert.equal(text, 're');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(model.running, 0);
  const error = await openai.chat.completions.create({ messages: HI, temperature: 9 }).catch((/** @type {any} */ error) => error);
  assert.deepEqual([error.name, error.status, error.param, error.error.type], ['OpenAIError', 400, 'temperature', 'invalid_request_error']);
  assert.equal((await openai.models.list()).data.length, 1);
});

test('calls of tools, whole and in pieces, and their results', async () => {
  const model = new Letters();
  const tools = /** @type {import('openai').OpenAI.ChatCompletionTool[]} */ ([{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }]);
  const params = { model: 'm', messages: [{ role: /** @type {const} */ ('user'), content: 'call' }], tools };
  const want = { id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } };
  const { choices: [choice] } = await clientOf(model).chat.completions.create(params);
  assert.deepEqual([choice.finish_reason, choice.message.content, choice.message.tool_calls], ['tool_calls', null, [want]]);
  const final = await clientOf(model).chat.completions.stream(params).finalChatCompletion();
  assert.deepEqual([final.choices[0].finish_reason, final.choices[0].message.tool_calls?.map((/** @type {any} */ call) => ({ id: call.id, type: call.type, function: { name: call.function.name, arguments: call.function.arguments } }))], ['tool_calls', [want]]);
  const next = await clientOf(model).chat.completions.create({
    ...params, messages: [...params.messages, choice.message, { role: 'tool', tool_call_id: 'c1', content: '3' }],
  });
  assert.equal(next.choices[0].message.content, 're:3');
  // Some of the tools, of which the model is told alone.
  const names = (/** @type {any[]} */ list) => list.map(({ function: { name } }) => name);
  const sub = /** @type {import('openai').OpenAI.ChatCompletionTool} */ ({ type: 'function', function: { name: 'sub' } });
  const allow = (/** @type {any[]} */ allowed, /** @type {any} */ mode) => clientOf(model).chat.completions.create({ ...params, tools: [...tools, sub], tool_choice: { type: 'allowed_tools', allowed_tools: { mode, tools: allowed } } });
  await allow([sub], 'required');
  assert.deepEqual([names(model.options.at(-1).tools), model.options.at(-1).toolChoice], [['sub'], 'required']);
  for (const [allowed, mode] of /** @type {[any[], any][]} */ ([[[], 'auto'], [[sub], 'none'], [[{ type: 'function', function: { name: 'mul' } }], 'auto']])) {
    await assert.rejects(allow(allowed, mode), (error) => error instanceof OpenAI.BadRequestError && error.param === 'tool_choice');
  }
});
