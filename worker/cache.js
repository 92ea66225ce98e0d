// `BitNet.cache`: the models that the browser's storage keeps.
import { BitNetError } from './error.js';
import { resolveAddress } from './options.js';
import { checkAddress } from './source.js';

/** @import { WorkerGroup } from './worker-group.js' */
/** @import { CacheCall, CacheEntry, StorageEstimate } from './protocol.js' */

/** An engine that only manages the storage is ended when it was not asked for so long, in milliseconds. */
const IDLE = 5000;

/**
 * Lists, deletes and makes room.
 * @hideconstructor
 */
export class Cache {
  #start;
  /** @type {WorkerGroup | undefined} */
  #group;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #calls = 0;

  /**
   * @internal
   * @param {() => WorkerGroup} start gives an engine without a model
   */
  constructor(start) {
    this.#start = start;
  }

  /** @param {CacheCall} call */
  async #ask(call) {
    clearTimeout(this.#timer);
    const group = (this.#group ??= this.#start());
    this.#calls += 1;
    try {
      return await group.call('cache', call);
    } catch (error) {
      if (group.isGone) this.#end(group); // the next call starts another one
      throw error;
    } finally {
      this.#calls -= 1;
      if (this.#calls === 0) this.#timer = setTimeout(() => this.#end(group), IDLE);
    }
  }

  /** @param {WorkerGroup} group */
  #end(group) {
    if (this.#group === group) this.#group = undefined;
    group.dispose(new BitNetError('unloaded', 'The engine that manages the storage was ended.'));
  }

  /**
   * All kept files, the last used first. A part of a split model is a file of its own.
   * @returns {Promise<CacheEntry[]>}
   */
  list() {
    return this.#ask({ action: 'list' });
  }

  /**
   * Deletes what is kept of the model at an address (all parts of a split one).
   * @param {string | URL} source
   * @param {{ hfBase?: string | URL | undefined }} [options]
   * @returns {Promise<number>} bytes that were freed
   */
  async delete(source, { hfBase } = {}) {
    const address = checkAddress(source);
    return this.#ask({ action: 'delete', address, hfBase: hfBase === undefined ? undefined : resolveAddress(hfBase) });
  }

  /**
   * Deletes everything that is kept.
   * @returns {Promise<void>}
   */
  clear() {
    return this.#ask({ action: 'clear' });
  }

  /** @returns {Promise<StorageEstimate>} */
  estimate() {
    return this.#ask({ action: 'estimate' });
  }

  /**
   * Deletes models that were not used for the longest time until at least so many bytes are freed; those that are being
   * loaded stay.
   * @param {number} bytes
   * @returns {Promise<number>} bytes that were freed
   */
  async evict(bytes) {
    if (!Number.isFinite(bytes) || bytes < 0) {
      throw new BitNetError('invalid_argument', `evict: expected a number of bytes, found ${bytes}.`);
    }
    return this.#ask({ action: 'evict', bytes });
  }

  /**
   * Asks the browser not to clear the storage by itself. Some browsers ask the user.
   * @returns {Promise<boolean>} whether it promised that
   */
  async persist() {
    return (await globalThis.navigator?.storage?.persist?.()) ?? false;
  }
}
