// The workers of one model, as the page owns them: starts them, carries calls and answers, notices when one is gone, and
// then ends them all. No promise outlives its crew.
import { BitNetError } from './error.js';
import { Watchdog } from './watchdog.js';

/** @import { EngineCall, FromCompute, FromEngine, Method, Methods, ToCompute, ToEngine } from './protocol.js' */
/** @import { Variant } from './variant.js' */

/**
 * @typedef {object} CrewOptions
 * @property {Variant} variant
 * @property {number} threads
 * @property {boolean} measureThreads whether the model may use fewer of them where these are faster
 * @property {boolean} isolated
 * @property {string} [workerUrl] absolute
 * @property {string} [wasmBase] absolute, ending in a slash
 * @property {number} watchdog milliseconds; 0 switches it off
 */

/**
 * @typedef {Extract<FromEngine, { type: 'progress' | 'token' }>} CallEvent
 */

/**
 * @typedef {object} Pending
 * @property {(value: any) => void} resolve
 * @property {(reason: unknown) => void} reject
 * @property {(event: CallEvent) => void} [onEvent]
 * @property {() => void} forget removes the call and its abort listener
 */

/** How long `close` waits for the engine's goodbye before it ends the workers anyway, in milliseconds. */
const GOODBYE = 1000;

/** The workers of one model. */
export class Crew {
  /** @type {Worker} */
  #engine;
  /** All that run, the engine's first. @type {Worker[]} */
  #workers;
  /** @type {Map<number, Pending>} */
  #pending = new Map();
  #lastId = 0;
  /** Why the crew is gone. @type {BitNetError | undefined} */
  #gone;
  #watchdog;
  /** The engine said goodbye. @type {(value?: any) => void} */
  #onClosed = () => {};
  /** @type {Promise<void>} */
  #closed = Promise.resolve();

