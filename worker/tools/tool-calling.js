// Calls of tools: how the prompt tells the model of them, what its answer must follow, and how it is read.
import { BitNetError } from '../error.js';
import { conventionOf } from './convention.js';
import { checkTools, chosen } from './definition.js';
import { grammarOf } from './grammar.js';
import { checkCalls, inText } from './messages.js';
import { CallParser } from './parser.js';

/** @import { GenerationResult, Methods, Token, ToolChoice, WireChatOptions, WireMessage } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Convention, Render } from './convention.js' */
/** @import { Tool } from './definition.js' */

/** @typedef {Methods['generate']['args']} GenerateArgs */

/**
 * What a caller wants of tools, checked.
 * @typedef {object} ToolWish
 * @property {Tool[]} tools that may be called
 * @property {ToolChoice} choice
 * @property {boolean} many
 */

/**
 * @param {Pick<GenerateOptions, 'tools' | 'toolChoice' | 'parallelToolCalls'>} options already checked one by one
 * @param {unknown} prompt
 * @returns {ToolWish | undefined} nothing where there are no tools
 */
export function checkToolOptions({ tools = [], toolChoice, parallelToolCalls = true }, prompt) {
  const isForced = toolChoice !== undefined && toolChoice !== 'auto' && toolChoice !== 'none';
  if (isForced && (tools.length === 0 || typeof prompt === 'string')) {
    const expected = tools.length === 0 ? 'tools to choose from' : 'messages as the prompt';
    throw new BitNetError('invalid_argument', `toolChoice: expected ${expected}, found none.`, { details: { option: 'toolChoice' } });
  }
  if (tools.length === 0 || typeof prompt === 'string') return undefined;
  const choice = toolChoice ?? 'auto';
  return { tools: chosen(checkTools(tools), choice), choice, many: parallelToolCalls && typeof choice === 'string' };
}

/** The calls of one model's answers. */
export class ToolCalling {
  #render;
  /** @type {Promise<Convention> | undefined} */
  #convention;
  /** @type {Promise<boolean> | undefined} */
  #hasSystem;

  /** @param {Render} render messages by the model's chat template */
  constructor(render) {
    this.#render = render;
  }

  /**
   * Messages and options of the template, as it can show them.
   * @param {WireMessage[]} messages
   * @param {WireChatOptions} options
   * @returns {Promise<{ messages: WireMessage[], options: WireChatOptions }>}
   */
  async prepare(messages, options) {
    const read = checkCalls(messages);
    const hasCalls = read.some(({ role, fields }) => role === 'tool' || Array.isArray(fields.tool_calls));
    const { tools = [], ...others } = options;
    if (tools.length === 0 && !hasCalls) return { messages: read, options };
    const { isGeneric } = await this.#conventionOf();
    if (!isGeneric) return { messages: read, options };
    return { messages: inText(read, tools, await this.#showsSystem()), options: others };
  }

  /**
   * The call to the engine, and the reader of its answer.
   * @param {GenerateArgs} asked
   * @param {ToolWish | undefined} wish
   * @returns {Promise<{ args: GenerateArgs, answer?: ToolAnswer }>}
   */
  async begin({ prompt, options }, wish) {
    if (typeof prompt === 'string') return { args: { prompt, options } };
    const isShown = wish !== undefined && wish.choice !== 'none';
    const prepared = await this.prepare(prompt, { ...options.chat, ...(isShown ? {} : { tools: undefined }) });
    const args = { prompt: prepared.messages, options: { ...options, chat: prepared.options } };
    if (!isShown) return { args };
    const { tools, choice, many } = wish;
    const convention = await this.#conventionOf();
    const must = choice !== 'auto';
    args.options.responseFormat = grammarOf(convention, tools, { must, many, format: options.responseFormat });
    return { args, answer: new ToolAnswer(convention, must) };
  }

  #conventionOf() {
    return (this.#convention ??= conventionOf(this.#render));
  }

  /** Whether the template shows what the system says. */
  #showsSystem() {
    /** @type {WireMessage[]} */
    const messages = [{ role: 'system', content: 'Be brief.', fields: {} }, { role: 'user', content: 'Hello', fields: {} }];
    return (this.#hasSystem ??= this.#render(messages, {}).then(() => true, () => false));
  }
}

/** One answer that may call. */
export class ToolAnswer {
  #parser;

  /**
   * @param {Convention} convention
   * @param {boolean} must
   */
  constructor(convention, must) {
    this.#parser = new CallParser(convention, must);
  }

  /**
   * A token whose text is the answer's, without calls.
   * @param {Token} token
   * @returns {Token}
   */
  token(token) {
    const { text, deltas } = this.#parser.push(token.text);
    return deltas.length === 0 ? { ...token, text } : { ...token, text, toolCalls: deltas };
  }

  /**
   * How the answer ended, with its calls.
   * @param {GenerationResult} result
   * @param {(token: Token) => void} onToken gets text that waited
   * @returns {GenerationResult}
   */
  finish(result, onToken) {
    const rest = this.#parser.finish();
    if (rest !== '') onToken({ id: -1, text: rest });
    const { calls } = this.#parser;
    if (calls.length === 0) return result;
    const finishReason = result.finishReason === 'stop' ? 'tool_calls' : result.finishReason;
    return { ...result, finishReason, toolCalls: calls };
  }
}

/**
 * An error of the grammar, in the words of whoever asked for tools.
 * @param {unknown} error
 * @param {ToolWish} wish
 */
export function toolError(error, { tools }) {
  if (!(error instanceof BitNetError) || error.code !== 'invalid_grammar') return error;
  const message = error.message.replace(/\bargs_(\d+): /, (_, index) => `the parameters of the tool '${tools[Number(index)]?.name}': `);
  return new BitNetError('invalid_grammar', `${message} (strict: false in the tool's definition lets its arguments be any object)`, { details: error.details });
}
