// The tokens of one generation, as an async iterator that the engine pushes into.

/** @import { GenerationResult, Token } from './protocol.js' */

/**
 * Runs the call: reports each token and resolves with the result.
 * @callback Run
 * @param {(token: Token) => void} onToken
 * @param {AbortSignal} stopped aborts when the consumer wants no more
 * @returns {Promise<GenerationResult>}
 */

/**
 * The tokens of one generation. The work begins with the first `next()`; tokens then arrive as they are made, whether or
 * not the consumer keeps up (there are at most `maxTokens` of them). Leaving the loop early stops the engine.
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

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<Token, GenerationResult | undefined>>} */
  next() {
    this.#start();
    const token = this.#tokens.shift();
    if (token !== undefined) return Promise.resolve({ done: false, value: token });
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
      if (waiting) waiting.resolve({ done: false, value: token });
      else this.#tokens.push(token);
    };
    const run = this.#run;
    this.#run = undefined; // it leads to the model, which a stream that was read must not keep
    run?.(onToken, this.#stop.signal).then(
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

  #finish() {
    this.#ended = true;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: this.result });
  }
}
