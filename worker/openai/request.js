// Requests of OpenAI's API, read into the options of `generate`: https://platform.openai.com/docs/api-reference
import { GENERATE_RULES } from '../schema.js';
import { OpenAIError } from './error.js';
import { inputs, isTextInput } from './token-prompt.js';

/** @import { Message } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { TextInput } from './token-prompt.js' */
/** @import { ChatMessageParam, ChatResponseFormat, ChatTool, NamedToolChoice } from './types.js' */

/**
 * What both kinds of completions take.
 * @typedef {object} CommonParams
 * @property {string | undefined} [model] taken over into the answer; there is one model
 * @property {boolean | null | undefined} [stream]
 * @property {{ include_usage?: boolean | undefined, include_obfuscation?: boolean | undefined } | null | undefined} [stream_options]
 * @property {number | null | undefined} [temperature] 1 by default, as with OpenAI; 0 is greedy
 * @property {number | null | undefined} [top_p]
 * @property {string | readonly string[] | null | undefined} [stop]
 * @property {number | null | undefined} [seed]
 * @property {number | null | undefined} [n]
 * @property {Readonly<Record<string, number>> | null | undefined} [logit_bias]
 * @property {number | null | undefined} [frequency_penalty]
 * @property {number | null | undefined} [presence_penalty]
 * @property {string | null | undefined} [user] the client that guards see, where there is no `safety_identifier`
 * @property {string | null | undefined} [safety_identifier] the client that guards see
 * @property {number | undefined} [top_k] as llama.cpp's and vLLM's servers take it, like the next two
 * @property {number | undefined} [min_p]
 * @property {number | undefined} [repetition_penalty]
 */

/**
 * A request for an answer to a chat.
 * @typedef {CommonParams & {
 *   messages: readonly ChatMessageParam[],
 *   max_tokens?: number | null | undefined,
 *   max_completion_tokens?: number | null | undefined,
 *   logprobs?: boolean | null | undefined,
 *   top_logprobs?: number | null | undefined,
 *   response_format?: ChatResponseFormat | null | undefined,
 *   tools?: readonly ChatTool[] | null | undefined,
 *   tool_choice?: 'none' | 'auto' | 'required' | NamedToolChoice | null | undefined,
 *   parallel_tool_calls?: boolean | null | undefined,
 *   reasoning_effort?: string | null | undefined,
 *   store?: boolean | null | undefined,
 *   modalities?: readonly string[] | null | undefined,
 *   metadata?: object | null | undefined,
 *   service_tier?: string | null | undefined,
 *   prompt_cache_key?: string | null | undefined,
 *   prompt_cache_retention?: string | null | undefined,
 * }} ChatParams `max_completion_tokens` counts where both limits are there. `reasoning_effort`: 'none' has a model answer without thinking
 *   before, anything else has it think, where it can. `store` can only be false, `modalities` only text; what follows has no effect.
 */

/**
 * A request for the continuation of a text.
 * @typedef {CommonParams & {
 *   prompt: TextInput,
 *   max_tokens?: number | null | undefined,
 *   logprobs?: number | null | undefined,
 *   echo?: boolean | null | undefined,
 *   best_of?: number | null | undefined,
 *   suffix?: string | null | undefined,
 * }} CompletionParams `max_tokens` is 16 by default, as with OpenAI. `echo` can only be false, `best_of` only 1, and `suffix` nothing.
 */

/**
 * A request that was read.
 * @typedef {object} OpenAIRequest
 * @property {(string | readonly number[] | Message[])[]} prompts numbers are tokens of a text
 * @property {GenerateOptions} options
 * @property {number} n answers to each prompt
 * @property {boolean} stream
 * @property {boolean} includeUsage
 * @property {string | undefined} model
 */

/** @typedef {(value: any) => boolean} Check */

/** @type {Check} */
const isText = (value) => typeof value === 'string';
/** @type {Check} */
const isFlag = (value) => typeof value === 'boolean';
/** @type {Check} */
const isAny = () => true;
/** @param {number} least @param {number} most @returns {Check} */
const number = (least, most) => (value) => typeof value === 'number' && value >= least && value <= most;
/** @param {number} least @param {number} most @returns {Check} */
const whole = (least, most) => (value) => Number.isInteger(value) && value >= least && value <= most;

