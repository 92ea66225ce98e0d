// Calls of tools: the prompt, what is forced, what is streamed, and the results' way back, with templates of several families.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { GENERIC } from '../../worker/tools/convention.js';
import { checkTools } from '../../worker/tools/definition.js';
import { CallParser } from '../../worker/tools/parser.js';
import { pageTest, SHIPPED } from './api-pages.mjs';
import { ROOT } from './harness.mjs';

/** @import { Message, ToolCall, ToolCallDelta } from '../../worker/types.js' */

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { enum: ['Paris', 'Zürich'] }, days: { type: 'integer', minimum: 1, maximum: 9 } },
      required: ['city', 'days'],
    },
  },
};
const CLOCK = { type: 'function', function: { name: 'clock', description: 'The time.' } };

const TEMPLATES = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/chat/families.json'), 'utf8')).templates;

/** @param {ToolCall} call */
function checkCall({ id, name, arguments: values }) {
  assert.match(id, /^[a-z0-9]{9}$/);
  if (name === 'clock') return assert.deepEqual(values, {});
  assert.equal(name, 'get_weather');
  assert.deepEqual(Object.keys(values), ['city', 'days']);
  assert.ok(['Paris', 'Zürich'].includes(String(values.city)) && Number(values.days) >= 1 && Number(values.days) <= 9, JSON.stringify(values));
}

test('calls are found wherever the pieces of an answer are cut', () => {
  const call = (/** @type {string} */ name, /** @type {string} */ json) => `<tool_call>\n{"name": "${name}", "arguments": ${json}}\n</tool_call>`;
  const json = '{"a": "}\\"{<tool_call>", "b": [{"c": 1}]}';
  const answer = `I look < it <tool up.\n\n${call('f', json)}\n${call('g', '{}')}`;
  for (let size = 1; size < answer.length + 1; size += 1) {
    const parser = new CallParser(GENERIC, false);
    let text = '';
    /** @type {ToolCallDelta[]} */
    const deltas = [];
    for (let at = 0; at < answer.length; at += size) {
      const got = parser.push(answer.slice(at, at + size));
      text += got.text;
      deltas.push(...got.deltas);
    }
    text += parser.finish();
    assert.equal(text, 'I look < it <tool up.', `pieces of ${size}`);
    assert.deepEqual(parser.calls.map(({ name, arguments: values }) => [name, values]), [['f', JSON.parse(json)], ['g', {}]]);
    for (const [index, { id, name }] of parser.calls.entries()) {
      const own = deltas.filter((delta) => delta.index === index);
      assert.deepEqual([own[0].id, own[0].name], [id, name]);
      assert.equal(own.map((delta) => delta.arguments).join(''), [json, '{}'][index]);
    }
  }
});

test('a text without a call stays as it is, and one that is cut off has no call', () => {
  const bare = { ...GENERIC, open: '', close: '', between: undefined };
  for (const [form, must, answer, text] of /** @type {const} */ ([
    [GENERIC, false, 'a <tool_call', 'a <tool_call'],
    [GENERIC, false, 'a  \n ', 'a  \n '],
    [GENERIC, true, '<tool_call>\n{"name": "f", "argum', ''],
    [GENERIC, false, 'x\n<tool_call>\n{"name": "f", "arguments": {"a": ', 'x'],
    [bare, false, 'Hello {"name": "f", "arguments": {}}', 'Hello {"name": "f", "arguments": {}}'],
    [bare, false, '{"na', '{"na'],
    [bare, false, '', ''],
  ])) {
    for (const size of [1, 3, 100]) {
      const parser = new CallParser(form, must);
      let got = '';
      for (let at = 0; at < answer.length; at += size) got += parser.push(answer.slice(at, at + size)).text;
      got += parser.finish();
      assert.deepEqual([got, parser.calls], [text, []], `${answer} in pieces of ${size}`);
    }
  }
});

test('definitions are checked', () => {
  assert.deepEqual(checkTools([WEATHER.function, CLOCK]).map(({ name }) => name), ['get_weather', 'clock']);
  for (const bad of [[{}], [{ name: 'a b' }], [{ function: { name: '' } }], [{ function: null }], [CLOCK, CLOCK], [{ name: 'a', parameters: [] }], [{ name: 'a', parameters: 'x' }]]) {
    assert.throws(() => checkTools(bad), (/** @type {any} */ error) => error.code === 'invalid_argument' && /tools\[\d\]/.test(error.message));
  }
});

/** Templates that show how a call is written, and one that knows nothing of tools. */
const FAMILIES = /** @type {const} */ ({
  'qwen 2.5': { call: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}\n</tool_call>', many: true },
  'qwen 3': { call: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}\n</tool_call>', many: true },
  'hermes 3': { call: '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}</tool_call>', many: true },
  'llama 3.1': { call: '{"name": "get_weather", "parameters": {"city": "Paris", "days": 2}}', many: false },
  bitnet: { call: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}\n</tool_call>', many: true },
  'gemma 3': { call: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}\n</tool_call>', many: true },
  'deepseek v3': { call: '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 2}}\n</tool_call>', many: true },
});

