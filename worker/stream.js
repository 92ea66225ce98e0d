// The tokens of one generation, as an async iterator that the engine pushes into.

/** @import { GenerationResult, PartialResult, Prefill, StreamEvent, Token } from './protocol.js' */

/**
 * Runs the call: reports each token and the parts of the prompt that are read, and resolves with the result.
 * @callback Run
 * @param {(token: Token) => void} onToken
 * @param {AbortSignal} stopped aborts when the consumer wants no more
 * @param {(prefill: Prefill) => void} onPrefill
 * @returns {Promise<GenerationResult>}
 */

/**
 * The tokens of one generation. The work begins with the first `next()`; tokens then arrive as they are made, whether or
 * not the consumer keeps up (there are at most `maxTokens` of them). Leaving the loop early stops the engine.
 * @hideconstructor
 */
export class TokenStream {
  /** @type {Run | undefined} */
  #run;
  #started = false;
  #ended = false;
  /** Arrived, not yet taken. @type {Token[]} */
  #tokens = [];
  /** Asked for, not yet arrived. @type {{ resolve: (step: IteratorResult<Token, GenerationResult | undefined>) => void, reject: (reason: unknown) => void }[]} */
  #waiting = [];
  /** @type {{ reason: unknown } | undefined} */
  #failure;
  #stop = new AbortController();
  /** @type {PartialResult} */
  #partial = { text: '', usage: { promptTokens: 0, cachedTokens: 0, completionTokens: 0 } };
  /** Whoever reads the events. @type {((prefill: Prefill) => void) | undefined} */
  #onPrefill;

  /**
   * How the generation ended: undefined until it has, and where it was left early.
   * @type {GenerationResult | undefined}
   */
  result;

  /**
   * Use `model.generate`.
   * @internal
   * @param {Run} run
   */
  constructor(run) {
    this.#run = run;
  }

  /**
   * What there is so far: also after the loop was left or the signal has aborted, which leaves no `result`.
   * @returns {PartialResult}
   */
  get partial() {
    const { usage, ...said } = this.#partial;
    return { ...said, usage: { ...(this.result?.usage ?? usage) } };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /**
   * The same generation with more detail, in place of a loop over the tokens: the parts of the prompt as they are read, then
   * the tokens, then how it ended.
   * @returns {AsyncGenerator<StreamEvent, void, undefined>}
   */
  async *events() {
    /** @type {Prefill[]} */
    const read = [];
    let wake = () => {};
    this.#onPrefill = (prefill) => {
      read.push(prefill);
      wake();
    };
    try {
      for (let next = this.next(); ;) {
        const step = await Promise.race([next, new Promise((resolve) => (wake = () => resolve(undefined)))]);
        for (const prefill of read.splice(0)) yield { type: 'prefill', ...prefill };
        if (step === undefined) continue;
        if (step.done) return yield { type: 'done', result: this.result };
        yield { type: 'token', ...step.value };
        next = this.next();
      }
    } finally {
      this.#onPrefill = undefined;
      await this.return();
    }
  }

  /** @returns {Promise<IteratorResult<Token, GenerationResult | undefined>>} */
  next() {
    this.#start();
    const token = this.#tokens.shift();
    if (token !== undefined) return Promise.resolve(this.#taken(token));
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined; // told once, as every iterator does
      return Promise.reject(reason);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: this.result });
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /**
   * Leaves the loop: what was not yet taken is dropped and the engine stops.
   * @returns {Promise<IteratorResult<Token, GenerationResult | undefined>>}
   */
  return() {
    this.#tokens = [];
    this.#failure = undefined;
    this.#started = true; // and never will run, if it had not
    this.#run = undefined;
    this.#finish();
    this.#stop.abort();
    return Promise.resolve({ done: true, value: this.result });
  }

  /**
   * @param {unknown} reason
   * @returns {Promise<IteratorResult<Token, GenerationResult | undefined>>}
   */
  async throw(reason) {
    await this.return();
    throw reason;
  }

  #start() {
    if (this.#started) return;
    this.#started = true;
    const onToken = (/** @type {Token} */ token) => {
      if (this.#ended) return;
      const waiting = this.#waiting.shift();
      if (token.id >= 0) this.#partial.usage.completionTokens += 1;
      if (waiting) waiting.resolve(this.#taken(token));
      else this.#tokens.push(token);
    };
    const onPrefill = (/** @type {Prefill} */ prefill) => {
      if (this.#ended) return;
      Object.assign(this.#partial.usage, { promptTokens: prefill.total, cachedTokens: prefill.cached });
      this.#onPrefill?.(prefill);
    };
    const run = this.#run;
    this.#run = undefined; // it leads to the model, which a stream that was read must not keep
    run?.(onToken, this.#stop.signal, onPrefill).then(
      (result) => {
        if (this.#ended) return;
        this.result = result;
        this.#finish();
      },
      (reason) => {
        if (this.#ended) return;
        // An abort or a crash is told at once; tokens that nobody has taken yet are of no use then.
        this.#tokens = [];
        const waiting = this.#waiting.shift();
        if (waiting) waiting.reject(reason);
        else this.#failure = { reason };
        this.#finish();
      },
    );
  }

  /**
   * @param {Token} token
   * @returns {IteratorYieldResult<Token>}
   */
  #taken(token) {
    this.#partial.text += token.text;
    if (token.reasoning) this.#partial.reasoning = (this.#partial.reasoning ?? '') + token.reasoning;
    return { done: false, value: token };
  }

  #finish() {
    this.#ended = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: this.result });
  }
}
