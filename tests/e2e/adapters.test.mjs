// The adapters with the real packages: Vercel's AI SDK and LangChain.js, in front of a stand-in for a model.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { StringOutputParser } from '@langchain/core/output_parsers';
import { ChatPromptTemplate } from '@langchain/core/prompts';
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import { bitnet } from '../../worker/adapters/ai-sdk.js';
import { ChatBitNet } from '../../worker/adapters/langchain.js';
import { Letters } from './letters.mjs';

/** @param {Letters} model @param {any} [settings] */
const sdk = (model, settings) => bitnet(/** @type {any} */ (model), settings);
/** @param {Letters} model @param {any} [options] */
const chain = (model, options) => new ChatBitNet({ model: /** @type {any} */ (model), ...options });
const tick = () => new Promise((resolve) => setImmediate(resolve));

const add = tool({
  description: 'Adds',
  inputSchema: jsonSchema(/** @type {const} */ ({ type: 'object', properties: { a: { type: 'number' } } })),
  execute: async (/** @type {any} */ { a }) => `sum ${a + 2}`,
});

test('AI SDK: a text, with its usage and options', async () => {
  const model = new Letters();
  const got = await generateText({
    model: sdk(model, { minP: 0.1, temperature: 0.3 }), instructions: 'Sys', messages: [{ role: 'user', content: 'Hi' }, { role: 'assistant', content: 'Yo' }, { role: 'user', content: [{ type: 'text', text: 'On' }] }],
    maxOutputTokens: 4, temperature: 0.7, topK: 5, topP: 0.9, seed: 3, stopSequences: ['x'], presencePenalty: 0.1, frequencyPenalty: 0.2,
    providerOptions: { bitnet: { topNSigma: 2 } },
  });
  assert.deepEqual([got.text, got.finishReason, got.rawFinishReason], ['re:O', 'length', 'length']);
  assert.deepEqual([got.usage.inputTokens, got.usage.outputTokens, got.usage.inputTokenDetails.cacheReadTokens], [13, 4, 1]);
  assert.deepEqual(got.warnings, []);
  assert.deepEqual(model.prompts, ['s:Sys u:Hi a:Yo u:On']);
  const { signal, ...options } = model.options[0];
  assert.deepEqual(JSON.parse(JSON.stringify(options)), {
    minP: 0.1, maxTokens: 4, temperature: 0.7, topK: 5, topP: 0.9, seed: 3, stop: ['x'], presencePenalty: 0.1, frequencyPenalty: 0.2, topNSigma: 2,
  });
});

test('AI SDK: a stream, which an abort stops', async () => {
  const model = new Letters();
  const stream = streamText({ model: sdk(model), prompt: 'Hello' });
  let text = '';
  for await (const piece of stream.textStream) text += piece;
  assert.deepEqual([text, await stream.finishReason, (await stream.usage).outputTokens], ['re:Hello', 'stop', 8]);

  const control = new AbortController();
  const long = streamText({ model: sdk(model), prompt: 'x'.repeat(200), abortSignal: control.signal });
  let seen = 0;
  for await (const part of long.stream) if (part.type === 'text-delta' && ++seen === 5) control.abort();
  for (let i = 0; i < 5; i++) await tick();
  assert.deepEqual([seen < 50, model.running], [true, 0]);
});

test('AI SDK: tools are called and their results go back, whole and in a stream', async () => {
  const model = new Letters();
  const options = { model: sdk(model), prompt: 'call', tools: { add }, stopWhen: stepCountIs(2) };
  const got = await generateText(options);
  assert.equal(got.text, 're:sum 3');
  assert.deepEqual(got.steps[0].toolCalls.map(({ toolName, input }) => [toolName, input]), [['add', { a: 1 }]]);
  assert.equal(model.prompts[1], 'u:call a: t:sum 3');
  const stream = streamText(options);
  let text = '';
  for await (const piece of stream.textStream) text += piece;
  assert.equal(text, 're:sum 3');
});

test('AI SDK: a schema and a choice of tools reach the model', async () => {
  const model = new Letters();
  const json = { type: 'object', properties: { a: { type: 'number' } } };
  const shaped = streamText({ model: sdk(model), prompt: '{"a":1}', output: Output.object({ schema: jsonSchema(/** @type {any} */ (json)) }) });
  await shaped.consumeStream();
  assert.deepEqual(model.options[0].responseFormat.type, 'json_schema');
  assert.deepEqual(model.options[0].responseFormat.schema.properties, json.properties);
  await generateText({ model: sdk(model), prompt: 'call', tools: { add }, toolChoice: { type: 'tool', toolName: 'add' } });
  assert.deepEqual(model.options[1].toolChoice, { name: 'add' });
  await generateText({ model: sdk(model), prompt: 'call', tools: { add }, toolChoice: 'required' });
  assert.equal(model.options[2].toolChoice, 'required');
});