for (const [family, { call, many }] of Object.entries(FAMILIES)) {
  pageTest(`${family}: calls are forced, streamed, and their results come back`, async (page) => {
    const got = await page.evaluate(
      async ([url, chatTemplate, weather, clock]) => {
        const model = await lib.BitNet.load(url, { threads: 1, chatTemplate });
        const tools = [weather, clock];
        const messages = [{ role: 'user', content: 'What is the weather in Paris?' }];
        const forced = await model.complete(messages, { tools, toolChoice: 'required', seed: 1, temperature: 1, maxTokens: 400 });
        const stream = model.generate(messages, { tools: [weather], toolChoice: { name: 'get_weather' }, temperature: 2, seed: 2, maxTokens: 400 });
        const pieces = [];
        let text = '';
        for await (const token of stream) {
          text += token.text;
          pieces.push(...(token.toolCalls ?? []));
        }
        const free = await model.complete(messages, { tools, temperature: 0, maxTokens: 60 });
        const none = await model.complete(messages, { tools, toolChoice: 'none', temperature: 0, maxTokens: 20 });
        const without = await model.complete(messages, { temperature: 0, maxTokens: 20 });
        const single = await model.complete(messages, { tools, toolChoice: 'required', parallelToolCalls: false, temperature: 3, seed: 5, maxTokens: 400 });
        /** @param {unknown} values */
        const history = (values) => [
          ...messages,
          { role: 'assistant', content: '', tool_calls: [{ id: 'call12345', type: 'function', function: { name: 'get_weather', arguments: values } }] },
          { role: 'tool', tool_call_id: 'call12345', content: 'It is sunny.' },
        ];
        const prompt = await model.chatPrompt(history({ city: 'Paris', days: 2 }), { tools });
        const asText = await model.chatPrompt(history('{"city": "Paris", "days": 2}'), { tools });
        const counted = await model.countTokens(history({ city: 'Paris', days: 2 }), { tools });
        const again = await model.complete(history({ city: 'Paris', days: 2 }), { tools, maxTokens: 5 });
        const lost = await model.complete([...history({}), { role: 'tool', tool_call_id: 'other', content: 'x' }], { tools }).catch((error) => error.message);
        return { forced, text, pieces, result: stream.result, free, none, without, single, prompt, asText, counted, again, lost };
      },
      /** @type {const} */ ([SHIPPED, TEMPLATES[family], WEATHER, CLOCK]),
    );
    assert.deepEqual([got.forced.finishReason, got.forced.text], ['tool_calls', '']);
    assert.ok(got.forced.toolCalls && got.forced.toolCalls.length >= 1);
    got.forced.toolCalls.forEach(checkCall);
    const [streamed] = got.result?.toolCalls ?? [];
    assert.equal(streamed.name, 'get_weather');
    checkCall(streamed);
    assert.deepEqual([got.text, got.result?.finishReason, got.result?.toolCalls?.length], ['', 'tool_calls', 1]);
    assert.deepEqual([got.pieces[0].id, got.pieces[0].name], [streamed.id, 'get_weather']);
    assert.deepEqual(JSON.parse(got.pieces.map((piece) => piece.arguments).join('')), streamed.arguments);
    // The demo model was not trained to call, so it writes text; whatever it does, no call is left in it.
    assert.ok(!got.free.text.includes('<tool_call>') && (got.free.toolCalls ?? []).length === (got.free.finishReason === 'tool_calls' ? 1 : 0));
    assert.equal(got.none.text, got.without.text);
    assert.equal(got.single.toolCalls?.length, 1);
    if (!many) assert.equal(got.forced.toolCalls?.length, 1);
    assert.ok(got.prompt.includes(call), got.prompt);
    assert.ok(got.prompt.includes('It is sunny.') && got.prompt.includes('The weather of a city.'));
    assert.equal(got.prompt, got.asText);
    assert.equal(got.counted, got.again.usage.promptTokens);
    assert.match(String(got.lost), /tool_call_id, found 'other'/);
  });
}

pageTest('what is wrong with tools is told before anything is generated', async (page) => {
  const errors = await page.evaluate(
    async ([url, weather]) => {
      const model = await lib.BitNet.load(url, { threads: 1 });
      const messages = [{ role: 'user', content: 'Hi' }];
      const bad = { type: 'function', function: { name: 'tags', parameters: { type: 'object', properties: { tags: { type: 'array', uniqueItems: true } } } } };
      /** @type {any[]} */
      const cases = [
        [messages, { toolChoice: 'required' }],
        [messages, { tools: [weather], toolChoice: { name: 'other' } }],
        [messages, { tools: [weather], toolChoice: 'sometimes' }],
        ['raw', { tools: [weather], toolChoice: 'required' }],
        [messages, { tools: [{ name: 'a b' }] }],
        [messages, { tools: [weather, bad], toolChoice: 'required' }],
        [[{ role: 'user', content: 'Hi' }, { role: 'assistant', content: '', tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{' } }] }, { role: 'tool', content: 'x', tool_call_id: 'a' }], { tools: [weather] }],
      ];
      const errors = [];
      for (const [prompt, options] of cases) {
        const error = await (async () => model.complete(prompt, { ...options, maxTokens: 3 }))().then(() => ({ code: 'none' }), (error) => error);
        errors.push([error.code, error.message]);
      }
      bad.function.parameters.properties.tags.uniqueItems = true;
      const loose = { ...bad, function: { ...bad.function, strict: false } };
      const { toolCalls, finishReason } = await model.complete(messages, { tools: [loose], toolChoice: 'required', parallelToolCalls: false, temperature: 0.5, seed: 3, maxTokens: 300 });
      return { errors, calls: finishReason === 'length' ? 'cut' : toolCalls?.[0]?.name };
    },
    /** @type {const} */ ([SHIPPED, WEATHER]),
  );
  assert.deepEqual(errors.errors.map(([code]) => code), [...Array(5).fill('invalid_argument'), 'invalid_grammar', 'invalid_argument']);
  assert.match(errors.errors[5][1], /parameters of the tool 'tags'.*uniqueItems/);
  assert.ok(['tags', 'cut'].includes(String(errors.calls)));
});
