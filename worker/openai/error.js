// Errors as OpenAI's API gives them: https://platform.openai.com/docs/guides/error-codes
import { BitNetError } from '../error.js';
import { GENERATE_RULES } from '../schema.js';

/**
 * The error object of an answer.
 * @typedef {object} OpenAIErrorBody
 * @property {string} message
 * @property {string} type
 * @property {string | null} param the parameter that is wrong
 * @property {string | null} code
 */

/** An error with the fields that the `openai` package's `APIError` has. */
export class OpenAIError extends Error {
  /**
   * @param {number} status of HTTP
   * @param {string} message
   * @param {{ type?: string, param?: string | null, code?: string | null, cause?: unknown }} [more]
   */
  constructor(status, message, { type = 'invalid_request_error', param = null, code = null, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OpenAIError';
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
  }

  /** @returns {OpenAIErrorBody} */
  get error() {
    const { message, type, param, code } = this;
    return { message, type, param, code };
  }
}

/** The HTTP status and OpenAI's code of a code of ours; what is not here is the server's fault. @type {Record<string, [status: number, code: string | null]>} */
const STATUS = {
  invalid_argument: [400, null],
  invalid_grammar: [400, 'invalid_grammar'],
  chat_template: [400, 'chat_template'],
  unsupported: [400, 'unsupported'],
  context_overflow: [400, 'context_length_exceeded'],
};

/**
 * Any thrown value as an error of OpenAI's API, but for an abort, which its caller knows.
 * @param {unknown} thrown
 * @param {string} [input] the parameter that holds the prompt
 * @returns {unknown}
 */
export function toOpenAI(thrown, input = 'messages') {
  if (!(thrown instanceof BitNetError)) return thrown;
  const { code, message, details } = thrown;
  if (code === 'refused') return refused(thrown, input);
  const known = STATUS[code];
  if (known === undefined) return new OpenAIError(500, message, { type: 'server_error', code, cause: thrown });
  const [status, name] = known;
  // Sentences begin with the option that they are about: here it has the name that the request gave it.
  const [lead] = /^\w+(?=[:[])/.exec(message) ?? [];
  const led = lead !== undefined && Object.hasOwn(GENERATE_RULES, lead) ? lead : undefined;
  const option = led ?? /** @type {{ option?: string } | undefined} */ (details)?.option;
  const param = option === undefined ? (code === 'context_overflow' || code === 'chat_template' ? input : null) : toSnakeCase(option);
  const told = led === undefined ? message : `${param}${message.slice(led.length)}`;
  return new OpenAIError(status, told, { param, code: name, cause: thrown });
}

/**
 * What a guard has refused: with status 429 where asking later helps.
 * @param {BitNetError} error
 * @param {string} input
 */
function refused(error, input) {
  const { stage, reason, retryAfterMs } = /** @type {{ stage: string, reason: string, retryAfterMs?: number }} */ (error.details);
  if (retryAfterMs !== undefined) return new OpenAIError(429, error.message, { type: 'requests', code: 'rate_limit_exceeded', cause: error });
  if (reason !== 'decided') return new OpenAIError(500, error.message, { type: 'server_error', code: 'refused', cause: error });
  return new OpenAIError(400, error.message, { param: stage === 'request' ? input : null, code: 'refused', cause: error });
}

/** Options whose parameter has another name than theirs. @type {Record<string, string>} */
const PARAMS = { thinking: 'reasoning_effort', maxTokens: 'max_completion_tokens' };

/** @param {string} name */
function toSnakeCase(name) {
  return PARAMS[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
