// The guards of a model, in the order in which they look.
import { AnswerGuards } from './answer-guards.js';
import { Audit } from './audit.js';
import { checkGuard, failed, refusal, within } from './guard.js';

/** @import { BitNetError } from '../error.js' */
/** @import { Listeners } from '../listeners.js' */
/** @import { Prompt, Token } from '../protocol.js' */
/** @import { GenerateOptions } from '../schema.js' */
/** @import { Guard, GuardedRequest, RequestDecision } from './guard.js' */

/**
 * A request that the guards let pass, as they left it.
 * @typedef {object} Admitted
 * @property {Prompt} prompt
 * @property {GenerateOptions} options
 * @property {((onToken: (token: Token) => void, halt: () => void) => AnswerGuards) | undefined} watch those of the answer
 */

/** Limits that every request of a model keeps to: those of `load`, and those that were added. */
export class Guards {
  /** @type {Guard[]} */
  #all;
  #audit;

  /**
   * Use `model.guards`.
   * @internal
   * @param {readonly Guard[]} guards
   * @param {Listeners} listeners
   */
  constructor(guards, listeners) {
    this.#all = guards.map(checkGuard);
    this.#audit = new Audit(listeners);
  }

  /**
   * Adds a guard behind those that there are. It looks at requests that come from now on.
   * @param {Guard} guard
   * @returns {() => void} takes it away again
   */
  add(guard) {
    const own = checkGuard(guard);
    this.#all = [...this.#all, own];
    return () => {
      const index = this.#all.lastIndexOf(own);
      if (index >= 0) this.#all = this.#all.filter((_, other) => other !== index);
    };
  }

  /** The guards, in their order. @returns {readonly Guard[]} */
  get list() {
    return [...this.#all];
  }

  /**
   * Lets the guards look at a request.
   * @internal
   * @param {Prompt} prompt
   * @param {GenerateOptions} options
   * @param {object} of
   * @param {AbortSignal} of.signal of the caller
   * @param {(prompt: Prompt, options: GenerateOptions) => void} of.check throws where a request is not sound
   * @param {(prompt: Prompt, options: GenerateOptions) => Promise<number>} of.count
   * @returns {Promise<Admitted>}
   */
  async admit(prompt, options, { signal, check, count }) {
    const guards = this.#all;
    if (guards.length === 0) return { prompt, options, watch: undefined };
    const request = this.#audit.next();
    const { clientId } = options;
    for (const guard of guards) {
      if (guard.beforeGenerate === undefined) continue;
      const { messages, characters } = sizeOf(prompt);
      const record = (/** @type {'passed' | 'changed' | 'refused'} */ decision, /** @type {any} */ reason) => {
        const counts = { characters, ...(messages !== undefined && { messages }) };
        this.#audit.record({ request, clientId, guard: guard.name, stage: 'request', decision, ...(reason && { reason }), counts }, JSON.stringify(prompt));
      };
      try {
        const changed = await this.#ask(guard, prompt, options, { signal, check, count });
        record(changed ? 'changed' : 'passed', undefined);
        if (changed) ({ prompt, options } = changed);
      } catch (error) {
        const { code, details } = /** @type {BitNetError} */ (error) ?? {};
        if (code === 'refused') record('refused', /** @type {any} */ (details)?.reason);
        throw error;
      }
    }
    const watching = guards.filter(({ onText }) => onText !== undefined);
    if (watching.length === 0) return { prompt, options, watch: undefined };
    const audit = this.#audit;
    return { prompt, options, watch: (onToken, halt) => new AnswerGuards(watching, { request, clientId, signal, audit, onToken, halt }) };
  }

  /**
   * @param {Guard} guard
   * @param {Prompt} prompt
   * @param {GenerateOptions} options
   * @param {Parameters<Guards['admit']>[2]} of
   * @returns {Promise<{ prompt: Prompt, options: GenerateOptions } | undefined>} what has changed
   */
  async #ask(guard, prompt, options, { signal, check, count }) {
    const { signal: own, onPrefill, clientId, ...plain } = options;
    const decision = await within(guard, 'request', signal, (ended) => {
      /** @type {GuardedRequest} */
      const request = {
        ...structuredClone({ prompt, options: plain }),
        clientId,
        countTokens: () => count(prompt, options),
        signal: AbortSignal.any([signal, ended]),
      };
      return guard.beforeGenerate?.(request);
    });
    if (decision === undefined || decision === null) return undefined;
    if (!isDecision(decision)) throw failed(guard, 'request', 'beforeGenerate: expected nothing, { prompt, options } or { refuse: a sentence }');
    if ('refuse' in decision && decision.refuse !== undefined) {
      const { refuse, retryAfterMs } = decision;
      throw refusal(guard, 'request', refuse, { retryAfterMs });
    }
    const next = /** @type {{ prompt?: Prompt, options?: GenerateOptions }} */ (decision);
    if (next.prompt === undefined && next.options === undefined) return undefined;
    const changed = { prompt: next.prompt ?? prompt, options: { ...options, ...next.options, signal: own, onPrefill, clientId } };
    try {
      check(changed.prompt, changed.options);
    } catch (error) {
      throw failed(guard, 'request', error);
    }
    return changed;
  }
}

/** @param {unknown} decision @returns {decision is Exclude<RequestDecision, void>} */
function isDecision(decision) {
  if (typeof decision !== 'object' || decision === null) return false;
  const names = Object.keys(decision);
  const { refuse, options } = /** @type {{ refuse?: unknown, options?: unknown }} */ (decision);
  const isKnown = names.every((name) => ['prompt', 'options', 'refuse', 'retryAfterMs'].includes(name));
  return isKnown && (refuse === undefined || typeof refuse === 'string') && (options === undefined || typeof options === 'object');
}

/** @param {Prompt} prompt */
function sizeOf(prompt) {
  if (typeof prompt === 'string') return { characters: prompt.length };
  const characters = prompt.reduce((sum, { content }) => sum + (typeof content === 'string' ? content.length : (content ?? []).reduce((all, { text }) => all + text.length, 0)), 0);
  return { messages: prompt.length, characters };
}
