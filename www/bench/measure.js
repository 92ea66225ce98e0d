/**
 * The benchmark itself, by the public API and what the library keeps for benchmarks: load, read prompts of several
 * lengths, decode, decode at depth, the speed of memory, and the same in short for each kernel. Knows nothing
 * of the page.
 */
import { t } from '../app/texts.js';
import { textOf } from './prompt-text.js';
import { spread } from './statistics.js';

/** @typedef {import('../app/api.js').Model} Model */

/**
 * @typedef {object} Plan
 * @property {import('../app/api.js').Source} source
 * @property {import('../app/api.js').LoadOptions} options
 * @property {string[]} kernels to compare; none: no comparison
 * @property {number} [sustained] seconds of writing without a pause, for the curve of it; none by default
 */

/**
 * @typedef {object} Listeners
 * @property {AbortSignal} signal
 * @property {(stage: string, fraction: number | null) => void} onStage what goes on, and how far the whole is
 * @property {(result: Partial<Result>) => void} onResult after each part
 */

/**
 * @typedef {object} PromptResult
 * @property {number} tokens of the prompt that were computed
 * @property {import('./statistics.js').Spread} prefillPerSecond
 * @property {import('./statistics.js').Spread | null} decodePerSecond right after that prompt
 * @property {number} firstTokenMs median
 */

/**
 * Writing, several times the same number of tokens, whatever the model would say.
 * @typedef {object} Decode
 * @property {number} tokensPerSecond median
 * @property {import('./statistics.js').Spread} spread tokens per second
 * @property {number} tokens of one run
 * @property {number[]} times arrival of each token of the run in the middle, milliseconds
 */

/**
 * @typedef {object} KernelResult
 * @property {string} kernel
 * @property {number} [prefillPerSecond]
 * @property {number} [decodePerSecond]
 * @property {string} [logitsHash]
 * @property {string} [error] its code, where this browser or build has no such kernel
 */

/**
 * @typedef {object} Result
 * @property {import('../app/api.js').ModelInfo} model
 * @property {{ ms: number, fromCache: boolean }} load
 * @property {PromptResult[]} prompts
 * @property {Decode} decode
 * @property {Record<string, number> | null} parts milliseconds of one written token by part
 * @property {{ context: number, tokensPerSecond: number }[]} depths decode speed with so many made-up tokens in the context
 * @property {{ memoryBytes: number, readPerSecond: number, readShare: number, tokenBytes: number }} machine peak of the model's memory;
 *   how fast its threads can read memory, bytes per second; which share of that writing uses; bytes of weights that each token reads
 * @property {{ seconds: number, tokensPerSecond: number }[]} sustained speeds while it was written without a pause; empty where that
 *   was not asked for
 * @property {string} logitsHash
 * @property {KernelResult[]} kernels
 * @property {import('../app/api.js').SelfTest} selfTest
 */

const PROMPT_LENGTHS = [16, 128, 512];
const REPETITIONS = 3;
/** Depths at which decoding is timed, in tokens, as far as the model goes; and how many tokens are decoded there. */
const CONTEXTS = [1024, 4000];
const DEPTH_RUN = 16;
/** Once the repetitions of one length took this long, no more are made, milliseconds. */
const REPETITION_BUDGET = 12_000;
/** Tokens to write after each prompt, and in each of the long runs, which begin behind so many made-up tokens. */
const SHORT_RUN = 16;
const LONG_RUN = 192;
const LONG_RUNS = 5;
const LONG_RUN_CONTEXT = 16;
/** No long run begins after this time, milliseconds. */
const LONG_RUN_BUDGET = 20_000;
/** Above this many parameters the scalar kernel is left out of the comparison: it would take minutes. */
const SCALAR_LIMIT = 50e6;

/** Shares of the progress bar. */
const SHARE = { load: 0.2, prompts: 0.3, decode: 0.15, depths: 0.05, kernels: 0.3 };

/** @typedef {Pick<typeof import('../../worker/bench.js'), 'decodeAtDepth' | 'memoryBytes' | 'readLimit'>} Tools */

/**
 * @param {import('../app/api.js').BitNetApi} api
 * @param {Tools} tools
 * @param {Plan} plan
 * @param {Listeners} listeners
 */
