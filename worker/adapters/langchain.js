// A chat model for LangChain.js.
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk } from '@langchain/core/messages';
import { JsonOutputParser, OutputParserException } from '@langchain/core/output_parsers';
import { ChatGenerationChunk } from '@langchain/core/outputs';
import { RunnableLambda } from '@langchain/core/runnables';
import { convertToOpenAITool } from '@langchain/core/utils/function_calling';
import { toJsonSchema } from '@langchain/core/utils/json_schema';
import { interopParseAsync, isInteropZodSchema } from '@langchain/core/utils/types';

import { BitNetError } from '../error.js';
import { tokenLogprob } from '../openai/answer.js';
import { GENERATE_RULES } from '../schema.js';
import { callDeltasOf, toolCallsOf } from '../tool-calls.js';
import { checkModel } from './loaded-model.js';

/** @import { BaseChatModelCallOptions, BindToolsInput } from '@langchain/core/language_models/chat_models' */
/** @import { BaseLanguageModelInput } from '@langchain/core/language_models/base' */
/** @import { Runnable } from '@langchain/core/runnables' */
/** @import { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager' */
/** @import { BaseMessage } from '@langchain/core/messages' */
/** @import { ChatResult } from '@langchain/core/outputs' */
/** @import { GenerationResult, Message, Token } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Model } from '../model.js' */

/** @typedef {BaseChatModelCallOptions & GenerateOptions} ChatBitNetCallOptions */

/**
 * A loaded model as LangChain takes it: `new ChatBitNet({ model, maxTokens: 200 }).stream('Hello')`.
 * @extends {BaseChatModel<ChatBitNetCallOptions>}
 */
export class ChatBitNet extends BaseChatModel {
  #model;
  #options;

  /** @param {{ model: Model } & GenerateOptions & import('@langchain/core/language_models/chat_models').BaseChatModelParams} fields */
  constructor({ model, callbacks, tags, metadata, cache, verbose, maxConcurrency, maxRetries = 0, onFailedAttempt, ...options }) {
    super({ callbacks, tags, metadata, cache, verbose, maxConcurrency, maxRetries, onFailedAttempt });
    this.#model = checkModel(model);
    this.#options = options;
  }

  _llmType() {
    return 'bitnet-web';
  }

  /**
   * @param {BindToolsInput[]} tools
   * @param {Partial<ChatBitNetCallOptions>} [options]
   * @returns {Runnable<BaseLanguageModelInput, AIMessageChunk, ChatBitNetCallOptions>}
   */
  bindTools(tools, options) {
    return this.withConfig(/** @type {any} */ ({ tools: tools.map((tool) => convertToOpenAITool(tool)), ...options }));
  }

