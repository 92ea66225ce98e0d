/**
 * wllama beside us on the same file, or one with the same weights in a type that it reads, with the same threads, prompt and number of tokens, in rounds that take turns. Its package is
 * loaded when this begins and never before, into a document with a policy of its own.
 */
import { addressOf } from '../app/catalog.js';
import { t } from '../app/texts.js';
import { textOf } from './prompt-text.js';
import { repacked } from './repack.js';
import { spread } from './statistics.js';

/** @typedef {import('./statistics.js').Spread} Spread */
/** @typedef {{ prefill: Spread, decode: Spread, loadMs: number }} Speeds tokens per second; the median of the loads */

/**
 * @typedef {object} Peer
 * @property {string} [failure] why there are no numbers, in its own words
 * @property {boolean} [isRepacked] whether its file is a copy with the weights in a type that it reads
 * @property {string} [version] of llama.cpp in it
 * @property {number} [threads]
 * @property {number} [promptTokens] that each read, ours and theirs being the same but for a token that begins the text
 * @property {number} [tokens] that each wrote
 * @property {Speeds} [ours]
 * @property {Speeds} [theirs]
 * @property {{ prefill: Spread, decode: Spread }} [ratios] ours by theirs, of each round
 */

const ROUNDS = 3;
/** No further round begins after this time, milliseconds. */
const BUDGET = 90_000;
const PROMPT = 64;
const TOKENS = 32;
/** A document that says nothing for so long is not there, milliseconds. */
const PATIENCE = 20_000;

/**
 * Whether a model's weights are in a type that wllama does not read.
 * @param {string} quantization such as "I2_S" or "TQ2_0, embedding Q6_K"
 */
export function needsRepacking(quantization) {
  return quantization.includes('I2_S');
}

/**
 * @param {object} what
 * @param {import('../app/api.js').BitNetApi} what.api
 * @param {import('./measure.js').Tools} what.tools
 * @param {import('./measure.js').Plan} what.plan
 * @param {import('../app/api.js').ModelInfo} what.info of the run before
 * @param {AbortSignal} signal
 * @param {(stage: string) => void} onStage
 * @param {(peer: Peer) => void} onPeer after each round
 */
export async function comparePeer({ api, tools, plan, info }, signal, onStage, onPeer) {
  onStage(t('stage.peerFile'));
  /** @type {PeerFrame | undefined} */
  let frame;
  try {
    const file = await fileOf(plan.source, signal);
    const theirFile = await repacked(file);
    frame = await PeerFrame.open(signal);
    const { threads } = info;
    const call = { file: theirFile, threads, context: Math.min(info.contextLength, PROMPT + TOKENS + 64) };
    /** @type {{ ours: Run, theirs: Run }[]} */
    const rounds = [];
    const began = performance.now();
    while (rounds.length < ROUNDS && (rounds.length === 0 || performance.now() - began < BUDGET)) {
      const stage = (/** @type {string} */ who) => onStage(t('stage.peer', { who, round: rounds.length + 1, rounds: ROUNDS }));
      stage('bitnet-web');
      const { text, ...ours } = await runOurs({ api, tools, options: { ...plan.options, threads } }, file, rounds.length, signal);
      stage('wllama');
      const theirs = await runTheirs(frame, call, text);
      rounds.push({ ours, theirs });
      onPeer({ ...peerOf(rounds, threads), isRepacked: theirFile !== file });
    }
  } catch (error) {
    signal.throwIfAborted();
    onPeer({ failure: error instanceof Error ? error.message : String(error) });
  } finally {
    frame?.close();
  }
}

/** @typedef {{ loadMs: number, prefill: number, decode: number, promptTokens: number, tokens: number, version?: string }} Run */

/**
 * @param {{ ours: Run, theirs: Run }[]} rounds at least one
 * @param {number} threads
 * @returns {Peer}
 */
export function peerOf(rounds, threads) {
  const over = (/** @type {(round: { ours: Run, theirs: Run }) => number} */ value) => spread(rounds.map(value));
  const speeds = (/** @type {'ours' | 'theirs'} */ who) => ({
    prefill: over((round) => round[who].prefill),
    decode: over((round) => round[who].decode),
    loadMs: over((round) => round[who].loadMs).median,
  });
  const { theirs } = rounds[0];
  return {
    version: theirs.version ?? '',
    threads,
    promptTokens: theirs.promptTokens,
    tokens: theirs.tokens,
    ours: speeds('ours'),
    theirs: speeds('theirs'),
    ratios: {
      prefill: over((round) => round.ours.prefill / round.theirs.prefill),
      decode: over((round) => round.ours.decode / round.theirs.decode),
    },
  };
}

