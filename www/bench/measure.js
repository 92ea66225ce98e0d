/**
 * The benchmark itself, by the public API and what the library keeps for benchmarks: load, read prompts of several
 * lengths, decode, decode at depth, the speed of memory, settings side by side, and another engine beside ours. Knows nothing
 * of the page.
 */
import { addressOf, isOwn } from '../app/catalog.js';
import { t } from '../app/texts.js';
import { comparePeer } from './peer.js';
import { textOf } from './prompt-text.js';
import { compareSettings, tokensFor } from './settings.js';
import { spread } from './statistics.js';

/** @typedef {import('../app/api.js').Model} Model */

/**
 * @typedef {object} Plan
 * @property {import('../app/api.js').Source} source
 * @property {import('../app/api.js').LoadOptions} options
 * @property {import('./settings.js').Asked[]} settings to compare; none: no comparison
 * @property {boolean} [peer] whether wllama is measured beside it
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
 * @property {{ cores: number, threadsAsked: number | null }} device processor threads that the browser tells of; threads that were
 *   asked for, null: automatic
 * @property {import('./settings.js').Settings} settings side by side
 * @property {'not-kept'} settingsLeftOut why there are none
 * @property {import('./peer.js').Peer} peer wllama beside it
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
/** Tokens of the prompt that settings are compared with. */
const COMPARED_PROMPT = 128;

/** Shares of the progress bar. */
const ALONE = { load: 0.3, prompts: 0.4, decode: 0.22, depths: 0.08 };
const COMPARING = { load: 0.12, prompts: 0.15, decode: 0.08, depths: 0.03, settings: 0.6 };

/** @typedef {Pick<typeof import('../../worker/bench.js'), 'decodeAtDepth' | 'memoryBytes' | 'readLimit'>} Tools */

/**
 * @param {import('../app/api.js').BitNetApi} api
 * @param {Tools} tools
 * @param {Plan} plan
 * @param {Listeners} listeners
 */
export async function measure(api, tools, plan, { signal, onStage, onResult }) {
  const bench = new Bench(api, signal);
  const isComparing = plan.settings.length > 0;
  const shares = isComparing ? COMPARING : ALONE;
  onStage(t('stage.load'), 0);
  const { model, load } = await bench.load(plan.source, plan.options, (fraction) =>
    onStage(t('stage.load'), fraction === null ? null : fraction * shares.load),
  );
  const { info } = model;
  const { threads } = plan.options;
  const threadsAsked = typeof threads === 'number' ? threads : null;
  let tokensPerSecond = 0;
  let prompt = { text: '', tokens: 0 };
  try {
    onResult({ model: info, load, device: { cores: navigator.hardwareConcurrency || 1, threadsAsked } });
    onStage(t('stage.warm'), shares.load);
    await bench.run(model, await textOf(model, 16, 0), 4);

    const lengths = within(PROMPT_LENGTHS, info.contextLength - SHORT_RUN - 2);
    /** @type {PromptResult[]} */
    const prompts = [];
    for (const length of lengths) {
      onStage(t('stage.read', { count: length }), shares.load + (shares.prompts * prompts.length) / lengths.length);
      prompts.push(await bench.prompt(model, length));
      onResult({ prompts });
    }

    const decode = await bench.longRuns(model, tools, (share) =>
      onStage(t('stage.write'), shares.load + shares.prompts + shares.decode * share),
    );
    ({ tokensPerSecond } = decode.run);
    // The number of threads may have changed since the load, and is that of the answer.
    onResult({ model: model.info, decode: decode.run, parts: decode.parts });

    const written = shares.load + shares.prompts + shares.decode;
    /** @type {Result['depths']} */
    const depths = [];
    for (const context of within(CONTEXTS, info.contextLength - DEPTH_RUN - 2)) {
      onStage(t('stage.depth', { count: context }), written + (shares.depths * depths.length) / CONTEXTS.length);
      const { timings } = await tools.decodeAtDepth(model, { context, tokens: DEPTH_RUN, signal });
      depths.push({ context, tokensPerSecond: timings.decodeTokensPerSecond });
      onResult({ depths });
    }
    onStage(t('stage.memory'), written + shares.depths);
    // Asked first: measuring the speed takes memory as well.
    const memoryBytes = await tools.memoryBytes(model);
    const { best: readPerSecond } = await tools.readLimit(model);
    const { tokenBytes } = decode;
    const readShare = (tokenBytes * decode.run.tokensPerSecond) / readPerSecond;
    onResult({ machine: { memoryBytes, readPerSecond, readShare, tokenBytes } });
    onStage(t('stage.check'), written + shares.depths);
    onResult({ logitsHash: await model.logitsHash() });
    if (plan.sustained) {
      const seconds = plan.sustained;
      await bench.sustain(model, tools, seconds, (done) => onStage(t('stage.sustained', { done: Math.round(done), seconds }), null), (sustained) => onResult({ sustained }));
    }
    prompt = await bench.comparedPrompt(model, tokensFor(tokensPerSecond));
  } finally {
    await model.unload();
  }
  if (isComparing) {
    if (await isAtHand(api, plan.source)) {
      const begun = 1 - COMPARING.settings;
      const what = { source: plan.source, settings: plan.settings, prompt: prompt.text, promptTokens: prompt.tokens, tokens: tokensFor(tokensPerSecond) };
      await compareSettings(api, what, signal, (stage, share) => onStage(stage, begun + COMPARING.settings * share), (settings) => onResult({ settings }));
    } else onResult({ settingsLeftOut: 'not-kept' });
    if (api.selfTest) {
      onStage(t('stage.test'), null);
      onResult({ selfTest: await api.selfTest({ signal, ...(threadsAsked === null ? {} : { threads: threadsAsked }) }) });
    }
  }
  if (plan.peer) await comparePeer({ api, tools, plan, info }, signal, (stage) => onStage(stage, null), (peer) => onResult({ peer }));
  onStage(t('stage.done'), 1);
}

/**
 * Whether a model can be loaded again and again without a download each time: from this device, or from this site.
 * @param {import('../app/api.js').BitNetApi} api
 * @param {import('../app/api.js').Source} source
 */
async function isAtHand(api, source) {
  if (typeof source !== 'string' || isOwn(source)) return true;
  const kept = await api.cache?.list().catch(() => []);
  // The files of a folder lie below its address.
  return kept?.some((entry) => entry.complete && entry.source.startsWith(addressOf(source))) ?? false;
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
   * The prompt that settings are compared with, where it has room for what is written behind it.
   * @param {Model} model
   * @param {number} tokens to be written
   */
  async comparedPrompt(model, tokens) {
    const length = Math.max(1, Math.min(COMPARED_PROMPT, model.info.contextLength - tokens - 8));
    const text = await textOf(model, length, this.#salt++);
    return { text, tokens: (await model.tokenize(text)).length };
  }
}