  /**
   * The model's own tokens of a text. LangChain's own count would fetch a tokenizer of another model.
   * @param {import('@langchain/core/messages').MessageContent} content
   */
  async getNumTokens(content) {
    const text = typeof content === 'string' ? content : content.map((part) => ('text' in part ? part.text : '')).join('');
    return (await this.#model.tokenize(text)).length;
  }

  /**
   * A chain whose answers follow a schema, which is enforced while they are written. What the schema's library checks besides (Zod's
   * `refine`, say) is checked behind, where a whole answer is asked for.
   * @param {any} schema of Zod or another library, or a JSON schema
   * @param {{ includeRaw?: boolean, method?: string, name?: string }} [config] `functionCalling` as the method asks for a call of a
   *   tool in its place
   * @returns {any}
   */
  withStructuredOutput(schema, config = {}) {
    const json = isInteropZodSchema(schema) || '~standard' in schema ? toJsonSchema(schema) : schema;
    if (config.method === 'functionCalling') {
      const name = config.name ?? 'extract';
      const tool = { type: 'function', function: { name, description: json.description ?? 'What is asked for.', parameters: json } };
      const args = RunnableLambda.from((/** @type {any} */ { tool_calls: [call], response_metadata: metadata }) => {
        if (call === undefined) throw unreadable('no call of a tool in the answer', metadata);
        return validate(schema, call.args);
      });
      return structured(this.bindTools([tool], { tool_choice: name }), args, config.includeRaw);
    }
    const chat = this.withConfig(/** @type {any} */ ({ responseFormat: { type: 'json_schema', schema: json } }));
    return structured(chat, new AnswerParser(schema), config.includeRaw);
  }

  /** @param {BaseMessage[]} messages @param {ChatBitNetCallOptions} options @returns {Promise<ChatResult>} */
  async _generate(messages, options) {
    const { text, tokens, ...result } = await this.#model.complete(messages.map(messageOf), this.#optionsOf(messages, options));
    const calls = toolCallsOf(result).map(({ id, name, arguments: args }) => ({ id, name, args, type: /** @type {const} */ ('tool_call') }));
    const message = new AIMessage({ content: text, ...thoughtOf(result.reasoning), tool_calls: calls, usage_metadata: usageOf(result), response_metadata: { ...metadataOf(result), ...logprobsOf(tokens) } });
    const { promptTokens, completionTokens } = result.usage;
    return { generations: [{ text, message }], llmOutput: { tokenUsage: { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens } } };
  }

  /**
   * @param {BaseMessage[]} messages
   * @param {ChatBitNetCallOptions} options
   * @param {CallbackManagerForLLMRun} [runManager]
   * @returns {AsyncGenerator<ChatGenerationChunk>}
   */
  async *_streamResponseChunks(messages, options, runManager) {
    const stream = this.#model.generate(messages.map(messageOf), this.#optionsOf(messages, options));
    for await (const token of stream) {
      const deltas = callDeltasOf(token).map(({ index, id, name, arguments: args }) => ({ index, id, name, args, type: /** @type {const} */ ('tool_call_chunk') }));
      const logprobs = logprobsOf(token.logprob === undefined ? [] : [token]);
      if (token.text === '' && !token.reasoning && deltas.length === 0 && !logprobs) continue;
      const message = new AIMessageChunk({ content: token.text, ...thoughtOf(token.reasoning), tool_call_chunks: deltas, response_metadata: { ...logprobs } });
      yield new ChatGenerationChunk({ text: token.text, message });
      await runManager?.handleLLMNewToken(token.text);
    }
    const result = /** @type {GenerationResult} */ (stream.result);
    const last = new AIMessageChunk({ content: '', usage_metadata: usageOf(result), response_metadata: metadataOf(result) });
    yield new ChatGenerationChunk({ text: '', message: last });
  }

  /** @param {BaseMessage[]} messages @param {ChatBitNetCallOptions} call @returns {GenerateOptions} */
  #optionsOf(messages, call) {
    // Among them are many of LangChain's own.
    const own = Object.entries(call).filter(([name, value]) => value !== undefined && Object.hasOwn(GENERATE_RULES, name));
    const ends = messages.at(-1)?.type === 'ai' && { continueFinalMessage: false };
    return { ...ends, ...this.#options, ...Object.fromEntries(own), ...choiceOf(call.tool_choice) };
  }
}

/** Reads answers that follow a schema; while they are written, as far as they are there. */
class AnswerParser extends JsonOutputParser {
  #schema;

  /** @param {any} schema */
  constructor(schema) {
    super();
    this.#schema = schema;
  }

