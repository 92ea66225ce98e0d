// The guards of one answer: its text, what it thinks and the arguments of its calls pass all of them before the caller sees them.
import { TextGuard } from './text-guard.js';

/** @import { BitNetError } from '../error.js' */
/** @import { GenerationResult, StoppedBy, Token, ToolCall } from '../protocol.js' */
/** @import { Audit } from './audit.js' */
/** @import { Guard, TextPiece } from './guard.js' */

/** @typedef {'text' | 'reasoning'} Channel */

/**
 * A channel that tokens come through: guards one behind the other.
 * @typedef {{ guards: TextGuard[], written: string, passed: string }} Stream
 */

/** How far the guards have seen an answer, for the audit. */
class Watch {
  characters = 0;
  changes = 0;
  isDone = false;
}

/** What stands between the engine's tokens and the caller's. */
export class AnswerGuards {
  /** @type {Guard[]} */
  #guards;
  #request;
  #clientId;
  #signal;
  #audit;
  #onToken;
  #halt;
  /** @type {Record<Channel, Stream>} */
  #streams;
  /** Tokens whose text is not decided yet, with where it ends in each channel. @type {{ token: Token, ends: Record<Channel, number> }[]} */
  #tokens = [];
  /** What was told of each channel. @type {Record<Channel, number>} */
  #told = { text: 0, reasoning: 0 };
  /** From the first change on, tokens carry what guards let through and nothing that tells what they did not. */
  #isChanged = false;
  /** The guard that has stopped the answer. @type {Guard | undefined} */
  #stopper;
  /** @type {{ error: unknown } | undefined} */
  #failure;
  /** @type {Map<Guard, Watch>} */
  #watches;
  /** The work on the tokens so far. @type {Promise<void>} */
  #last = Promise.resolve();

  /**
   * @param {readonly Guard[]} guards those with `onText`
   * @param {object} of
   * @param {number} of.request its number
   * @param {string | undefined} of.clientId
   * @param {AbortSignal} of.signal of the caller
   * @param {Audit} of.audit
   * @param {(token: Token) => void} of.onToken
   * @param {() => void} of.halt stops the engine: no more tokens are wanted
   */
  constructor(guards, { request, clientId, signal, audit, onToken, halt }) {
    this.#guards = [...guards];
    this.#request = request;
    this.#clientId = clientId;
    this.#signal = signal;
    this.#audit = audit;
    this.#onToken = onToken;
    this.#halt = halt;
    this.#streams = { text: this.#stream('text'), reasoning: this.#stream('reasoning') };
    this.#watches = new Map(guards.map((guard) => [guard, new Watch()]));
  }