/**
 * @param {{ api: import('../app/api.js').BitNetApi, tools: import('./measure.js').Tools, options: import('../app/api.js').LoadOptions }} how
 * @param {Blob} file
 * @param {number} round
 * @param {AbortSignal} signal
 * @returns {Promise<Run & { text: string }>}
 */
async function runOurs({ api, tools, options }, file, round, signal) {
  const began = performance.now();
  const model = await api.load(file, { ...options, signal });
  const loadMs = performance.now() - began;
  try {
    const room = Math.min(PROMPT, model.info.contextLength - TOKENS - 8);
    const text = await textOf(model, room, 100 + round);
    await model.complete(await textOf(model, 2, 200), { maxTokens: 1, temperature: 0, signal });
    const { timings, usage } = await model.complete(text, { maxTokens: 1, temperature: 0, signal });
    const decoded = await tools.decodeAtDepth(model, { context: usage.promptTokens, tokens: TOKENS + 1, signal });
    signal.throwIfAborted();
    return { text, loadMs, prefill: timings.prefillTokensPerSecond, decode: decoded.timings.decodeTokensPerSecond, promptTokens: usage.promptTokens, tokens: TOKENS };
  } finally {
    await model.unload();
  }
}

/**
 * @param {PeerFrame} frame
 * @param {{ file: Blob, threads: number, context: number }} call
 * @param {string} prompt
 * @returns {Promise<Run>}
 */
async function runTheirs(frame, call, prompt) {
  const { loadMs, version } = /** @type {import('./wllama.js').Loaded} */ (await frame.ask({ type: 'load', ...call }));
  await frame.ask({ type: 'complete', prompt: 'a b', tokens: 1 });
  const { promptTokens, prefillPerSecond, tokens, decodePerSecond } = /** @type {import('./wllama.js').Completed} */ (
    await frame.ask({ type: 'complete', prompt, tokens: TOKENS + 1 })
  );
  await frame.ask({ type: 'exit' });
  return { loadMs, version, promptTokens, tokens, prefill: prefillPerSecond, decode: decodePerSecond };
}

/**
 * The model's file for both engines.
 * @param {import('../app/api.js').Source} source
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
async function fileOf(source, signal) {
  if (typeof source !== 'string') return source;
  const address = addressOf(source);
  // A folder of safetensors, or the first of several parts.
  if (!/^https?:/.test(address) || /-\d{5}-of-\d{5}\.gguf$/.test(new URL(address).pathname)) throw new Error(t('peer.notOneFile'));
  const response = await fetch(address, { signal });
  if (!response.ok) throw new Error(`GET ${address}: ${response.status}`);
  return response.blob();
}

/** The document that wllama runs in. */
class PeerFrame {
  /** @type {Map<number, { resolve: (value: unknown) => void, reject: (error: unknown) => void }>} */
  #open = new Map();
  #next = 1;

  /**
   * @param {HTMLIFrameElement} frame
   * @param {MessagePort} port
   * @param {AbortSignal} signal
   */
  constructor(frame, port, signal) {
    this.frame = frame;
    this.port = port;
    this.signal = signal;
    port.onmessage = ({ data: { id, value, error } }) => {
      const call = this.#open.get(id);
      this.#open.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    };
    signal.addEventListener('abort', () => this.#end(signal.reason), { once: true });
  }

  /** @param {AbortSignal} signal @returns {Promise<PeerFrame>} */
  static open(signal) {
    const frame = document.createElement('iframe');
    frame.hidden = true;
    frame.src = new URL('./wllama.html', import.meta.url).href;
    const { port1, port2 } = new MessageChannel();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error(t('peer.noDocument'))), PATIENCE);
      const fail = (/** @type {unknown} */ error) => {
        clearTimeout(timer);
        frame.remove();
        reject(error);
      };
      signal.addEventListener('abort', () => fail(signal.reason), { once: true });
      port1.onmessage = () => {
        clearTimeout(timer);
        resolve(new PeerFrame(frame, port1, signal));
      };
      frame.addEventListener('load', () => frame.contentWindow?.postMessage('port', location.origin, [port2]), { once: true });
      document.body.append(frame);
    });
  }

  /**
   * @param {import('./wllama.js').Request} request
   * @returns {Promise<unknown>}
   */
  ask(request) {
    this.signal.throwIfAborted();
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#open.set(id, { resolve, reject });
      this.port.postMessage({ id, request });
    });
  }

  /** Its workers end with the document. */
  close() {
    this.#end(new Error('The document of wllama was closed.'));
  }

  /** @param {unknown} reason */
  #end(reason) {
    this.port.close();
    this.frame.remove();
    for (const { reject } of this.#open.values()) reject(reason);
    this.#open.clear();
  }
}
