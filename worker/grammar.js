// What an answer must follow, in the engine worker: a WebAssembly module of its own, with a memory of its own, which is fetched
// with the first answer that asks for it.
import { grammarUrl } from './glue.js';
import { compile } from './instance.js';
import * as grammar from './wasm/grammar/bitnet_grammar.js';

/** @import { WireError } from './error.js' */
/** @import { GrammarConstraint, GrammarVocabulary } from './wasm/grammar/bitnet_grammar.js' */
/** @import { WasmModel } from './wasm/relaxed/bitnet_web.js' */

/** Stands before the name of a control token: no text contains this byte. */
const CONTROL = 0xff;

/** The module, once it is wanted. It outlives its instances. @type {Promise<WebAssembly.Module> | undefined} */
let module;

/** The number of the instance that runs; 0 while none does. */
let running = 0;
let instances = 0;

/**
 * @param {string | undefined} wasmBase
 * @returns {Promise<void>}
 */
async function start(wasmBase) {
  module ??= compile(grammarUrl(wasmBase));
  try {
    const compiled = await module;
    if (running > 0) return;
    grammar.initSync({ module: compiled });
    running = ++instances;
  } catch (error) {
    module = undefined; // the next answer tries again
    throw error;
  }
}

/**
 * Runs a call of an instance. Behind a trap the instance is given up, with everything in it: the next answer gets a new one.
 * @template T
 * @param {number} instance
 * @param {() => T} work
 * @returns {T}
 */
function guarded(instance, work) {
  if (instance !== running) throw stopped('another answer has stopped it');
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown; // { code, message }
    running = 0;
    grammar.__wbg_reset_state();
    throw stopped(thrown.message);
  }
}

/**
 * @param {string} reason
 * @returns {WireError}
 */
function stopped(reason) {
  return { code: 'internal', message: `The module of grammars stopped on an internal error (${reason}). Ask again, for something simpler if it is this answer's.` };
}

/** The grammars over one model's vocabulary. */
export class Grammars {
  #model;
  #wasmBase;
  /** In the instance of this number. @type {{ instance: number, words: GrammarVocabulary } | undefined} */
  #vocabulary;

  /**
   * @param {WasmModel} model
   * @param {string | undefined} wasmBase folder of the wasm files, where it is not beside the worker
   */
  constructor(model, wasmBase) {
    this.#model = model;
    this.#wasmBase = wasmBase;
  }

  /**
   * The start of an answer.
   * @param {string} format JSON of a `ResponseFormat`
   * @returns {Promise<Constraint>}
   */
  async constrain(format) {
    await start(this.#wasmBase);
    const instance = running;
    return guarded(instance, () => {
      if (this.#vocabulary?.instance !== instance) {
        const [bytes, ends, stops] = this.#model.spellings(CONTROL);
        this.#vocabulary = { instance, words: new grammar.GrammarVocabulary(bytes, ends, stops) };
      }
      return new Constraint(instance, this.#vocabulary.words.constrain(format));
    });
  }
}

/** One answer on its way, as the engine's sampler calls it. */
export class Constraint {
  #instance;
  #inner;

  /**
   * @param {number} instance
   * @param {GrammarConstraint} inner
   */
  constructor(instance, inner) {
    this.#instance = instance;
    this.#inner = inner;
  }

  /** Which tokens may come next, a bit each. @returns {Uint32Array} */
  mask() {
    return guarded(this.#instance, () => this.#inner.mask());
  }

  /**
   * A token was chosen.
   * @param {number} token
   * @returns {boolean} whether the answer is complete
   */
  accept(token) {
    return guarded(this.#instance, () => this.#inner.accept(token));
  }

  /** Tokens that are likely to come next, because their text must. @returns {Uint32Array} */
  forced() {
    return guarded(this.#instance, () => this.#inner.forced());
  }

  /** Gives its memory back. */
  free() {
    if (this.#instance === running) this.#inner.free();
  }
}
