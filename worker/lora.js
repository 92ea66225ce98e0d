// `model.adapters`: LoRA adapters beside the weights of a loaded model.
import { checkAdapterName, checkAdapterOptions, checkWeight } from './options.js';
import { wireSource } from './source.js';

/** @import { Engine } from './local-engine.js' */
/** @import { AdapterInfo, AdapterCall } from './protocol.js' */
/** @import { AdapterOptions } from './schema.js' */
/** @import { Source } from './source.js' */

/** Loads adapters, and switches them on and off. A change counts for the calls that come after it. */
export class LoraAdapters {
  #engine;

  /**
   * Use `model.adapters`.
   * @param {Pick<Engine, 'call'>} engine
   */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * Loads an adapter and switches it on: a GGUF file as llama.cpp's converter writes it, or a folder of PEFT
   * (`hf:owner/repo`, the address of a folder, or its Files in an array).
   * @param {Source} source
   * @param {AdapterOptions} [options]
   * @returns {Promise<AdapterInfo>}
   */
  async load(source, options = {}) {
    const { name = nameOf(source), weight = 1, signal, onProgress } = options;
    const wireOptions = checkAdapterOptions(options);
    signal?.throwIfAborted();
    const { wire, ports, transfer, release } = await wireSource(source, options);
    try {
      const call = /** @type {AdapterCall} */ ({ action: 'load', name, weight, source: wire, options: { ...wireOptions, ...ports } });
      const list = await this.#engine.call('adapters', call, {
        signal,
        transfer,
        onEvent: (event) => event.type === 'progress' && onProgress?.(event.progress),
      });
      return /** @type {AdapterInfo} */ (list.find((adapter) => adapter.name === name));
    } finally {
      release();
    }
  }

  /**
   * Switches an adapter on.
   * @param {string} name
   * @param {number} [weight] what its part is multiplied with from now on; as before if left out
   * @returns {Promise<void>}
   */
  async enable(name, weight) {
    await this.#engine.call('adapters', { action: 'enable', name: checkAdapterName(name), weight: checkWeight(weight) });
  }

  /**
   * Switches an adapter off. It stays in memory.
   * @param {string} name
   * @returns {Promise<void>}
   */
  async disable(name) {
    await this.#engine.call('adapters', { action: 'disable', name: checkAdapterName(name) });
  }

  /**
   * Removes an adapter from memory.
   * @param {string} name
   * @returns {Promise<void>}
   */
  async unload(name) {
    await this.#engine.call('adapters', { action: 'unload', name: checkAdapterName(name) });
  }

  /**
   * All adapters that are loaded.
   * @returns {Promise<AdapterInfo[]>}
   */
  async list() {
    return this.#engine.call('adapters', { action: 'list' });
  }
}

/**
 * What an adapter is called if nobody says it.
 * @param {unknown} source
 */
function nameOf(source) {
  if (typeof source === 'string' || source instanceof URL) return String(source);
  return source instanceof File ? source.name : 'adapter';
}