export async function measure(api, tools, plan, { signal, onStage, onResult }) {
  const bench = new Bench(api, signal);
  onStage(t('stage.load'), 0);
  const { model, load } = await bench.load(plan.source, plan.options, (fraction) =>
    onStage(t('stage.load'), fraction === null ? null : fraction * SHARE.load),
  );
  const { info } = model;
  try {
    onResult({ model: info, load });
    onStage(t('stage.warm'), SHARE.load);
    await bench.run(model, await textOf(model, 16, 0), 4);

    const lengths = within(PROMPT_LENGTHS, info.contextLength - SHORT_RUN - 2);
    /** @type {PromptResult[]} */
    const prompts = [];
    for (const length of lengths) {
      onStage(t('stage.read', { count: length }), SHARE.load + (SHARE.prompts * prompts.length) / lengths.length);
      prompts.push(await bench.prompt(model, length));
      onResult({ prompts });
    }

    const decode = await bench.longRuns(model, tools, (share) =>
      onStage(t('stage.write'), SHARE.load + SHARE.prompts + SHARE.decode * share),
    );
    onResult({ decode: decode.run, parts: decode.parts });

    const written = SHARE.load + SHARE.prompts + SHARE.decode;
    /** @type {Result['depths']} */
    const depths = [];
    for (const context of within(CONTEXTS, info.contextLength - DEPTH_RUN - 2)) {
      onStage(t('stage.depth', { count: context }), written + (SHARE.depths * depths.length) / CONTEXTS.length);
      const { timings } = await tools.decodeAtDepth(model, { context, tokens: DEPTH_RUN, signal });
      depths.push({ context, tokensPerSecond: timings.decodeTokensPerSecond });
      onResult({ depths });
    }
    onStage(t('stage.memory'), written + SHARE.depths);
    // Asked first: measuring the speed takes memory as well.
    const memoryBytes = await tools.memoryBytes(model);
    const { best: readPerSecond } = await tools.readLimit(model);
    const { tokenBytes } = decode;
    const readShare = (tokenBytes * decode.run.tokensPerSecond) / readPerSecond;
    onResult({ machine: { memoryBytes, readPerSecond, readShare, tokenBytes } });
    onStage(t('stage.check'), written + SHARE.depths);
    onResult({ logitsHash: await model.logitsHash() });
    if (plan.sustained) {
      const seconds = plan.sustained;
      await bench.sustain(model, tools, seconds, (done) => onStage(t('stage.sustained', { done: Math.round(done), seconds }), null), (sustained) => onResult({ sustained }));
    }
  } finally {
    await model.unload();
  }
  await bench.compare(
    plan,
    info,
    (kernel, share) => onStage(t('stage.kernel', { kernel }), 1 - SHARE.kernels * (1 - share)),
    onResult,
  );
  if (plan.kernels.length && api.selfTest) {
    onStage(t('stage.test'), null);
    const { threads } = plan.options;
    onResult({ selfTest: await api.selfTest({ signal, ...(typeof threads === 'number' ? { threads } : {}) }) });
  }
  onStage(t('stage.done'), 1);
}

/**
 * The lengths that a model has room for: what is too long becomes the longest that fits, once.
 * @param {number[]} lengths
 * @param {number} most
 */
function within(lengths, most) {
  return lengths.map((length) => Math.min(length, most)).filter((n, i, all) => n > 0 && all.indexOf(n) === i);
}

class Bench {
  #salt = 1;

  /**
   * @param {import('../app/api.js').BitNetApi} api
   * @param {AbortSignal} signal
   */
  constructor(api, signal) {
    this.api = api;
    this.signal = signal;
  }

  /**
   * @param {import('../app/api.js').Source} source
   * @param {import('../app/api.js').LoadOptions} options
   * @param {(fraction: number | null) => void} onFraction
   */
  async load(source, options, onFraction) {
    const started = performance.now();
    let fromCache = false;
    const model = await this.api.load(source, {
      ...options,
      signal: this.signal,
      onProgress(progress) {
        fromCache ||= progress.fromCache;
        onFraction(progress.total ? Math.min(1, progress.loaded / progress.total) : null);
      },
    });
    return { model, load: { ms: performance.now() - started, fromCache } };
  }

  /**
   * One greedy answer.
   * @param {Model} model
   * @param {string} prompt raw text
   * @param {number} maxTokens
   */
  async run(model, prompt, maxTokens) {
    const stream = model.generate(prompt, { maxTokens, temperature: 0, signal: this.signal });
    for (;;) {
      const step = await stream.next();
      if (step.done) {
        this.signal.throwIfAborted();
        if (!step.value) throw new Error('The run ended without a result.');
        return step.value;
      }
    }
  }