test('AI SDK: what fails and what is not supported is told', async () => {
  const model = new Letters(20);
  await assert.rejects(generateText({ model: sdk(model), prompt: 'x'.repeat(40), maxRetries: 0 }), /20|40|41/);
  await assert.rejects(generateText({ model: sdk(model), messages: [{ role: 'user', content: [{ type: 'image', image: new Uint8Array([137, 80, 78, 71]) }] }], maxRetries: 0 }), /text/);
  const foreign = /** @type {any} */ ({ type: 'provider', id: 'other.search', name: 'search', args: {}, inputSchema: jsonSchema({ type: 'object' }) });
  const { warnings } = await generateText({ model: sdk(model), prompt: 'Hi', tools: { search: foreign } });
  assert.equal(warnings?.[0]?.type, 'unsupported');
});

test('AI SDK: what a model thinks comes apart from what it says, and goes back to it', async () => {
  const model = new Letters();
  model.thoughts = 'Hm';
  const got = await generateText({ model: sdk(model), prompt: 'Hi', reasoning: 'high' });
  assert.deepEqual([got.reasoningText, got.text], ['Hm', 're:Hi']);
  assert.deepEqual([got.usage.outputTokens, got.usage.outputTokenDetails.reasoningTokens, got.usage.outputTokenDetails.textTokens], [7, 2, 5]);
  const stream = streamText({ model: sdk(model), messages: [{ role: 'user', content: 'Hi' }, ...got.response.messages, { role: 'user', content: 'On' }], reasoning: 'none' });
  const parts = [];
  for await (const part of stream.fullStream) if (/^(reasoning|text)-/.test(part.type)) parts.push(part.type.startsWith('text-delta') ? 'text' : part.type);
  assert.deepEqual([...new Set(parts)], ['reasoning-start', 'reasoning-delta', 'reasoning-end', 'text-start', 'text', 'text-end']);
  assert.deepEqual(model.options.map(({ thinking }) => thinking), [true, false]);
  assert.equal(model.messages.at(-1)?.[1].reasoning_content, 'Hm');
});

test('LangChain: a chain, a stream, options and usage', async () => {
  const model = new Letters();
  const chat = chain(model, { temperature: 0.5 });
  const answer = await chat.invoke([new SystemMessage('Sys'), new HumanMessage({ content: [{ type: 'text', text: 'Hi' }] })], { maxTokens: 4, stop: ['x'], tags: ['t'], metadata: { a: 1 } });
  assert.equal(answer.content, 're:H');
  assert.deepEqual([answer.usage_metadata?.input_tokens, answer.usage_metadata?.output_tokens], [7, 4]);
  assert.deepEqual(answer.response_metadata, {
    finish_reason: 'length', stopped_by: undefined, tokenUsage: { promptTokens: 7, completionTokens: 4, totalTokens: 11 },
  });
  assert.equal(model.prompts[0], 's:Sys u:Hi');
  assert.deepEqual([model.options[0].temperature, model.options[0].maxTokens, model.options[0].stop], [0.5, 4, ['x']]);

  const piped = ChatPromptTemplate.fromMessages([['human', 'Say {word}']]).pipe(chat).pipe(new StringOutputParser());
  assert.equal(await piped.invoke({ word: 'yes' }), 're:Say yes');
  const pieces = [];
  for await (const piece of await piped.stream({ word: 'no' })) pieces.push(piece);
  assert.deepEqual([pieces.join(''), pieces.length > 5], ['re:Say no', true]);
  const batch = await piped.batch([{ word: 'a' }, { word: 'b' }]);
  assert.deepEqual(batch, ['re:Say a', 're:Say b']);
});

test('LangChain: what a model thinks comes apart from what it says, and goes back to it', async () => {
  const model = new Letters();
  model.thoughts = 'Hm';
  const chat = chain(model, { thinking: true });
  const answer = await chat.invoke('Hi');
  assert.deepEqual([answer.content, answer.additional_kwargs], ['re:Hi', { reasoning_content: 'Hm' }]);
  let whole;
  for await (const chunk of await chat.stream([new HumanMessage('Hi'), answer, new HumanMessage('On')])) whole = whole === undefined ? chunk : whole.concat(chunk);
  assert.deepEqual([whole?.content, whole?.additional_kwargs], ['re:On', { reasoning_content: 'Hm' }]);
  assert.equal(model.messages.at(-1)?.[1].reasoning_content, 'Hm');
});

