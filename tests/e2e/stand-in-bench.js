// Stands in for what the library keeps for benchmarks, as `stand-in.js` for the library.

/** Milliseconds of a run. */
const PARTS = { ternary: 60, attention: 10, head: 20, norms: 5, sampling: 2, barriers: 2, other: 1 };

/** @param {unknown} _model @param {{ context: number, tokens: number, onToken?: () => void }} how */
export async function decodeAtDepth(_model, { context, tokens, onToken }) {
  for (let i = 0; i < tokens; i++) {
    if (i % 32 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    onToken?.();
  }
  return {
    finishReason: 'length',
    weightBytesPerToken: 12_000_000,
    usage: { promptTokens: context + 1, cachedTokens: context, completionTokens: tokens },
    timings: { prefillMs: 10, decodeMs: 1000, decodeTokensPerSecond: 2000 / context, parts: { prefill: PARTS, decode: PARTS } },
  };
}

export async function memoryBytes() {
  return 25_000_000;
}

export async function readLimit() {
  return { best: 20e9, median: 18e9 };
}

/** One that lacks nothing. */
export function kernelsHere() {
  return ['scalar', 'mad', 'lut', 'relaxed', 'relaxed16'];
}