/** Of OpenAI's models; those here either think or do not. */
const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'];

/** The most answers to one prompt. */
const MOST_ANSWERS = 128;

/** @type {Record<string, [expected: string, check: Check]>} */
const COMMON = {
  model: ['a string', isText],
  stream: ['true or false', isFlag],
  stream_options: ['an object', (v) => typeof v === 'object' && !Array.isArray(v)],
  temperature: ['a number from 0 to 2', number(0, 2)],
  top_p: ['a number from 0 to 1', number(0, 1)],
  stop: ['a string or an array of strings, none empty', (v) => [v].flat().every((s) => isText(s) && s !== '')],
  seed: ['a whole number', (v) => Number.isSafeInteger(v)],
  n: [`a whole number from 1 to ${MOST_ANSWERS}`, whole(1, MOST_ANSWERS)],
  logit_bias: ['an object of token ids and numbers from -100 to 100', isBias],
  frequency_penalty: ['a number from -2 to 2', number(-2, 2)],
  presence_penalty: ['a number from -2 to 2', number(-2, 2)],
  max_tokens: ['a whole number of 1 or more', whole(1, 2 ** 32 - 1)],
  top_k: ['a whole number of 0 or more', whole(0, 2 ** 32 - 1)],
  min_p: ['a number from 0 to 1', number(0, 1)],
  repetition_penalty: ['a number above 0, at most 100', (v) => number(0, 100)(v) && v > 0],
  user: ['a string', isText],
  safety_identifier: ['a string', isText],
};

/** What has no effect on an answer that is computed here. */
const WITHOUT_EFFECT = ['metadata', 'service_tier', 'prompt_cache_key', 'prompt_cache_retention'];

/** @type {Record<string, [expected: string, check: Check]>} */
const CHAT = {
  ...COMMON,
  messages: ['an array of messages, at least one', (v) => Array.isArray(v) && v.length > 0],
  max_completion_tokens: COMMON.max_tokens,
  logprobs: ['true or false', isFlag],
  top_logprobs: ['a whole number from 0 to 20', whole(0, 20)],
  response_format: ["{ type: 'text' }, { type: 'json_object' } or { type: 'json_schema', json_schema: { name, schema } }", isResponseFormat],
  tools: ["an array of { type: 'function', function: { name, description, parameters } }", isTools],
  tool_choice: ["'none', 'auto', 'required', { type: 'function', function: { name } } or { type: 'allowed_tools', allowed_tools: { mode, tools } }", isToolChoice],
  parallel_tool_calls: ['true or false', isFlag],
  reasoning_effort: [`one of ${REASONING_EFFORTS.join(', ')}`, (v) => REASONING_EFFORTS.includes(v)],
  // Only what is the case anyway.
  store: ['false: nothing is stored', (v) => v === false],
  modalities: ["['text']: models here write text only", (v) => Array.isArray(v) && v.every((m) => m === 'text')],
};

/** @type {Record<string, [expected: string, check: Check]>} */
const COMPLETION = {
  ...COMMON,
  prompt: ['a string, an array of strings, or the tokens of one text or of several, at least one', isTextInput],
  logprobs: ['a whole number from 0 to 5', whole(0, 5)],
  echo: ['false: the prompt is not repeated here', (v) => v === false],
  best_of: ['1: all answers are returned, ask for several by n', (v) => v === 1],
  suffix: ['nothing: these models only go on with a text', () => false],
};

/** @type {Check} */
function isBias(value) {
  return typeof value === 'object' && Object.entries(value).every(([id, bias]) => /^\d+$/.test(id) && number(-100, 100)(bias));
}

/** @type {Check} */
function isResponseFormat({ type, json_schema: schema }) {
  return type === 'text' || type === 'json_object' || (type === 'json_schema' && typeof schema?.schema === 'object');
}

/** @type {Check} */
function isTools(value) {
  return Array.isArray(value) && value.every((tool) => tool?.type === 'function' && isText(tool.function?.name));
}