test('LangChain: tools are bound, called and answered', async () => {
  const model = new Letters();
  const chat = chain(model).bindTools([{ type: 'function', function: { name: 'add', parameters: { type: 'object' } } }]);
  const asked = new HumanMessage('call');
  const answer = await chat.invoke([asked]);
  assert.deepEqual(answer.tool_calls?.map(({ id, name, args }) => [id, name, args]), [['c1', 'add', { a: 1 }]]);
  let whole;
  for await (const chunk of await chat.stream([asked])) whole = whole === undefined ? chunk : whole.concat(chunk);
  assert.deepEqual(whole?.tool_calls?.map(({ id, name, args }) => [id, name, args]), [['c1', 'add', { a: 1 }]]);
  const last = await chat.invoke([asked, answer, new ToolMessage({ content: 'sum 3', tool_call_id: 'c1', name: 'add' })]);
  assert.equal(last.content, 're:sum 3');
  assert.equal(model.prompts.at(-1), 'u:call a: t:sum 3');
});

test('LangChain: an answer follows a schema', async () => {
  const model = new Letters();
  model.prefix = '';
  const schema = { type: 'object', properties: { a: { type: 'number' } } };
  const chat = chain(model);
  assert.deepEqual(await chat.withStructuredOutput(schema).invoke('{"a":1}'), { a: 1 });
  assert.deepEqual(model.options[0].responseFormat, { type: 'json_schema', schema });
  const { raw, parsed } = await chat.withStructuredOutput(schema, { includeRaw: true }).invoke('{"a"');
  assert.deepEqual([raw.content, parsed], ['{"a"', null]);
  await chat.bindTools([{ type: 'function', function: { name: 'add', parameters: schema } }], { tool_choice: 'any' }).invoke('Hi');
  assert.equal(model.options.at(-1).toolChoice, 'required');
});

test('LangChain: what a schema\'s library checks besides is checked, and an answer that is cut off is told', async () => {
  const model = new Letters();
  model.prefix = '';
  const chat = chain(model);
  const even = z.object({ a: z.number().refine((a) => a % 2 === 0).transform((a) => a / 2), b: z.string().default('x') });
  assert.deepEqual(await chat.withStructuredOutput(even).invoke('{"a":4}'), { a: 2, b: 'x' });
  await assert.rejects(chat.withStructuredOutput(even).invoke('{"a":3}'), { lc_error_code: 'OUTPUT_PARSING_FAILURE' });
  await assert.rejects(chain(model, { maxTokens: 4 }).withStructuredOutput(even).invoke('{"a":4}'), { lc_error_code: 'OUTPUT_PARSING_FAILURE', message: /cut off/ });
  const standard = { '~standard': { version: 1, vendor: 'test', validate: (/** @type {any} */ value) => (value.a === 1 ? { value: 'one' } : { issues: [{ message: 'no' }] }), jsonSchema: { input: () => ({ type: 'object' }) } } };
  assert.equal(await chat.withStructuredOutput(standard).invoke('{"a":1}'), 'one');
  await assert.rejects(chat.withStructuredOutput(standard).invoke('{"a":2}'), { lc_error_code: 'OUTPUT_PARSING_FAILURE' });
  const parts = [];
  for await (const part of await chat.withStructuredOutput({ type: 'object' }).stream('{"a":[1,2]}')) parts.push(part);
  assert.ok(parts.length > 2 && JSON.stringify(parts.at(-1)) === '{"a":[1,2]}');
  // By a call of a tool.
  const called = chat.withStructuredOutput(z.object({ a: z.number() }), { method: 'functionCalling', name: 'add' });
  assert.deepEqual(await called.invoke('call'), { a: 1 });
  assert.deepEqual(model.options.at(-1).toolChoice, { name: 'add' });
  await assert.rejects(chat.withStructuredOutput({ type: 'object' }, { method: 'functionCalling' }).invoke('no'), { lc_error_code: 'OUTPUT_PARSING_FAILURE' });
});

