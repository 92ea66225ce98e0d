// What is counted of a model, and what is told of it.
import { Histogram } from './histogram.js';

/** @import { EngineStats, ModelInfo } from '../protocol.js' */
/** @import { Percentiles } from './histogram.js' */

/**
 * Requests: calls of `generate` and of all that is built on it.
 * @typedef {object} RequestCounts
 * @property {number} active now
 * @property {number} queued now: they wait for a place among those that are computed
 * @property {number} done since the model was loaded, like the next five
 * @property {number} fromCache those of them whose answers were told from the response cache: nothing else is counted of them
 * @property {number} failed
 * @property {number} aborted by their signal, or because the loop over their tokens was left
 * @property {Record<string, number>} failures those that failed, by the code of their error
 */

/**
 * Tokens since the model was loaded.
 * @typedef {object} TokenCounts
 * @property {number} prompt
 * @property {number} cached those of prompts that were not computed again
 * @property {number} completion
 * @property {number} guessed tried by look-up, beside others in one pass, of requests that are done
 * @property {number} accepted those of them that came, and saved a pass
 */

/**
 * Speeds.
 * @typedef {object} PerSecond
 * @property {number} requests done
 * @property {number} promptTokens computed
 * @property {number} completionTokens
 * @property {number} weightBytes that were read of the weights
 */

/**
 * How long it took, in milliseconds.
 * @typedef {object} Latencies
 * @property {Percentiles} queue from the call until its turn came
 * @property {Percentiles} firstToken from the call to its first token
 * @property {Percentiles} nextToken from one token of an answer to the next
 * @property {Percentiles} total from the call to its end, of those that are done
 */

/**
 * Parts of a whole, 0 to 1; 0 where there is no whole.
 * @typedef {object} Shares
 * @property {number} failed of the requests that ended
 * @property {number} cached of the prompts' tokens
 * @property {number} accepted of the guessed tokens
 * @property {number} kv of the blocks for keys and values, those that are taken
 */

/**
 * Keys and values.
 * @typedef {object} KvUse
 * @property {number} blocks that are taken now, by requests and by texts that have ended
 * @property {number} mostBlocks that there may be
 * @property {number} blockTokens tokens in each
 * @property {number} keptTexts texts that have ended and whose beginnings need not be computed again
 */

/**
 * Bytes.
 * @typedef {object} MemoryUse
 * @property {number} wasm all of the WebAssembly memory, which never shrinks
 * @property {number} weights
 * @property {number} kv taken blocks
 */

/**
 * What a model does and has done: plain data.
 * @typedef {object} MetricsSnapshot
 * @property {number} time milliseconds since 1970
 * @property {number} seconds that `perSecond`, `latency` and `share` look back on
 * @property {RequestCounts} requests
 * @property {TokenCounts} tokens
 * @property {PerSecond} perSecond
 * @property {Latencies} latency
 * @property {Shares} share
 * @property {KvUse} kv
 * @property {MemoryUse} memory
 */

/** @typedef {keyof Latencies} LatencyName */

/** All that was counted since the model was loaded. Two of them tell what happened in between. */
export class Counters {
  /** When these numbers held, in milliseconds as performance.now() tells. */
  time = performance.now();
  done = 0;
  fromCache = 0;
  failed = 0;
  aborted = 0;
  /** @type {Record<string, number>} */
  failures = {};
  prompt = 0;
  cached = 0;
  /** Tokens of prompts that were computed. */
  read = 0;
  completion = 0;
  guessed = 0;
  accepted = 0;
  weightBytesRead = 0;
  /** @type {Record<LatencyName, Histogram>} */
  latency = { queue: new Histogram(), firstToken: new Histogram(), nextToken: new Histogram(), total: new Histogram() };

  /** As they are now. */
  copy() {
    const { queue, firstToken, nextToken, total } = this.latency;
    const latency = { queue: queue.copy(), firstToken: firstToken.copy(), nextToken: nextToken.copy(), total: total.copy() };
    return Object.assign(new Counters(), this, { time: performance.now(), failures: { ...this.failures }, latency });
  }
}

/**
 * What happened between two counts, and how things are now.
 * @param {Counters} before
 * @param {Counters} now
 * @param {{ active: number, queued: number }} requests
 * @param {EngineStats} stats
 * @param {ModelInfo} info
 * @returns {MetricsSnapshot}
 */
export function snapshotOf(before, now, { active, queued }, stats, info) {
  const seconds = Math.max(now.time - before.time, 0) / 1000;
  /** @typedef {'done' | 'failed' | 'prompt' | 'cached' | 'read' | 'completion' | 'guessed' | 'accepted' | 'weightBytesRead'} Count */
  const since = (/** @type {Count} */ name) => now[name] - before[name];
  const speed = (/** @type {Count} */ name) => share(since(name), seconds);
  const percentiles = (/** @type {LatencyName} */ name) => now.latency[name].since(before.latency[name]).percentiles();
  const { done, fromCache, failed, aborted, failures, prompt, cached, completion, guessed, accepted } = now;
  const { kvBlocks, kvMostBlocks, kvBlockTokens, kvBlockBytes, keptTexts, memoryBytes } = stats;
  return {
    time: Date.now(),
    seconds,
    requests: { active, queued, done, fromCache, failed, aborted, failures: { ...failures } },
    tokens: { prompt, cached, completion, guessed, accepted },
    perSecond: {
      requests: speed('done'),
      promptTokens: speed('read'),
      completionTokens: speed('completion'),
      weightBytes: speed('weightBytesRead'),
    },
    latency: {
      queue: percentiles('queue'),
      firstToken: percentiles('firstToken'),
      nextToken: percentiles('nextToken'),
      total: percentiles('total'),
    },
    share: {
      failed: share(since('failed'), since('done') + since('failed')),
      cached: share(since('cached'), since('prompt')),
      accepted: share(since('accepted'), since('guessed')),
      kv: share(kvBlocks, kvMostBlocks),
    },
    kv: { blocks: kvBlocks, mostBlocks: kvMostBlocks, blockTokens: kvBlockTokens, keptTexts },
    memory: { wasm: memoryBytes, weights: info.weightBytes, kv: kvBlocks * kvBlockBytes },
  };
}

/** @param {number} part @param {number} whole */
function share(part, whole) {
  return whole > 0 ? part / whole : 0;
}