  /** @param {Parameters<JsonOutputParser['parseResult']>[0]} generations */
  async parseResult([{ text, ...generation }]) {
    try {
      return await validate(this.#schema, JSON.parse(text));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw unreadable(error.message, /** @type {any} */ (generation).message?.response_metadata, text);
    }
  }
}

/**
 * @param {any} schema
 * @param {unknown} value
 */
async function validate(schema, value) {
  if (isInteropZodSchema(schema)) {
    return interopParseAsync(schema, value).catch((error) => Promise.reject(new OutputParserException(`The answer does not satisfy the schema: ${error.message}`, JSON.stringify(value))));
  }
  const checked = await schema['~standard']?.validate?.(value);
  if (checked?.issues) throw new OutputParserException(`The answer does not satisfy the schema: ${JSON.stringify(checked.issues)}`, JSON.stringify(value));
  return checked ? checked.value : value;
}

/**
 * @param {string} reason
 * @param {{ finish_reason?: string } | undefined} metadata
 * @param {string} [text]
 */
function unreadable(reason, metadata, text) {
  const cut = metadata?.finish_reason === 'length';
  return new OutputParserException(cut ? `The answer was cut off: it needs more tokens than maxTokens or the context allow (${reason}).` : reason, text);
}

/**
 * @param {Runnable<BaseLanguageModelInput, any>} chat
 * @param {Runnable<any, any>} parser
 * @param {boolean} [includeRaw]
 */
function structured(chat, parser, includeRaw = false) {
  if (!includeRaw) return chat.pipe(parser);
  return chat.pipe(RunnableLambda.from(async (raw) => ({ raw, parsed: await parser.invoke(/** @type {any} */ (raw)).catch(() => null) })));
}

/**
 * Log-probabilities, where LangChain's model of OpenAI has them.
 * @param {readonly Token[] | undefined} tokens
 */
function logprobsOf(tokens = []) {
  return tokens.length > 0 ? { logprobs: { content: tokens.map(tokenLogprob) } } : undefined;
}

/**
 * @param {BaseChatModelCallOptions['tool_choice']} choice
 * @returns {object}
 */
function choiceOf(choice) {
  if (choice === undefined || choice === 'auto') return {};
  if (choice === 'any' || choice === 'required') return { toolChoice: 'required' };
  if (choice === 'none') return { toolChoice: 'none' };
  return { toolChoice: { name: typeof choice === 'string' ? choice : choice.function?.name } };
}

/**
 * What a model has thought stands where LangChain's models of DeepSeek and of Ollama have it.
 * @param {string | undefined} reasoning
 */
function thoughtOf(reasoning) {
  return reasoning ? { additional_kwargs: { reasoning_content: reasoning } } : {};
}

/** @type {Record<string, string>} */
const ROLES = { human: 'user', ai: 'assistant', system: 'system', developer: 'system', tool: 'tool' };

/** What stands among the contents of assistants besides texts: calls, which `tool_calls` has too, and thoughts. */
const ASIDE = ['tool_use', 'tool_call', 'reasoning', 'thinking', 'redacted_thinking'];

/** @param {BaseMessage} message @returns {Message} */
function messageOf(message) {
  const role = ROLES[message.type] ?? /** @type {any} */ (message).role;
  const parts = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
  const other = parts.find(({ type }) => type !== 'text' && !(role === 'assistant' && ASIDE.includes(type)));
  if (role === undefined || other !== undefined) {
    const found = role === undefined ? `a message of the type ${message.type}` : `a part of the type ${other?.type}`;
    throw new BitNetError('unsupported', `Expected messages of a system, a user, an assistant or a tool, of text alone, found ${found}.`);
  }
  const content = parts.map((part) => ('text' in part ? part.text : '')).join('');
  const { tool_calls: calls = [], tool_call_id: id, name } = /** @type {any} */ (message);
  if (role === 'tool') return { role, content, tool_call_id: id, ...(name && { name }) };
  const thoughts = parts.map((/** @type {any} */ { type, reasoning, thinking }) => (type === 'reasoning' ? reasoning : thinking) ?? '').join('');
  const { reasoning_content: reasoning = thoughts } = message.additional_kwargs;
  const thought = typeof reasoning === 'string' && reasoning !== '' && { reasoning_content: reasoning };
  if (calls.length === 0) return { role, content, ...thought };
  return { role, content, ...thought, tool_calls: calls.map((/** @type {any} */ call) => ({ id: call.id, type: 'function', function: { name: call.name, arguments: call.args } })) };
}

/** @param {GenerationResult} result */
function usageOf({ usage: { promptTokens, cachedTokens, completionTokens } }) {
  return {
    input_tokens: promptTokens,
    output_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    input_token_details: { cache_read: cachedTokens },
  };
}

/** @param {GenerationResult} result */
function metadataOf({ finishReason, stoppedBy }) {
  return { finish_reason: finishReason, stopped_by: stoppedBy };
}
