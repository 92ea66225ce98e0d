/** Runs one answer, token by token, and keeps its times. */

/**
 * @typedef {object} AnswerStats
 * @property {number} completionTokens
 * @property {number | null} promptTokens
 * @property {number | null} cachedTokens of the prompt, taken over from the turn before
 * @property {number | null} firstTokenMs
 * @property {number | null} prefillPerSecond tokens per second
 * @property {number | null} decodePerSecond tokens per second, the first token not counted
 * @property {import('./api.js').GenerationResult['finishReason'] | null} finishReason null where the answer was cut off
 * @property {number} [guessedTokens] tokens that were guessed and tried beside others
 * @property {number} [acceptedTokens] those of them that came
 * @property {number} [threads]
 * @property {number} [seed] of the choice of tokens
 * @property {Record<string, number>} [parts] milliseconds of one written token by part, where the engine was watched
 */

/**
 * Streams an answer into `onToken`.
 * @param {import('./api.js').Model} model
 * @param {import('./api.js').Message[]} messages
 * @param {import('./api.js').GenerateOptions} options
 * @param {(token: { id: number | null, text: string }) => void} onToken
 * @returns {Promise<{ stats: AnswerStats, error: unknown }>} `error` is what ended the answer early, null otherwise
 */
export async function streamAnswer(model, messages, options, onToken) {
  const started = performance.now();
  let tokens = 0;
  let first = 0;
  let last = 0;
  /** @type {import('./api.js').GenerationResult | null} */
  let result = null;
  /** @type {unknown} */
  let error = null;
  try {
    const stream = model.generate(messages, options);
    for (;;) {
      const step = await stream.next();
      if (step.done) {
        result = step.value ?? null;
        break;
      }
      last = performance.now();
      if (tokens === 0) first = last;
      // Bytes that waited for the rest of a character come at the very end, without a token of their own.
      if (step.value.id !== null) tokens += 1;
      onToken(step.value);
    }
  } catch (cause) {
    error = cause;
  }
  const { seed } = options;
  return { stats: { ...statsOf(result, { started, first, last, tokens }), ...(seed === undefined ? {} : { seed }) }, error };
}

/**
 * The engine's own times, or for an answer that was cut off, what the page saw.
 * @param {import('./api.js').GenerationResult | null} result
 * @param {{ started: number, first: number, last: number, tokens: number }} seen times in milliseconds
 * @returns {AnswerStats}
 */
function statsOf(result, { started, first, last, tokens }) {
  if (!result) {
    return {
      completionTokens: tokens,
      promptTokens: null,
      cachedTokens: null,
      firstTokenMs: tokens > 0 ? first - started : null,
      prefillPerSecond: null,
      decodePerSecond: tokens > 1 && last > first ? ((tokens - 1) * 1000) / (last - first) : null,
      finishReason: null,
    };
  }
  const { usage, timings, finishReason } = result;
  return {
    ...usage,
    firstTokenMs: timings.queueMs + timings.firstTokenMs,
    prefillPerSecond: timings.prefillTokensPerSecond || null,
    decodePerSecond: timings.decodeTokensPerSecond || null,
    finishReason,
    threads: timings.threads,
    ...(timings.parts ? { parts: perToken(timings.parts.decode, usage.completionTokens) } : {}),
  };
}

/**
 * @param {object} parts milliseconds
 * @param {number} tokens of the answer; the first one is not written by a pass of its own
 * @returns {Record<string, number>}
 */
function perToken(parts, tokens) {
  return Object.fromEntries(Object.entries(parts).map(([name, ms]) => [name, ms / Math.max(1, tokens - 1)]));
}

/** @param {unknown} error */
export function isAbort(error) {
  return error instanceof Error
    ? error.name === 'AbortError'
    : error instanceof DOMException && error.name === 'AbortError';
}