/** @type {Check} */
function isToolChoice(value) {
  if (value.type === 'function') return isText(value.function?.name);
  if (value.type !== 'allowed_tools') return ['none', 'auto', 'required'].includes(value);
  const { mode, tools } = value.allowed_tools ?? {};
  return ['auto', 'required'].includes(mode) && isTools(tools) && tools.length > 0;
}

/**
 * @param {Record<string, any>} params
 * @param {Record<string, [expected: string, check: Check]>} rules
 */
function check(params, rules) {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new OpenAIError(400, 'We could not parse the JSON body of your request: expected an object.');
  }
  for (const [param, value] of Object.entries(params)) {
    if (value === undefined || value === null || WITHOUT_EFFECT.includes(param)) continue;
    if (!Object.hasOwn(rules, param)) {
      const message = `Unsupported parameter: '${param}'. Supported are ${Object.keys(rules).join(', ')}.`;
      throw new OpenAIError(400, message, { param, code: 'unsupported_parameter' });
    }
    const [expected, isRight] = rules[param];
    if (isRight(value)) continue;
    const message = `Invalid value for '${param}': expected ${expected}, found ${show(value)}.`;
    throw new OpenAIError(400, message, { param, code: 'invalid_value' });
  }
  if (params.stream_options && params.stream !== true) {
    const message = "Invalid value for 'stream_options': it is only allowed where 'stream' is true.";
    throw new OpenAIError(400, message, { param: 'stream_options', code: 'invalid_value' });
  }
  const required = 'messages' in rules ? 'messages' : 'prompt';
  if (params[required] === undefined || params[required] === null) {
    throw new OpenAIError(400, `Missing required parameter: '${required}'.`, { param: required, code: 'missing_required_parameter' });
  }
}