  /** @param {CrewOptions} options */
  constructor({ variant, threads, measureThreads, isolated, workerUrl, wasmBase, watchdog }) {
    this.variant = variant;
    this.#engine = startEngine(workerUrl);
    this.#workers = [this.#engine];
    this.#watchdog = new Watchdog(watchdog, {
      ping: () => this.#post({ type: 'ping' }),
      dead: (seconds) => {
        const message = `The engine worker has not answered for ${seconds} s and was ended. Load the model again.`;
        this.dispose(new BitNetError('crashed', message, { details: { seconds } }));
      },
    });
    this.#listen(this.#engine, 'engine.js', (message) => this.#receive(message));

    /** @type {MessagePort[]} */
    const ports = [];
    for (let i = 1; i < threads; i++) {
      const { port1, port2 } = new MessageChannel();
      const compute = startCompute(workerUrl);
      this.#workers.push(compute);
      this.#listen(compute, 'compute.js', (/** @type {FromCompute} */ message) => {
        if (message.type === 'crash') this.dispose(BitNetError.fromWire(message.error));
      });
      compute.postMessage(/** @type {ToCompute} */ ({ type: 'start', variant, port: port1 }), [port1]);
      ports.push(port2);
    }
    this.#post({ type: 'start', variant, wasmBase, isolated, ports, measureThreads }, ports);
  }

  /**
   * Asks the engine. Rejects with the signal's reason as soon as it aborts; the engine drops the call after its step.
   * @template {Method} M
   * @param {M} method
   * @param {Methods[M]['args']} args
   * @param {{ signal?: AbortSignal, onEvent?: (event: CallEvent) => void, transfer?: Transferable[] }} [more]
   * @returns {Promise<Methods[M]['value']>}
   */
  call(method, args, { signal, onEvent, transfer } = {}) {
    if (this.#gone) return Promise.reject(again(this.#gone));
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        forget();
        this.#post({ type: 'cancel', id });
        reject(signal?.reason);
      };
      const forget = () => {
        signal?.removeEventListener('abort', onAbort);
        this.#pending.delete(id);
        if (this.#pending.size === 0) this.#watchdog.stop();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#pending.set(id, { resolve, reject, onEvent, forget });
      this.#watchdog.start();
      try {
        this.#post(/** @type {EngineCall} */ ({ type: 'call', id, method, args }), transfer);
      } catch (cause) {
        forget();
        reject(new BitNetError('invalid_argument', `${method}: an argument cannot be sent to a worker: ${cause}`, { cause }));
      }
    });
  }

  /**
   * Ends every worker at once; every pending call rejects with `error`, every later one with its like.
   * @param {BitNetError} error
   */
  dispose(error) {
    this.#refuse(error);
    for (const worker of this.#workers.splice(0)) worker.terminate();
    this.#onClosed();
  }

  /**
   * Rejects every call, lets the engine finish its step and release the compute workers, then ends them all.
   * @param {BitNetError} error
   * @returns {Promise<void>}
   */
  close(error) {
    if (!this.#gone) {
      this.#refuse(error);
      this.#closed = new Promise((resolve) => {
        this.#onClosed = resolve;
        setTimeout(resolve, GOODBYE);
        this.#post({ type: 'close' });
      }).then(() => this.dispose(error));
    }
    return this.#closed;
  }

  /**
   * From now on every call rejects, those under way too.
   * @param {BitNetError} error
   */
  #refuse(error) {
    if (this.#gone) return;
    this.#gone = error;
    this.#watchdog.stop();
    for (const { reject, forget } of [...this.#pending.values()]) {
      forget();
      reject(again(error));
    }
  }

  /**
   * @param {ToEngine} message
   * @param {Transferable[]} [transfer]
   */
  #post(message, transfer = []) {
    this.#engine.postMessage(message, transfer);
  }

  /** @param {FromEngine} message */
  #receive(message) {
    if (message.type === 'closed') return this.#onClosed();
    if (this.#gone) return;
    this.#watchdog.alive();
    switch (message.type) {
      case 'hello':
      case 'pong':
        return;
      case 'crash':
        return this.dispose(BitNetError.fromWire(message.error));
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return; // aborted meanwhile
    switch (message.type) {
      case 'progress':
      case 'token':
        return pending.onEvent?.(message);
      case 'result':
        pending.forget();
        return pending.resolve(message.value);
      case 'failure':
        pending.forget();
        return pending.reject(BitNetError.fromWire(message.error));
    }
  }

  /**
   * @param {Worker} worker
   * @param {string} script
   * @param {(message: any) => void} receive
   */
  #listen(worker, script, receive) {
    let heard = false;
    worker.onmessage = ({ data }) => {
      heard = true;
      receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault?.(); // told by the rejected promises
      const cause = event.message ? `: ${event.message}` : '';
      this.dispose(
        heard || event.message
          ? new BitNetError('crashed', `A worker (${script}) failed${cause}. Load the model again.`)
          : new BitNetError(
              'worker_failed',
              `The worker ${script} did not start. Its file and what it imports must be served as JavaScript, from an ` +
                'origin that allows it, and on a cross-origin isolated page with Cross-Origin-Embedder-Policy as well.',
            ),
      );
    };
    worker.onmessageerror = () => {
      this.dispose(new BitNetError('crashed', `A message from a worker (${script}) could not be read. Load the model again.`));
    };
  }
}

/**
 * The same error for one more caller, with a stack of its own.
 * @param {BitNetError} error
 */
function again(error) {
  return new BitNetError(error.code, error.message, { details: error.details });
}

// The two literal `new Worker(new URL(...))` below are what bundlers recognise.

/** @param {string | undefined} workerUrl */
function startEngine(workerUrl) {
  if (workerUrl !== undefined) return startFrom(new URL(workerUrl));
  return new Worker(new URL('./engine.js', import.meta.url), { type: 'module', name: 'bitnet-engine' });
}

/** @param {string | undefined} workerUrl */
function startCompute(workerUrl) {
  if (workerUrl !== undefined) return startFrom(new URL('compute.js', workerUrl));
  return new Worker(new URL('./compute.js', import.meta.url), { type: 'module', name: 'bitnet-compute' });
}

/**
 * A worker's script must be of the page's origin, but what it imports need not be: a one-line script of our own imports
 * the one from elsewhere (which must be served with CORS headers; a Content-Security-Policy must allow `blob:` workers).
 * @param {URL} url
 */
function startFrom(url) {
  if (url.origin === globalThis.location?.origin) return new Worker(url, { type: 'module' });
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: 'text/javascript' });
  const address = URL.createObjectURL(script);
  const worker = new Worker(address, { type: 'module' });
  // Only once its script runs can the address be given back; until then it costs a few bytes.
  worker.addEventListener('message', () => URL.revokeObjectURL(address), { once: true });
  return worker;
}
