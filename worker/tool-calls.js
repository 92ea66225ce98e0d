// Calls of tools, as results and tokens tell them.

/** @import { GenerationResult, Token } from './protocol.js' */

/**
 * A call that an answer makes.
 * @typedef {{ id: string, name: string, arguments: Record<string, unknown> }} Call
 */

/**
 * A piece of a call: the first of each has its id and name.
 * @typedef {{ index: number, id?: string, name?: string, arguments: string }} CallDelta
 */

/** @param {GenerationResult | undefined} result @returns {readonly Call[]} */
export function toolCallsOf(result) {
  return /** @type {{ toolCalls?: readonly Call[] } | undefined} */ (result)?.toolCalls ?? [];
}

/** @param {Token} token @returns {readonly CallDelta[]} */
export function callDeltasOf(token) {
  return /** @type {{ toolCalls?: readonly CallDelta[] }} */ (token).toolCalls ?? [];
}