/** @param {unknown} value */
function show(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * @param {CommonParams & Record<string, any>} params
 * @returns {GenerateOptions}
 */
function commonOptions(params) {
  const { temperature, top_p, stop, seed, logit_bias, frequency_penalty, presence_penalty } = params;
  const { top_k, min_p, repetition_penalty, user, safety_identifier } = params;
  const clientId = [safety_identifier, user].find((id) => typeof id === 'string' && id !== '');
  return {
    clientId: clientId?.slice(0, 256),
    temperature: temperature ?? 1,
    topP: top_p ?? undefined,
    stop: stop ?? undefined,
    seed: seed === null || seed === undefined ? undefined : Math.abs(seed),
    logitBias: logit_bias ?? undefined,
    frequencyPenalty: frequency_penalty ?? undefined,
    presencePenalty: presence_penalty ?? undefined,
    topK: top_k,
    minP: min_p,
    repetitionPenalty: repetition_penalty,
  };
}

/**
 * @param {CommonParams} params
 * @returns {Omit<OpenAIRequest, 'prompts' | 'options'>}
 */
function frame({ n, stream, stream_options, model }) {
  return { n: n ?? 1, stream: stream === true, includeUsage: stream_options?.include_usage === true, model };
}

/**
 * An option that a part of the library brings which may be missing in this version.
 * @param {string} option
 * @param {string} param
 */
function requireOption(option, param) {
  if (Object.hasOwn(GENERATE_RULES, option)) return;
  throw new OpenAIError(400, `Unsupported parameter: '${param}' is not supported by this version.`, { param, code: 'unsupported_parameter' });
}

/**
 * @param {ChatParams} params
 * @returns {OpenAIRequest}
 */
export function chatRequest(params) {
  check(params, CHAT);
  const { messages, logprobs, top_logprobs, response_format, max_tokens, max_completion_tokens, reasoning_effort: effort } = params;
  if (typeof top_logprobs === 'number' && logprobs !== true) {
    throw new OpenAIError(400, "Invalid value for 'top_logprobs': 'logprobs' must be true for it.", { param: 'top_logprobs', code: 'invalid_value' });
  }
  const prompt = messages.map(chatMessage);
  /** @type {Record<string, unknown>} */
  const options = {
    ...commonOptions(params),
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    logprobs: logprobs === true ? (top_logprobs ?? 0) : undefined,
    thinking: typeof effort === 'string' ? effort !== 'none' : undefined,
    continueFinalMessage: prompt.at(-1)?.role === 'assistant' ? false : undefined,
    ...toolOptions(params),
  };
  if (response_format && response_format.type !== 'text') {
    requireOption('responseFormat', 'response_format');
    const format = response_format;
    options.responseFormat = format.type === 'json_schema' ? { type: format.type, schema: format.json_schema.schema } : { type: format.type };
  }
  return { prompts: [prompt], options, ...frame(params) };
}

/** @param {ChatParams} params */
function toolOptions({ tools, tool_choice, parallel_tool_calls }) {
  /** @type {Record<string, unknown>} */
  const options = { tools: tools && tools.length > 0 ? tools : undefined };
  if (typeof tool_choice === 'object' && tool_choice?.allowed_tools) {
    // The model is told of these only.
    const { mode, tools: allowed } = tool_choice.allowed_tools;
    const names = allowed.map((tool) => Reflect.get(tool, 'function').name);
    const missing = names.find((name) => !tools?.some((tool) => tool.function?.name === name));
    if (missing !== undefined) {
      throw new OpenAIError(400, `Invalid value for 'tool_choice': there is no tool '${missing}' among the tools.`, { param: 'tool_choice', code: 'invalid_value' });
    }
    options.tools = tools?.filter((tool) => names.includes(tool.function?.name));
    options.toolChoice = mode;
  } else if (tool_choice !== undefined && tool_choice !== null && tool_choice !== 'auto') {
    requireOption('toolChoice', 'tool_choice');
    options.toolChoice = typeof tool_choice === 'object' ? { name: tool_choice.function?.name } : tool_choice;
  }
  if (parallel_tool_calls === false) {
    requireOption('parallelToolCalls', 'parallel_tool_calls');
    options.parallelToolCalls = false;
  }
  return options;
}

/**
 * @param {any} message
 * @param {number} index
 * @returns {Message}
 */
function chatMessage(message, index) {
  const param = `messages[${index}]`;
  const invalid = (/** @type {string} */ where, /** @type {string} */ expected, /** @type {unknown} */ found) =>
    new OpenAIError(400, `Invalid value for '${where}': expected ${expected}, found ${show(found)}.`, { param: where, code: 'invalid_value' });
  if (typeof message !== 'object' || message === null || !isText(message.role)) throw invalid(param, 'a message with a role', message);
  const { role, content: said, refusal, ...rest } = withRefusals(message);
  const content = said ?? refusal;
  if (Array.isArray(content)) {
    const other = content.findIndex((part) => part?.type !== 'text' || !isText(part.text));
    if (other >= 0) throw invalid(`${param}.content[${other}]`, 'a text, since models here read text only', content[other]);
  } else if (!isText(content) && !((content ?? null) === null && Array.isArray(rest.tool_calls))) {
    throw invalid(`${param}.content`, 'a string or an array of texts', content);
  }
  // "developer" is what OpenAI calls the system of newer models; templates know the older name.
  const told = { role: role === 'developer' ? 'system' : role, content, ...rest };
  return Array.isArray(rest.tool_calls) ? { ...told, tool_calls: rest.tool_calls.map(toolCall) } : told;
}

/**
 * What the assistant has refused with is what it has said: templates know no other texts.
 * @param {any} message
 */
function withRefusals(message) {
  if (message.role !== 'assistant' || !Array.isArray(message.content)) return message;
  const content = message.content.map((/** @type {any} */ part) => (part?.type === 'refusal' && isText(part.refusal) ? { type: 'text', text: part.refusal } : part));
  return { ...message, content };
}

/**
 * Chat templates show the arguments of a call as the object that they are, OpenAI's API sends them as its JSON.
 * @param {any} call
 */
function toolCall(call) {
  const text = call?.function?.arguments;
  if (!isText(text)) return call;
  try {
    return { ...call, function: { ...call.function, arguments: JSON.parse(text) } };
  } catch {
    return call;
  }
}

/**
 * @param {CompletionParams} params
 * @returns {OpenAIRequest}
 */
export function completionRequest(params) {
  check(params, COMPLETION);
  const { prompt, max_tokens, logprobs } = params;
  const options = { ...commonOptions(params), maxTokens: max_tokens ?? 16, logprobs: logprobs ?? undefined };
  return { prompts: inputs(prompt), options, ...frame(params) };
}