  /** @param {TextPiece['channel']} channel @returns {Stream} */
  #stream(channel) {
    const of = { channel, clientId: this.#clientId };
    return { guards: this.#guards.map((guard) => new TextGuard(guard, of, this.#signal)), written: '', passed: '' };
  }

  /**
   * Takes a token of the engine; those for the caller come later, in their order.
   * @param {Token} token
   */
  push(token) {
    this.#last = this.#last.then(() => this.#take(token)).catch((error) => this.#fail(error));
  }

  /**
   * The answer has ended: what is held back is decided, and the result tells what was let through.
   * @param {GenerationResult} result
   * @returns {Promise<GenerationResult>}
   */
  async finish(result) {
    await this.#last;
    try {
      if (this.#failure) throw this.#failure.error;
      if (!this.#stopper) await this.#end('reasoning');
      if (!this.#stopper) await this.#end('text');
      const toolCalls = this.#stopper ? undefined : await this.#calls(result.toolCalls);
      this.#release(true);
      this.#record();
      return this.#result(result, toolCalls);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    if (this.#failure) return;
    this.#failure = { error };
    this.#record();
    this.#halt();
  }

  /** @param {Token} token */
  async #take({ toolCalls, ...token }) {
    if (this.#failure || this.#stopper) return;
    const { text, reasoning } = this.#streams;
    const thought = token.reasoning ?? '';
    if (thought !== '') await this.#pass('reasoning', thought, false);
    if (token.text !== '' && !this.#stopper) {
      // What was thought before is complete.
      if (thought === '' && reasoning.written !== '') await this.#end('reasoning');
      if (!this.#stopper) await this.#pass('text', token.text, false);
    }
    // The arguments of calls are seen when they are complete.
    const begun = toolCalls?.flatMap(({ index, id, name }) => (id === undefined ? [] : [{ index, id, name, arguments: '' }])) ?? [];
    const told = begun.length > 0 ? { ...token, toolCalls: /** @type {Token['toolCalls']} */ (begun) } : token;
    this.#tokens.push({ token: told, ends: { text: text.written.length, reasoning: reasoning.written.length } });
    this.#release(false);
  }

  /** Nothing more comes through a channel for now. @param {Channel} channel */
  async #end(channel) {
    const stream = this.#streams[channel];
    await this.#pass(channel, '', true);
    this.#streams[channel] = { ...this.#stream(channel), written: stream.written, passed: stream.passed };
  }

  /** @param {Channel} channel @param {string} text @param {boolean} isLast */
  async #pass(channel, text, isLast) {
    const stream = this.#streams[channel];
    stream.written += text;
    stream.passed += await this.#through(stream.guards, text, isLast, stream.written);
  }

  /**
   * @param {TextGuard[]} guards
   * @param {string} text
   * @param {boolean} isLast
   * @param {string} written all that has come, for the audit
   */
  async #through(guards, text, isLast, written) {
    for (const [index, guard] of this.#guards.entries()) {
      const watch = /** @type {Watch} */ (this.#watches.get(guard));
      watch.characters += text.length;
      try {
        const passed = await guards[index].push(text, isLast);
        text = passed.text;
        if (passed.isChanged) [watch.changes, this.#isChanged] = [watch.changes + 1, true];
        if (!passed.isStopped) continue;
        // The guards behind it see what is left.
        [this.#stopper, isLast] = [this.#stopper ?? guard, true];
        this.#tell(guard, 'stopped', written);
      } catch (error) {
        const { code, details } = /** @type {BitNetError} */ (error);
        const { reason } = /** @type {{ reason?: 'decided' | 'failed' | 'timeout' }} */ (details ?? {});
        if (code === 'refused') this.#tell(guard, 'refused', written, reason);
        throw error;
      }
    }
    if (this.#stopper) {
      this.#isChanged = true;
      this.#halt();
    }
    return text;
  }

  /** Tells the caller of tokens that are decided. @param {boolean} isEnd */
  #release(isEnd) {
    const { text, reasoning } = this.#streams;
    while (!this.#isChanged && this.#tokens.length > 0) {
      const [{ token, ends }] = this.#tokens;
      if (ends.text > text.passed.length || ends.reasoning > reasoning.passed.length) return;
      this.#tokens.shift();
      this.#told = ends;
      this.#onToken(token);
    }
    if (!this.#isChanged) return;
    for (const [index, { token }] of this.#tokens.entries()) {
      const isLast = index === this.#tokens.length - 1;
      const { id, toolCalls } = token;
      this.#onToken({ id, ...(isLast ? this.#untold() : { text: '' }), ...(toolCalls && { toolCalls }) });
    }
    this.#tokens = [];
    const rest = this.#untold();
    if (isEnd && (rest.text !== '' || rest.reasoning)) this.#onToken({ id: -1, ...rest });
  }

  /** What was let through and not told. @returns {{ text: string, reasoning?: string }} */
  #untold() {
    const { text, reasoning } = this.#streams;
    const thought = reasoning.passed.slice(this.#told.reasoning);
    const said = { text: text.passed.slice(this.#told.text), ...(thought !== '' && { reasoning: thought }) };
    this.#told = { text: text.passed.length, reasoning: reasoning.passed.length };
    return said;
  }

  /**
   * Calls with the strings among their arguments as the guards let them through; up to the one in which they stop the answer.
   * @param {ToolCall[]} [calls]
   */
  async #calls(calls) {
    if (calls === undefined) return undefined;
    /** @type {ToolCall[]} */
    const passed = [];
    for (const [index, call] of calls.entries()) {
      const values = await this.#values(call.arguments);
      if (this.#stopper) break;
      passed.push({ ...call, arguments: /** @type {ToolCall['arguments']} */ (values) });
      this.#onToken({ id: -1, text: '', toolCalls: [{ index, arguments: JSON.stringify(values) }] });
    }
    return passed;
  }

  /** @param {unknown} value @returns {Promise<unknown>} */
  async #values(value) {
    if (typeof value === 'string') return this.#through(this.#stream('arguments').guards, value, true, value);
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) {
      const list = [];
      for (const item of value) list.push(await this.#values(item));
      return list;
    }
    /** @type {[string, unknown][]} */
    const entries = [];
    for (const [key, item] of Object.entries(value)) entries.push([String(await this.#values(key)), await this.#values(item)]);
    return Object.fromEntries(entries);
  }

  /**
   * @param {GenerationResult} result
   * @param {ToolCall[] | undefined} toolCalls
   * @returns {GenerationResult}
   */
  #result({ toolCalls: _, reasoning, ...result }, toolCalls) {
    const { passed } = this.#streams.reasoning;
    const thought = reasoning === undefined || passed === '' ? {} : { reasoning: passed };
    if (this.#stopper === undefined) return { ...result, ...(toolCalls && { toolCalls }), ...thought };
    /** @type {StoppedBy} */
    const stoppedBy = { type: 'guard', guard: this.#stopper.name, text: '' };
    return { ...result, finishReason: 'stop', stoppedBy, ...thought };
  }

  /** Tells of the guards that have let everything pass, or changed it. */
  #record() {
    for (const [guard, { changes, isDone }] of this.#watches) {
      if (!isDone) this.#tell(guard, changes > 0 ? 'changed' : 'passed', this.#streams.reasoning.written + this.#streams.text.written);
    }
  }

  /**
   * @param {Guard} guard
   * @param {'passed' | 'changed' | 'stopped' | 'refused'} decision
   * @param {string} text
   * @param {'decided' | 'failed' | 'timeout'} [reason]
   */
  #tell(guard, decision, text, reason) {
    const watch = /** @type {Watch} */ (this.#watches.get(guard));
    if (watch.isDone) return;
    watch.isDone = true;
    const { characters, changes } = watch;
    const [request, clientId] = [this.#request, this.#clientId];
    this.#audit.record({ request, clientId, guard: guard.name, stage: 'text', decision, ...(reason && { reason }), counts: { characters, changes } }, text);
  }
}
