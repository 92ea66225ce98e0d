// The group of workers of one model, owned by the page: it starts them, passes calls and answers, notices when one has died, and
// then ends all of them. No promise stays pending after that.
import { Calls } from './calls.js';
import { BitNetError } from './error.js';
import { Launch } from './launch.js';
import { Watchdog } from './watchdog.js';

/** @import { EngineCall, FromCompute, FromEngine, Method, Methods, ToCompute, ToEngine, Token, Unstarted } from './protocol.js' */
/** @import { Script } from './launch.js' */
/** @import { Variant } from './variant.js' */

/**
 * @typedef {object} WorkerGroupOptions
 * @property {Variant} variant
 * @property {number} threads
 * @property {boolean} measureThreads whether the model may use fewer of them where these are faster
 * @property {boolean} isolated
 * @property {string} [workerUrl] absolute
 * @property {string} [wasmBase] absolute, ending in a slash
 * @property {number} watchdog milliseconds; 0 switches it off
 * @property {() => void} onStarted every worker's script runs
 */

/**
 * A token that a call hears, and its place among those that the engine has told at once.
 * @typedef {{ type: 'token', id: number, token: Token, turn: { place: number, tokens: number } }} TokenEvent
 */

/**
 * @typedef {Extract<FromEngine, { type: 'progress' | 'begun' | 'prefill' }> | TokenEvent} CallEvent
 */

/** @typedef {import('./calls.js').Call & { onEvent: ((event: CallEvent) => void) | undefined }} Pending */

/**
 * @typedef {object} CallOptions
 * @property {AbortSignal} [signal] drops the call
 * @property {AbortSignal} [stop] ends a generation with what it has come to
 * @property {(event: CallEvent) => void} [onEvent]
 * @property {Transferable[]} [transfer]
 */

/** How long `close` waits for the engine's goodbye before it ends the workers anyway, in milliseconds. */
const GOODBYE = 1000;

/** The workers of one model: the engine and the compute workers. */
export class WorkerGroup {
  /** @type {Worker} */
  #engine;
  /** All that run, the engine's first. @type {Worker[]} */
  #workers = [];
  /** Workers whose scripts have not been heard of yet. @type {Set<Launch>} */
  #launches = new Set();
  /** @type {Calls<Pending>} */
  #pending;
  /** The last call that went out: an argument may be unfit for a message. */
  #lastSent = 0;
  /** Why the group is gone. @type {BitNetError | undefined} */
  #gone;
  #watchdog;
  #onStarted;
  /** The engine said goodbye. @type {(value?: any) => void} */
  #onClosed = () => {};
  /** @type {Promise<void>} */
  #closed = Promise.resolve();

  /**
   * @param {WorkerGroupOptions} options
   * @throws {BitNetError} `worker_failed` where the browser refuses to start a worker at once
   */
  constructor({ variant, threads, measureThreads, isolated, workerUrl, wasmBase, watchdog, onStarted }) {
    this.variant = variant;
    this.#onStarted = onStarted;
    this.#watchdog = new Watchdog(watchdog, {
      ping: () => this.#post({ type: 'ping', lastCall: this.#lastSent }),
      dead: (seconds, answers) => {
        const what = answers ? 'has lost a call: nothing has worked on it' : 'has not answered';
        const message = `The engine worker ${what} for ${seconds} s and was ended. Load the model again.`;
        this.dispose(new BitNetError('crashed', message, { details: { seconds } }));
      },
      late: () => {
        for (const launch of this.#launches) void this.#explain(launch);
      },
    });
    this.#pending = new Calls(this.#watchdog, (message) => this.#post(message));
    this.#engine = this.#launch('engine.js', workerUrl, (message) => this.#receive(message));