test('LangChain: tokens are the model\'s own, log-probabilities are told, and what is no model is', async () => {
  const chat = chain(new Letters());
  assert.equal(await chat.getNumTokens([{ type: 'text', text: 'four' }]), 4);
  const { response_metadata: metadata } = await chat.invoke('Hi', { logprobs: 1, maxTokens: 2 });
  assert.deepEqual(/** @type {any} */ (metadata.logprobs).content.map((/** @type {any} */ { token }) => token), ['r', 'e']);
  let whole;
  for await (const chunk of await chat.stream('Hi', { logprobs: 1, maxTokens: 2 })) whole = whole === undefined ? chunk : whole.concat(chunk);
  assert.equal(/** @type {any} */ (whole?.response_metadata.logprobs).content.length, 2);
  for (const model of /** @type {any[]} */ ([undefined, null, {}, Promise.resolve()])) {
    assert.throws(() => new ChatBitNet({ model }), { code: 'invalid_argument' });
    assert.throws(() => bitnet(model), { code: 'invalid_argument' });
  }
});

test('AI SDK: tools without a description are taken, and reasoning that a model has not is a warning', async () => {
  const model = new Letters();
  const bare = tool({ inputSchema: jsonSchema(/** @type {const} */ ({ type: 'object', properties: {} })) });
  const { text, warnings } = await generateText({ model: sdk(model), prompt: 'Hi', tools: { bare }, reasoning: 'high' });
  assert.deepEqual([text, warnings?.map((warning) => [warning.type, Reflect.get(warning, 'feature')])], ['re:Hi', [['unsupported', 'reasoning']]]);
  assert.equal('thinking' in model.options[0], false);
});

test('LangChain: an abort stops the model, and what it cannot read is refused', async () => {
  const model = new Letters();
  const control = new AbortController();
  let seen = 0;
  await assert.rejects(async () => {
    for await (const _ of await chain(model).stream('x'.repeat(200), { signal: control.signal })) if (++seen === 5) control.abort();
  });
  for (let i = 0; i < 5; i++) await tick();
  assert.deepEqual([seen < 50, model.running], [true, 0]);
  const image = new HumanMessage({ content: [{ type: 'image_url', image_url: { url: 'data:,' } }] });
  await assert.rejects(chain(model).invoke([image]), { code: 'unsupported' });
});

test('AI SDK: an answer that breaks off is an error in its stream, behind what was written', async () => {
  /** @type {any[]} */
  const errors = [];
  const result = streamText({ model: sdk(new Letters()), prompt: 'Hi!', maxRetries: 0, onError: ({ error }) => void errors.push(error) });
  const types = [];
  for await (const { type } of result.fullStream) types.push(type);
  assert.deepEqual(types.slice(-4), ['text-delta', 'error', 'finish-step', 'finish']);
  assert.deepEqual([await result.text, await result.finishReason, errors.map(({ code }) => code)], ['re:Hi', 'error', ['crashed']]);
});

test('AI SDK: results of tools in parts are their texts, and a seed may be below 0', async () => {
  const model = new Letters();
  const parts = (/** @type {any} */ value) => ({ ...add, toModelOutput: () => ({ type: /** @type {const} */ ('content'), value }) });
  const ask = (/** @type {any} */ value) => generateText({ model: sdk(model), prompt: 'call', tools: { add: parts(value) }, stopWhen: stepCountIs(2), seed: -3 });
  assert.equal((await ask([{ type: 'text', text: 'one' }, { type: 'text', text: 'two' }])).text, 're:one\ntwo');
  assert.equal(model.options.at(-1).seed, 3);
  await assert.rejects(ask([{ type: 'file', data: { type: 'data', data: 'AA==' }, mediaType: 'image/png' }]), { code: 'unsupported', message: /result of a tool.*file/ });
});

test('LangChain: calls and thoughts may stand among the contents of an answer', async () => {
  const model = new Letters();
  const call = /** @type {const} */ ({ type: 'tool_call', id: '1', name: 'add', args: { a: 1 } });
  const answer = new AIMessage({ contentBlocks: [{ type: 'reasoning', reasoning: 'hm' }, { type: 'text', text: 'So.' }, call] });
  await chain(model).invoke([new HumanMessage('Hi'), answer, new ToolMessage({ tool_call_id: '1', content: '3' })]);
  assert.deepEqual(model.messages[0][1], {
    role: 'assistant', content: 'So.', reasoning_content: 'hm', tool_calls: [{ id: '1', type: 'function', function: { name: 'add', arguments: { a: 1 } } }],
  });
  const asked = new HumanMessage({ content: [{ type: 'reasoning', reasoning: 'hm' }] });
  await assert.rejects(chain(model).invoke([asked]), { code: 'unsupported' });
});
