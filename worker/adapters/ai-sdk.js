// A model for Vercel's AI SDK: its provider specification v4. It needs nothing of that package but its types.
import { BitNetError } from '../error.js';
import { GENERATE_RULES } from '../schema.js';
import { callDeltasOf, toolCallsOf } from '../tool-calls.js';
import { checkModel } from './loaded-model.js';

/** @import { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Content, LanguageModelV4FinishReason, LanguageModelV4Message, LanguageModelV4StreamPart, LanguageModelV4ToolResultOutput, LanguageModelV4Usage, SharedV4Warning } from '@ai-sdk/provider' */
/** @import { GenerationResult, Message, StreamEvent, Token } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Model } from '../model.js' */

/**
 * A loaded model as the AI SDK's `generateText`, `streamText` and their like take it: `streamText({ model: bitnet(model), prompt })`.
 * Options that the SDK does not know go into `providerOptions.bitnet`.
 * @param {Model} model
 * @param {GenerateOptions} [settings] for every answer, where a call says nothing else
 * @returns {LanguageModelV4}
 */
export function bitnet(model, settings = {}) {
  const modelId = checkModel(model).info.name ?? 'bitnet-web';
  /** @type {Promise<boolean> | undefined} */
  let thinks;
  const begin = async (/** @type {LanguageModelV4CallOptions} */ call) => {
    const { options, warnings } = optionsOf(call, settings);
    // A call that asks for reasoning is written for many models: where this one has none, that is a warning.
    if (options.thinking && call.reasoning !== undefined && !(await (thinks ??= canThink(model)))) {
      delete options.thinking;
      warnings.push({ type: 'unsupported', feature: 'reasoning', details: 'The chat template of this model does not let it be chosen.' });
    }
    const messages = call.prompt.flatMap(messagesOf);
    const ends = messages.at(-1)?.role === 'assistant' && { continueFinalMessage: false };
    return { warnings, stream: model.generate(messages, { ...ends, ...options }) };
  };
  return {
    specificationVersion: 'v4',
    provider: 'bitnet-web',
    modelId,
    supportedUrls: {},
    async doGenerate(call) {
      const { warnings, stream } = await begin(call);
      const answer = new Answer();
      for await (const token of stream) answer.add(token);
      const result = /** @type {GenerationResult} */ (stream.result);
      const { text, reasoning } = answer;
      /** @type {LanguageModelV4Content[]} */
      const content = reasoning === '' ? [] : [{ type: 'reasoning', text: reasoning }];
      if (text !== '') content.push({ type: 'text', text });
      for (const { id, name, arguments: values } of toolCallsOf(result)) {
        content.push({ type: 'tool-call', toolCallId: id, toolName: name, input: JSON.stringify(values) });
      }
      return { content, finishReason: reasonOf(result), usage: usageOf(result, answer), response: { modelId, timestamp: new Date() }, warnings };
    },
    async doStream(call) {
      const { warnings, stream } = await begin(call);
      const events = stream.events();
      const first = await events.next(); // a prompt that is refused rejects here
      return { stream: readable(partsOf(events, first, warnings, modelId)) };
    },
  };
}

/** @param {Model} model @returns {Promise<boolean>} whether its thinking can be chosen */
async function canThink(model) {
  return model.chatPrompt([{ role: 'user', content: 'Hello' }], { thinking: true }).then(() => true, ({ code }) => code !== 'unsupported');
}

/** What has come of an answer. */
class Answer {
  text = '';
  reasoning = '';
  reasoningTokens = 0;

  /** @param {Token} token */
  add({ id, text, reasoning = '' }) {
    this.text += text;
    this.reasoning += reasoning;
    // A token that only begins a character, or ends the thinking, has no text of its own.
    if (this.reasoning !== '' && this.text === '' && id >= 0) this.reasoningTokens += 1;
  }
}

/**
 * @param {AsyncGenerator<StreamEvent, void, undefined>} events
 * @param {IteratorResult<StreamEvent, void>} step the first one
 * @param {SharedV4Warning[]} warnings
 * @param {string} modelId
 * @returns {AsyncGenerator<LanguageModelV4StreamPart, void, undefined>}
 */
async function* partsOf(events, step, warnings, modelId) {
  yield { type: 'stream-start', warnings };
  yield { type: 'response-metadata', modelId, timestamp: new Date() };
  const answer = new Answer();
  /** The part that is being written. @type {'text' | 'reasoning' | undefined} */
  let part;
  /** The ids of calls, by their numbers. @type {string[]} */
  const ids = [];
  try {
    for (; !step.done; step = await events.next()) {
      const event = step.value;
      if (event.type === 'token') {
        answer.add(event);
        for (const [type, delta] of /** @type {const} */ ([['reasoning', event.reasoning ?? ''], ['text', event.text]])) {
          if (delta === '') continue;
          if (part !== undefined && part !== type) yield { type: `${part}-end`, id: part };
          if (part !== type) yield { type: `${type}-start`, id: type };
          part = type;
          yield { type: `${type}-delta`, id: type, delta };
        }
        for (const { index, id, name, arguments: delta } of callDeltasOf(event)) {
          if (id !== undefined) {
            ids[index] = id;
            yield { type: 'tool-input-start', id, toolName: name ?? '' };
          }
          if (delta !== '') yield { type: 'tool-input-delta', id: ids[index], delta };
        }
      }
      if (event.type !== 'done' || event.result === undefined) continue;
      if (part !== undefined) yield { type: `${part}-end`, id: part };
      for (const { id, name, arguments: values } of toolCallsOf(event.result)) {
        yield { type: 'tool-input-end', id };
        yield { type: 'tool-call', toolCallId: id, toolName: name, input: JSON.stringify(values) };
      }
      yield { type: 'finish', usage: usageOf(event.result, answer), finishReason: reasonOf(event.result) };
    }
  } catch (error) {
    // What an abort ends the SDK sees by its own signal; anything else is a part of the stream, as with other providers.
    if (!(error instanceof BitNetError)) throw error;
    yield { type: 'error', error };
    yield { type: 'finish', usage: NO_USAGE, finishReason: { unified: 'error', raw: error.code } };
  } finally {
    await events.return(); // whoever leaves the stream stops the model
  }
}