    /** @type {MessagePort[]} */
    const ports = [];
    for (let i = 1; i < threads; i++) {
      const { port1, port2 } = new MessageChannel();
      const compute = this.#launch('compute.js', workerUrl, (/** @type {FromCompute} */ message) => {
        if (message.type === 'crash') this.dispose(BitNetError.fromWire(message.error));
      });
      compute.postMessage(/** @type {ToCompute} */ ({ type: 'start', variant, port: port1 }), [port1]);
      ports.push(port2);
    }
    this.#post({ type: 'start', variant, wasmBase, isolated, ports, measureThreads }, ports);
  }

  /**
   * Asks the engine. Rejects with the signal's reason as soon as it aborts; the engine drops the call after its step. When `stop`
   * aborts, a generation ends with the result that it has come to.
   * @template {Method} M
   * @param {M} method
   * @param {Methods[M]['args']} args
   * @param {CallOptions} [more]
   * @returns {Promise<Methods[M]['value']>}
   */
  call(method, args, { signal, stop, onEvent, transfer } = {}) {
    if (this.#gone) return Promise.reject(again(this.#gone));
    return this.#pending.begin({ signal, stop }, (call) => ({ ...call, onEvent }), ({ id, reject, forget }) => {
      try {
        this.#post(/** @type {EngineCall} */ ({ type: 'call', id, method, args }), transfer);
        this.#lastSent = id;
      } catch (cause) {
        forget();
        reject(new BitNetError('invalid_argument', `${method}: an argument cannot be sent to a worker: ${cause}`, { cause }));
      }
    });
  }

  /**
   * Lets generations rest between two steps, or go on.
   * @param {boolean} paused
   */
  pause(paused) {
    if (!this.#gone) this.#post({ type: 'pause', paused });
  }

  /** Whether every call rejects from now on. */
  get isGone() {
    return this.#gone !== undefined;
  }

  /**
   * Ends every worker at once; every pending call rejects with `error`, every later one with its like.
   * @param {BitNetError} error
   */
  dispose(error) {
    this.#refuse(error);
    for (const worker of this.#workers.splice(0)) worker.terminate();
    for (const launch of this.#launches) launch.settle();
    this.#launches.clear();
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
   * As `close`, once no call is under way.
   * @param {BitNetError} error
   */
  closeWhenIdle(error) {
    this.#pending.whenIdle(() => void this.close(error));
  }

  /**
   * From now on every call rejects, those under way too.
   * @param {BitNetError} error
   */
  #refuse(error) {
    if (this.#gone) return;
    this.#gone = error;
    this.#watchdog.stop();
    for (const { reject, forget } of this.#pending.all()) {
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
        return;
      case 'pong':
        return message.lost ? undefined : this.#watchdog.working();
      case 'crash':
        return this.dispose(BitNetError.fromWire(message.error));
    }
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return; // aborted meanwhile
    switch (message.type) {
      case 'progress':
      case 'begun':
      case 'prefill':
        return pending.onEvent?.(message);
      case 'tokens': {
        const { id, tokens } = message;
        for (const [place, token] of tokens.entries()) {
          if (this.#pending.get(id) !== pending) return; // aborted by whoever has heard the last one
          pending.onEvent?.({ type: 'token', id, token, turn: { place, tokens: tokens.length } });
        }
        return;
      }
      case 'result':
        pending.forget();
        return pending.resolve(message.value);
      case 'failure':
        pending.forget();
        return pending.reject(BitNetError.fromWire(message.error));
    }
  }

  /**
   * @param {Script} script
   * @param {string | undefined} workerUrl
   * @param {(message: any) => void} receive
   * @returns {Worker}
   */
  #launch(script, workerUrl, receive) {
    let launch;
    try {
      launch = new Launch(script, workerUrl);
    } catch (error) {
      this.dispose(/** @type {BitNetError} */ (error)); // workers that were started before it
      throw error;
    }
    const { worker } = launch;
    this.#workers.push(worker);
    this.#launches.add(launch);
    worker.onmessage = ({ data }) => {
      if (data.type === 'unstarted') {
        launch.fail(/** @type {Unstarted} */ (data).refused);
        return void this.#explain(launch);
      }
      if (this.#launches.delete(launch)) this.#started(launch);
      receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault?.(); // told by the rejected promises
      if (this.#launches.has(launch)) {
        launch.fail([], event.message);
        return void this.#explain(launch);
      }
      const cause = event.message ? `: ${event.message}` : '';
      this.dispose(new BitNetError('crashed', `A worker (${script}) failed${cause}. Load the model again.`));
    };
    worker.onmessageerror = () => {
      this.dispose(new BitNetError('crashed', `A message from a worker (${script}) could not be read. Load the model again.`));
    };
    return worker;
  }

  /** @param {Launch} launch */
  #started(launch) {
    launch.settle();
    if (this.#launches.size > 0) return;
    this.#watchdog.met();
    this.#onStarted();
  }

  /**
   * A worker's script has not started: every call waits for the reason, and then rejects with it. A script that is only slow
   * is waited for.
   * @param {Launch} launch
   */
  async #explain(launch) {
    const error = await launch.failure();
    if (this.#launches.has(launch) && error !== undefined) this.dispose(error);
  }
}

/**
 * A copy of an error for one more caller, with a stack of its own.
 * @param {BitNetError} error
 */
function again(error) {
  return new BitNetError(error.code, error.message, { details: error.details });
}