  /**
   * @param {Model} model
   * @param {number} length of the prompt, tokens
   * @returns {Promise<PromptResult>}
   */
  async prompt(model, length) {
    const started = performance.now();
    const prefill = [];
    const decode = [];
    const first = [];
    let tokens = 0;
    for (let i = 0; i < REPETITIONS && (i === 0 || performance.now() - started < REPETITION_BUDGET); i++) {
      const { usage, timings } = await this.run(model, await textOf(model, length, this.#salt++), SHORT_RUN);
      tokens = usage.promptTokens - usage.cachedTokens;
      prefill.push(timings.prefillTokensPerSecond);
      first.push(timings.firstTokenMs);
      if (timings.decodeTokensPerSecond > 0) decode.push(timings.decodeTokensPerSecond);
    }
    return {
      tokens,
      prefillPerSecond: spread(prefill),
      decodePerSecond: decode.length ? spread(decode) : null,
      firstTokenMs: spread(first).median,
    };
  }

  /**
   * Writes the same number of tokens several times. The end of a turn does not end a run, so that every model and every browser
   * writes as much.
   * @param {Model} model
   * @param {Tools} tools
   * @param {(share: number) => void} onShare
   * @returns {Promise<{ run: Decode, parts: Record<string, number> | null, tokenBytes: number }>}
   */
  async longRuns(model, tools, onShare) {
    const room = model.info.contextLength - LONG_RUN_CONTEXT - 2;
    const tokens = Math.max(2, Math.min(LONG_RUN, room));
    /** @type {{ perSecond: number, times: number[] }[]} */
    const runs = [];
    /** @type {Record<string, number>} milliseconds of all tokens */
    const parts = {};
    let tokenBytes = 0;
    const began = performance.now();
    while (runs.length < LONG_RUNS && (runs.length === 0 || performance.now() - began < LONG_RUN_BUDGET)) {
      /** @type {number[]} */
      const times = [];
      const onToken = () => {
        times.push(performance.now());
        onShare((runs.length + times.length / tokens) / LONG_RUNS);
      };
      const { timings, weightBytesPerToken } = await tools.decodeAtDepth(model, { context: LONG_RUN_CONTEXT, tokens, signal: this.signal, onToken });
      tokenBytes = weightBytesPerToken;
      this.signal.throwIfAborted();
      runs.push({ perSecond: timings.decodeTokensPerSecond, times: times.map((time) => time - times[0]) });
      for (const [name, ms] of Object.entries(timings.parts?.decode ?? {})) parts[name] = (parts[name] ?? 0) + ms;
    }
    const middle = [...runs].sort((a, b) => a.perSecond - b.perSecond)[runs.length >> 1];
    const speeds = spread(runs.map(({ perSecond }) => perSecond));
    const perToken = Object.entries(parts).map(([name, ms]) => [name, ms / (runs.length * (tokens - 1))]);
    return {
      run: { tokensPerSecond: speeds.median, spread: speeds, tokens, times: middle.times },
      parts: perToken.length ? Object.fromEntries(perToken) : null,
      tokenBytes,
    };
  }

  /**
   * Writes for so long without a pause, so that a device which gets hot and slow shows it.
   * @param {Model} model
   * @param {Tools} tools
   * @param {number} seconds
   * @param {(seconds: number) => void} onTime
   * @param {(speeds: Result['sustained']) => void} onSpeeds after each run
   */
  async sustain(model, tools, seconds, onTime, onSpeeds) {
    const tokens = Math.max(2, Math.min(LONG_RUN, model.info.contextLength - LONG_RUN_CONTEXT - 2));
    /** @type {Result['sustained']} */
    const speeds = [];
    const began = performance.now();
    const now = () => (performance.now() - began) / 1000;
    while (now() < seconds) {
      const before = now();
      const { timings } = await tools.decodeAtDepth(model, { context: LONG_RUN_CONTEXT, tokens, signal: this.signal, onToken: () => onTime(now()) });
      this.signal.throwIfAborted();
      speeds.push({ seconds: (before + now()) / 2, tokensPerSecond: timings.decodeTokensPerSecond });
      onSpeeds(speeds);
    }
  }

  /**
   * @param {Plan} plan
   * @param {import('../app/api.js').ModelInfo} info
   * @param {(kernel: string, share: number) => void} onShare
   * @param {(result: Partial<Result>) => void} onResult
   */
  async compare(plan, info, onShare, onResult) {
    /** @type {KernelResult[]} */
    const kernels = [];
    const wanted = plan.kernels.filter((kernel) => kernel !== 'scalar' || info.parameters < SCALAR_LIMIT);
    for (const kernel of wanted) {
      onShare(kernel, kernels.length / wanted.length);
      kernels.push(await this.#kernel(plan, kernel));
      onResult({ kernels });
    }
  }

  /**
   * @param {Plan} plan
   * @param {string} kernel
   * @returns {Promise<KernelResult>}
   */
  async #kernel({ source, options }, kernel) {
    try {
      const { model } = await this.load(
        source,
        { ...options, kernel: /** @type {import('../app/api.js').LoadOptions['kernel']} */ (kernel) },
        () => {},
      );
      try {
        await this.run(model, await textOf(model, 16, 0), 4);
        const length = Math.min(128, model.info.contextLength - SHORT_RUN - 2);
        const { prefillPerSecond, decodePerSecond } = await this.prompt(model, length);
        return {
          kernel,
          prefillPerSecond: prefillPerSecond.median,
          decodePerSecond: decodePerSecond?.median,
          logitsHash: await model.logitsHash(),
        };
      } finally {
        await model.unload();
      }
    } catch (error) {
      this.signal.throwIfAborted();
      // A build without relaxed SIMD has no such kernel: that is a result as well.
      return { kernel, error: /** @type {{ code?: string }} */ (error)?.code ?? 'internal' };
    }
  }
}
