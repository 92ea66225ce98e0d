// One generation in the engine worker: a loop of steps, and how long they took.
import { CANCELLED } from './queue.js';
import { STEP_LIMIT, nextTask } from './step.js';

/** @import { Constraint, Grammars } from './grammar.js' */
/** @import { GenerationResult, Methods, Parts, Prefill, Token, WireGenerateOptions, WirePrompt } from './protocol.js' */
/** @import { CallState } from './queue.js' */
/** @import { StepEvent, WasmModel } from './wasm/relaxed/bitnet_web.js' */

/**
 * @param {WasmModel} model
 * @param {Grammars} grammars
 * @param {Methods['generate']['args']} args
 * @param {CallState} state
 * @param {(token: Token) => void} onToken
 * @param {(prefill: Prefill) => void} onPrefill
 * @returns {Promise<GenerationResult>}
 */
export async function generate(model, grammars, { prompt, options: { responseFormat, ...options } }, state, onToken, onPrefill) {
  const constraint = responseFormat === undefined ? undefined : await grammars.constrain(responseFormat);
  try {
    if (state.cancelled) throw CANCELLED;
    return await run(model, prompt, options, constraint, state, onToken, onPrefill);
  } finally {
    constraint?.free();
  }
}

/**
 * @param {WasmModel} model
 * @param {WirePrompt} prompt
 * @param {WireGenerateOptions} options
 * @param {Constraint | undefined} constraint
 * @param {CallState} state
 * @param {(token: Token) => void} onToken
 * @param {(prefill: Prefill) => void} onPrefill
 * @returns {Promise<GenerationResult>}
 */
async function run(model, prompt, options, constraint, state, onToken, onPrefill) {
  const began = performance.now();
  const cached = model.begin(prompt, options, constraint);
  let firstToken = 0;
  /** @type {ReturnType<WasmModel['takeParts']>} */
  let prefillParts;
  for (;;) {
    const event = model.step(STEP_LIMIT);
    const now = performance.now();
    switch (event.type) {
      case 'token':
        if (firstToken === 0) [firstToken, prefillParts] = [now, model.takeParts()];
        onToken(tokenOf(event));
        break;
      case 'prefill':
        onPrefill({ done: event.done, total: event.total, cached });
        break;
      case 'done': {
        const { finishReason, stoppedBy, text, usage, threads } = event;
        if (text !== '') onToken({ id: -1, text });
        const times = { ...timings(state.arrived, began, firstToken || now, now, usage), threads };
        const parts = model.takeParts();
        if (parts) times.parts = {
          prefill: whole(prefillParts ?? parts, times.prefillMs),
          decode: whole(prefillParts ? parts : NOTHING, times.decodeMs),
        };
        return { finishReason, stoppedBy, usage, timings: times };
      }
    }
    state.steps += 1;
    await nextTask();
    if (state.cancelled) {
      model.end();
      throw CANCELLED;
    }
  }
}

/**
 * @param {Extract<StepEvent, { type: 'token' }>} event
 * @returns {Token}
 */
function tokenOf({ type, ...token }) {
  return token;
}

/**
 * @param {number} arrived
 * @param {number} began
 * @param {number} firstToken
 * @param {number} ended
 * @param {GenerationResult['usage']} usage
 * @returns {Omit<GenerationResult['timings'], 'threads'>}
 */
function timings(arrived, began, firstToken, ended, { promptTokens, cachedTokens, completionTokens }) {
  const prefillMs = firstToken - began;
  const decodeMs = ended - firstToken;
  return {
    queueMs: began - arrived,
    prefillMs,
    decodeMs,
    firstTokenMs: prefillMs,
    totalMs: ended - began,
    prefillTokensPerSecond: perSecond(promptTokens - cachedTokens, prefillMs),
    // The first token came out of the prefill.
    decodeTokensPerSecond: perSecond(completionTokens - 1, decodeMs),
  };
}

const NOTHING = { ternary: 0, attention: 0, head: 0, norms: 0, sampling: 0, barriers: 0 };

/**
 * The parts that the core knows, and what is left.
 * @param {Omit<Parts, 'other'>} parts
 * @param {number} ms all of it
 * @returns {Parts}
 */
function whole(parts, ms) {
  return { ...parts, other: ms - Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** @param {number} count @param {number} ms */
function perSecond(count, ms) {
  return ms > 0 && count > 0 ? (count * 1000) / ms : 0;
}
