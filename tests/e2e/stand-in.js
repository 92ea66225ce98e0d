// Stands in for the library in the page's own tests: answers what a test tells it to, and waits where a test tells it to.
// The tests of the library itself, and of the two together, use the real one.

/** @import { GenerateOptions, LoadOptions } from '../../worker/schema.js' */
/** @import { Message } from '../../worker/protocol.js' */

const CONTEXT = 200;
const BYTES = 10_000_000;
/** Milliseconds of one answer. */
const PARTS = {
  prefill: { ternary: 30, attention: 5, head: 5, norms: 5, sampling: 1, barriers: 3, other: 1 },
  decode: { ternary: 60, attention: 10, head: 20, norms: 5, sampling: 2, barriers: 2, other: 1 },
};

/** What `logprobs` tells of every token. */
const TOP = [[901, 'Hello', 0.6], [902, 'Hi', 0.3]].map(([id, text, p]) => ({ id, text, bytes: [], logprob: Math.log(Number(p)) }));

/** Gates by name: work waits at one until the test opens it. @type {Map<string, { opened: Promise<void>, open: () => void }>} */
const gates = new Map();

/** @param {string} name */
function gate(name) {
  let found = gates.get(name);
  if (!found) {
    let open = () => {};
    const opened = new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      open = resolve;
    });
    found = { opened, open };
    gates.set(name, found);
  }
  return found;
}

/**
 * @param {string} name
 * @param {AbortSignal} [signal]
 */
function pass(name, signal) {
  signal?.throwIfAborted();
  return Promise.race([
    gate(name).opened,
    new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    }),
  ]);
}

/** The state that a test reads and sets, as `standIn` on the page. */
const standIn = {
  /** @type {{ source: string, options: Record<string, unknown> }[]} */
  loads: [],
  /** @type {{ messages: Message[], options: Record<string, unknown> }[]} */
  answers: [],
  /** Texts that were tokenized, once `countTokenized` was called. @type {string[]} */
  tokenized: [],
  countTokenized() {
    standIn.counting = true;
  },
  counting: false,
  /** Between two tokens, milliseconds. */
  pause: 0,
  /** Sources that were looked at. @type {string[]} */
  probes: [],
  unloads: 0,
  /** The kernel whose timing waits at the gate "compare". */
  pausedKernel: '',
  /** Listeners of a model. */
  listening: 0,
  /** Addresses kept in the cache. @type {Map<string, { source: string, bytes: number, storedBytes: number, complete: boolean, lastUsed: number }>} */
  kept: new Map(),
  /** @param {string} name of a gate */
  open(name) {
    gate(name).open();
  },
};
Object.assign(globalThis, { standIn });

export class BitNetError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = 'BitNetError';
    this.code = code;
  }
}

class Model {
  /** @param {LoadOptions} options */
  constructor({ threads, kernel, precision }) {
    const isolated = globalThis.crossOriginIsolated;
    this.info = {
      architecture: 'bitnet-b1.58',
      name: 'stand-in',
      parameters: 7_400_000,
      contextLength: CONTEXT,
      quantization: 'I2_S',
      variant: 'relaxed',
      threads: isolated ? (threads ?? 2) : 1,
      kernel: kernel ?? 'mad',
      precision: precision ?? 'fast',
      isolated,
      bytes: BYTES,
      memoryBytes: 21_000_000,
      weightBytes: 16_000_000,
      vocabulary: 256,
    };
  }

  /** One token a character. @param {string} text */
  async tokenize(text) {
    if (standIn.counting) standIn.tokenized.push(text);
    return Array.from(text, (c) => c.codePointAt(0) ?? 0);
  }

  /** @param {number[]} ids */
  async detokenize(ids) {
    return String.fromCodePoint(...ids);
  }

  /** @param {Message[]} messages */
  async chatPrompt(messages) {
    return messages.map(({ role, content }) => `${role}:${content}\n`).join('');
  }

  /**
   * Says what follows "say " in the last message, a word at a time, and waits at the gate "more" where it says "WAIT". After
   * "long N" it says so many paragraphs.
   * @param {Message[] | string} prompt
   * @param {GenerateOptions} [options]
   */
  async *generate(prompt, { signal, ...options } = {}) {
    const messages =
      typeof prompt === 'string' ? [{ role: 'user', content: `say ${'tok '.repeat(options.maxTokens ?? 8)}` }] : prompt;
    standIn.answers.push({ messages, options });
    const last = String(messages[messages.length - 1].content);
    if (last === 'crash') throw new BitNetError('crashed', 'The engine worker stopped.');
    if (last === 'overflow') throw new BitNetError('context_overflow', 'The prompt has 900 tokens, the context 200.');
    const paragraphs = Number(/^long (\d+)$/.exec(last)?.[1] ?? 0);
    const said = paragraphs ? 'more\n\n'.repeat(paragraphs) : last.startsWith('say ') ? last.slice(4) : 'Hello there.';
    const words = said.match(/\S+\s*/g) ?? [];
    const all = words.slice(0, options.maxTokens);
    for (const [id, text] of all.entries()) {
      if (text.startsWith('WAIT')) await pass('more', signal);
      // A real engine answers from a worker: never within the same turn of the event loop.
      await new Promise((resolve) => {
        setTimeout(resolve, standIn.pause);
      });
      signal?.throwIfAborted();
      const { logprobs } = options;
      yield typeof logprobs === 'number' ? { id, text, logprob: Math.log(0.001), topLogprobs: TOP } : { id, text };
    }
    return {
      finishReason: all.length < words.length ? 'length' : 'stop',
      usage: { promptTokens: 26, cachedTokens: 6, completionTokens: all.length },
      timings: {
        queueMs: 0,
        prefillMs: 50,
        decodeMs: 100,
        firstTokenMs: 50,
        totalMs: 150,
        prefillTokensPerSecond: 400,
        decodeTokensPerSecond: 41.25,
        ...(options.timeParts ? { parts: PARTS } : {}),
      },
    };
  }

