// A call of a tab to an engine that another tab may run: it may be asked of several leaders, one after the other.
import { BitNetError } from '../error.js';

/** @import { Method, Methods } from '../protocol.js' */
/** @import { CallEvent } from '../worker-group.js' */
/** @import { ToFollower } from './messages.js' */

/** How often a call is repeated: it may be what each leader dies of. */
const MOST_REPEATS = 3;

/**
 * @typedef {object} CallParts
 * @property {number} id
 * @property {Method} method
 * @property {Methods[Method]['args']} args
 * @property {((event: CallEvent) => void) | undefined} onEvent
 * @property {(value: any) => void} resolve
 * @property {(reason: unknown) => void} reject
 * @property {() => void} forget
 */

/** One call. */
export class SharedCall {
  #onEvent;
  #resolve;
  #reject;
  #forget;
  /** Ids of the tokens that the caller has. @type {number[]} */
  #told = [];
  /** Tokens that have come from the present leader. */
  #came = 0;
  #repeats = 0;
  /** Whether a leader has it. */
  isSent = false;

  /** @param {CallParts} parts */
  constructor({ id, method, args, onEvent, resolve, reject, forget }) {
    this.id = id;
    this.method = method;
    this.args = args;
    this.#onEvent = onEvent;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#forget = forget;
  }

  /** @param {Exclude<ToFollower, { type: 'pong' | 'dead' }>} message */
  hear(message) {
    if (message.type === 'event') return this.#tell(message.event);
    this.#forget();
    if (message.type === 'result') this.#resolve(message.value);
    else this.#reject(BitNetError.fromWire(message.error));
  }

  /** @param {BitNetError} error */
  fail(error) {
    this.#forget();
    this.#reject(error);
  }

  /**
   * The leader that had it has gone, or its engine has died.
   * @param {'repeat' | 'error'} policy
   * @param {BitNetError} [error] that the engine died of
   */
  lose(policy, error) {
    if (!this.isSent) return;
    if (policy === 'repeat' && this.#repeats < MOST_REPEATS) {
      this.isSent = false;
      this.#repeats += 1;
      this.#came = 0;
      return;
    }
    const tokens = this.#told.length;
    if (error !== undefined) return this.fail(new BitNetError(error.code, error.message, { details: { .../** @type {object} */ (error.details), tokens } }));
    const often = policy === 'repeat' ? `, and so have ${MOST_REPEATS} after it` : '';
    const message = `The tab that ran the engine was closed or has crashed while it worked on this call${often}. Ask again: another tab takes over.`;
    this.fail(new BitNetError('leader_lost', message, { details: { tokens } }));
  }

  /**
   * A generation that is repeated says the same again, to the last bit: it has its seed from the beginning. What the caller has is
   * not told twice.
   * @param {CallEvent} event
   */
  #tell(event) {
    if (event.type !== 'token') {
      if (event.type !== 'prefill' || this.#told.length === 0) this.#onEvent?.(event);
      return;
    }
    const { id } = event.token;
    const place = this.#came++;
    if (place >= this.#told.length) {
      this.#told.push(id);
      return this.#onEvent?.(event);
    }
    if (this.#told[place] === id) return;
    this.fail(new BitNetError('leader_lost', 'The tab that took the engine over computes another answer than the one before: the model has changed meanwhile. Ask again.'));
  }
}
