// Stands in for what the library keeps for benchmarks, as `stand-in.js` for the library.

/** @param {unknown} _model @param {{ context: number, tokens: number }} how */
export async function decodeAtDepth(_model, { context, tokens }) {
  return {
    finishReason: 'length',
    usage: { promptTokens: context + 1, cachedTokens: context, completionTokens: tokens },
    timings: { prefillMs: 10, decodeMs: 1000, decodeTokensPerSecond: 2000 / context },
  };
}

export async function memoryBytes() {
  return 25_000_000;
}

export async function readLimit() {
  return { best: 20e9, median: 18e9 };
}