  /**
   * Tells of metrics, at once.
   * @param {string} type
   * @param {(event: unknown) => void} listener
   * @param {{ signal?: AbortSignal }} options
   */
  on(type, listener, { signal } = {}) {
    standIn.listening += 1;
    signal?.addEventListener('abort', () => (standIn.listening -= 1), { once: true });
    if (type === 'metrics') listener({ perSecond: { weightBytes: 5e9 }, kv: { blocks: 3, mostBlocks: 20, blockTokens: 16 }, memory: { wasm: 64e6, weights: 16e6, kv: 2e6 } });
  }

  /** @param {string} prompt @param {GenerateOptions} [options] */
  async complete(prompt, options) {
    const answer = this.generate(prompt, options);
    for (let text = ''; ; ) {
      const { done, value } = await answer.next();
      if (done) return { text, ...value, timings: { ...value.timings, threads: this.info.threads } };
      text += value.text;
    }
  }

  async metrics() {
    return { memory: { wasm: 64e6 } };
  }

  async logitsHash() {
    return this.info.precision === 'exact' ? 'fedcba9876543210' : '0123456789abcdef';
  }

  async unload() {
    standIn.unloads += 1;
  }
}

/** @param {string} name */
function refuse(name) {
  if (name.includes('missing')) throw new BitNetError('not_found', `GET ${name}: the server answered 404.`);
  if (name.includes('unreachable')) throw new BitNetError('network', `GET ${name}: no answer.`);
  if (name.includes('bad')) throw new BitNetError('invalid_gguf', `${name}: expected "GGUF" at byte 0, found "<!do".`);
}

const core = {
  kernels: ['scalar', 'mad', 'lut', 'relaxed', 'relaxed16'],

  /**
   * @param {string | File} source a name with "missing", "bad", "slow" or "kept" in it is treated as such
   * @param {LoadOptions} [options]
   */
  async load(source, { signal, onProgress, ...options } = {}) {
    const name = typeof source === 'string' ? source : `file:${source.name}`;
    standIn.loads.push({ source: name, options });
    signal?.throwIfAborted();
    refuse(name);
    const fromCache = name.includes('kept');
    const say = (/** @type {number} */ loaded) =>
      onProgress?.({
        phase: fromCache ? 'cache' : 'download',
        loaded,
        total: BYTES,
        fromCache,
        bytesPerSecond: 1_000_000,
        secondsLeft: (BYTES - loaded) / 1_000_000,
      });
    say(2_500_000);
    if (name.includes('slow')) await pass('load', signal);
    say(BYTES);
    standIn.kept.set(name, { source: name, bytes: BYTES, storedBytes: BYTES, complete: true, lastUsed: Date.now() });
    return new Model(options);
  },
};

/** Decode speeds of the kernels, tokens per second. @type {Record<string, number>} */
const SPEEDS = { scalar: 10, mad: 100, lut: 120, relaxed: 140, relaxed16: 150 };

/**
 * The engine behind a model, as far as the library's own comparison asks it.
 * @param {Model} model
 * @param {string} name
 * @param {{ options: { maxTokens: number } }} asked
 * @param {AbortSignal} [signal]
 */
async function callOf({ info }, name, asked, signal) {
  if (name === 'stats') return { weightBytesRead: 0 };
  if (standIn.pausedKernel === info.kernel) await pass('compare', signal);
  const { maxTokens } = asked.options;
  return {
    usage: { promptTokens: 1, cachedTokens: 0, completionTokens: maxTokens },
    timings: { decodeTokensPerSecond: SPEEDS[info.kernel] * Number(info.threads), threads: info.threads },
  };
}

const more = {
  async selfTest() {
    const kernels = [
      { kernel: 'relaxed', weightsPerSecond: 36e9 },
      { kernel: 'lut', weightsPerSecond: 22e9 },
    ];
    return { passed: true, cases: 40, failures: [], seed: 1, kernels };
  },

  /**
   * The library's own, of this one's models.
   * @param {any} source
   * @param {any} settings
   * @param {any} options
   */
  async compare(source, settings, options) {
    const [{ compare }, { engines }] = await Promise.all(['compare', 'model'].map((name) => import(`/modules/${name}.js`)));
    const load = async (/** @type {any} */ from, /** @type {LoadOptions} */ how) => {
      const model = await core.load(from, how);
      engines.set(model, { call: (/** @type {string} */ name, /** @type {any} */ asked) => callOf(model, name, asked, how.signal) });
      return model;
    };
    return compare(load, source, settings, options);
  },

  /** @param {string | File} source */
  async probe(source) {
    standIn.probes.push(typeof source === 'string' ? source : source.name);
    refuse(typeof source === 'string' ? source : source.name);
    return { bytes: BYTES, memoryBytes: 21_000_000, fits: true, parameters: 1e9, tokensPerSecond: 40 };
  },

  cache: {
    async list() {
      return [...standIn.kept.values()];
    },
    /** @param {string} source */
    async delete(source) {
      standIn.kept.delete(source);
    },
    async clear() {
      standIn.kept.clear();
    },
    async estimate() {
      return { usage: 20_000_000, quota: 5_000_000_000, persisted: false };
    },
    async persist() {
      return true;
    },
  },
};

/** With ?bare=yes the library can do no more than load. */
export const BitNet = new URLSearchParams(location.search).get('bare') === 'yes' ? core : { ...core, ...more };
