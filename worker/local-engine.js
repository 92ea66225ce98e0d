// The engine of a model in this page: its group of workers, and another group where they have not survived that the page slept.
import { BitNetError } from './error.js';
import { isHidden, onVisibility, onWake } from './wake.js';

/** @import { AdapterCall, Method, Methods, ModelInfo } from './protocol.js' */
/** @import { CallOptions, WorkerGroup } from './worker-group.js' */

/** What a model asks, wherever it runs. @typedef {Pick<LocalEngine, 'call' | 'close' | 'closeWhenIdle' | 'status'>} Engine */

/**
 * How an engine is, as `model.info` tells it. It leads to no worker.
 * @typedef {{ shared: 'leader' | 'follower' | undefined }} EngineStatus
 */

/** Loads the model into new workers. @typedef {() => Promise<{ group: WorkerGroup, info: ModelInfo }>} Reload */

/** One model's workers. */
export class LocalEngine {
  #group;
  #reload;
  /** The workers are being replaced. @type {Promise<void> | undefined} */
  #replacing;
  /** Why no more calls are taken. @type {BitNetError | undefined} */
  #closed;
  /** Why the workers could not be replaced. @type {unknown} */
  #failure;
  /** The page is asking whether the workers have survived. */
  #isChecking = false;
  #pauses;
  /** @type {(() => void)[]} */
  #ends = [];
  /** What was done with adapters, which new workers do again. @type {AdapterCall[]} */
  #adapters = [];

  /** @type {EngineStatus} */
  status = { shared: undefined };

  /**
   * @param {WorkerGroup} group with the model
   * @param {object} options
   * @param {Reload | undefined} options.reload where the model's source can be read again. It must lead to nothing that leads to the model
   * @param {boolean} options.pauses whether generations pause while the page is hidden
   */
  constructor(group, { reload, pauses }) {
    this.#group = group;
    this.#reload = reload;
    this.#pauses = pauses;
    this.#ends.push(onWake(() => void this.#check()));
    if (pauses) {
      this.#ends.push(onVisibility(() => this.#group.pause(isHidden())));
      group.pause(isHidden());
    }
  }

  /**
   * As `WorkerGroup.call`. While workers are replaced it waits for the new ones.
   * @template {Method} M
   * @param {M} method
   * @param {Methods[M]['args']} args
   * @param {CallOptions} [more]
   * @returns {Promise<Methods[M]['value']>}
   */
  call(method, args, more = {}) {
    if (this.#closed) return Promise.reject(new BitNetError(this.#closed.code, this.#closed.message));
    if (this.#replacing === undefined) {
      if (this.#failure !== undefined) return Promise.reject(this.#failure);
      const value = this.#group.call(method, args, more);
      if (method === 'adapters') value.then(() => this.#note(/** @type {AdapterCall} */ (args)), () => {});
      return value;
    }
    const { signal } = more;
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(signal?.reason);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#replacing?.then(() => {
        signal?.removeEventListener('abort', onAbort);
        if (!signal?.aborted) this.call(method, args, more).then(resolve, reject);
      });
    });
  }

  /** @param {BitNetError} error why calls reject from now on @returns {Promise<void>} */
  async close(error) {
    this.#closed ??= error;
    for (const end of this.#ends.splice(0)) end();
    await this.#group.close(error);
  }

  /** @param {BitNetError} error */
  closeWhenIdle(error) {
    for (const end of this.#ends.splice(0)) end();
    this.#reload = undefined;
    this.#group.closeWhenIdle(error);
  }

  /** After the page has slept: workers that answer go on; others are replaced. */
  async #check() {
    if (this.#isChecking || this.#closed || this.#replacing) return;
    this.#isChecking = true;
    try {
      // The group's watchdog ends it where this gets no answer.
      await this.#group.call('memoryBytes', {});
    } catch (error) {
      if (/** @type {BitNetError} */ (error).code === 'crashed') this.#replace();
    } finally {
      this.#isChecking = false;
    }
  }

  /**
   * Notes what was done with an adapter. Where its bytes came through a port nobody can read them again.
   * @param {AdapterCall} call
   */
  #note(call) {
    if (call.action === 'list') return;
    const { action, name } = call;
    const isOver = (/** @type {AdapterCall} */ other) => 'name' in other && other.name === name && (action === 'unload' || other.action === 'enable' || other.action === 'disable');
    this.#adapters = this.#adapters.filter((other) => !isOver(other));
    if (action === 'load' && call.source.kind === 'port') this.#reload = undefined;
    else if (action === 'load') this.#adapters.push({ ...call, options: { ...call.options, headersPort: undefined } });
    else if (action !== 'unload') this.#adapters.push(call);
  }

  #replace() {
    const reload = this.#reload;
    if (reload === undefined || this.#closed) return;
    this.#failure = undefined;
    this.#replacing = this.#renew(reload)
      .catch((error) => void (this.#failure = error))
      .finally(() => void (this.#replacing = undefined));
  }

  /** @param {Reload} reload */
  async #renew(reload) {
    const { group } = await reload();
    if (this.#closed || this.#ends.length === 0) return group.dispose(new BitNetError('unloaded', 'The model was unloaded; load it again to use it.'));
    for (const call of this.#adapters) await group.call('adapters', call);
    this.#group = group;
    if (this.#pauses) group.pause(isHidden());
  }
}