/**
 * @template T
 * @param {AsyncGenerator<T, void, undefined>} parts
 * @returns {ReadableStream<T>}
 */
function readable(parts) {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return();
    },
  });
}

/**
 * @param {LanguageModelV4CallOptions} call
 * @param {GenerateOptions} settings
 * @returns {{ options: GenerateOptions, warnings: SharedV4Warning[] }}
 */
function optionsOf(call, settings) {
  const { maxOutputTokens, temperature, stopSequences, topP, topK, presencePenalty, frequencyPenalty, seed, abortSignal } = call;
  /** @type {SharedV4Warning[]} */
  const warnings = [];
  const unsupported = (/** @type {string} */ feature) => void warnings.push({ type: 'unsupported', feature });
  /** @type {Record<string, unknown>} */
  const wished = {
    maxTokens: maxOutputTokens, temperature, topP, topK, presencePenalty, frequencyPenalty, signal: abortSignal,
    // Other providers take any whole number.
    seed: seed === undefined ? undefined : Math.abs(seed),
    stop: stopSequences?.length ? stopSequences : undefined,
  };
  const { responseFormat, tools = [], toolChoice } = call;
  if (responseFormat?.type === 'json') {
    const { schema } = responseFormat;
    if (!Object.hasOwn(GENERATE_RULES, 'responseFormat')) unsupported('responseFormat');
    else wished.responseFormat = schema === undefined ? { type: 'json_object' } : { type: 'json_schema', schema };
  }
  const functions = tools.flatMap((tool) => (tool.type === 'function' ? [tool] : unsupported(`provider-defined tool ${tool.name}`) ?? []));
  if (functions.length > 0) {
    wished.tools = functions.map(({ name, description, inputSchema: parameters, strict }) => ({ type: 'function', function: { name, description, parameters, ...(strict !== undefined && { strict }) } }));
    if (toolChoice !== undefined && toolChoice.type !== 'auto') {
      if (!Object.hasOwn(GENERATE_RULES, 'toolChoice')) unsupported('toolChoice');
      else wished.toolChoice = toolChoice.type === 'tool' ? { name: toolChoice.toolName } : toolChoice.type;
    }
  }
  const { reasoning = 'provider-default' } = call;
  if (reasoning !== 'provider-default') wished.thinking = reasoning !== 'none';
  const known = Object.fromEntries(Object.entries(wished).filter(([, value]) => value !== undefined));
  return { options: { ...settings, ...known, ...call.providerOptions?.bitnet }, warnings };
}

/**
 * @param {LanguageModelV4Message} message
 * @returns {Message[]}
 */
function messagesOf(message) {
  if (message.role === 'system') return [{ role: 'system', content: message.content }];
  if (message.role === 'tool') {
    return message.content.flatMap((part) =>
      part.type === 'tool-result' ? [{ role: 'tool', content: resultText(part.output), tool_call_id: part.toolCallId, name: part.toolName }] : []);
  }
  let [content, reasoning] = ['', ''];
  const calls = [];
  for (const part of message.content) {
    if (part.type === 'text') content += part.text;
    else if (part.type === 'tool-call') calls.push({ id: part.toolCallId, type: 'function', function: { name: part.toolName, arguments: part.input } });
    else if (part.type === 'reasoning') reasoning += part.text;
    else throw unreadable('A message', part.type);
  }
  return [{ role: message.role, content, ...(reasoning !== '' && { reasoning_content: reasoning }), ...(calls.length > 0 && { tool_calls: calls }) }];
}

/** @param {string} what @param {string} type */
function unreadable(what, type) {
  return new BitNetError('unsupported', `${what} has a part of the type ${type}: expected texts and calls of tools, since models here read text only.`);
}

/** @param {LanguageModelV4ToolResultOutput} output */
function resultText(output) {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return output.value;
    case 'execution-denied':
      return output.reason ?? 'The call was denied.';
    case 'content':
      return output.value.map((part) => {
        if (part.type === 'text') return part.text;
        throw unreadable('The result of a tool', part.type);
      }).join('\n');
    default:
      return JSON.stringify(output.value);
  }
}

/** @param {GenerationResult} result @returns {LanguageModelV4FinishReason} */
function reasonOf({ finishReason: raw, stoppedBy }) {
  const unified = stoppedBy?.type === 'guard' ? 'content-filter' : raw === 'tool_calls' ? 'tool-calls' : raw;
  return { unified: /** @type {LanguageModelV4FinishReason['unified']} */ (unified), raw };
}

/** Where nothing is known. @type {LanguageModelV4Usage} */
const NO_USAGE = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
};

/** @param {GenerationResult} result @param {Answer} answer @returns {LanguageModelV4Usage} */
function usageOf({ usage: { promptTokens, cachedTokens, completionTokens } }, { reasoningTokens }) {
  return {
    inputTokens: { total: promptTokens, noCache: promptTokens - cachedTokens, cacheRead: cachedTokens, cacheWrite: undefined },
    outputTokens: { total: completionTokens, text: completionTokens - reasoningTokens, reasoning: reasoningTokens > 0 ? reasoningTokens : undefined },
  };
}
