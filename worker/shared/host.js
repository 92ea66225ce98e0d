// The engine of a leader: answers the calls of all tabs that share it.
import { toWire } from '../error.js';

/** @import { WireError } from '../error.js' */
/** @import { WorkerGroup } from '../worker-group.js' */
/** @import { ToFollower, ToLeader } from './messages.js' */

/** @typedef {(message: ToFollower) => void} Reply */

/**
 * A tab that asks.
 * @typedef {object} Guest
 * @property {Reply} reply
 * @property {boolean} wantsPause
 * @property {Map<number, { drop: AbortController, stop: AbortController }>} calls under way
 * @property {() => void} forget ends what watches whether it is there
 */

/** What a leader does for all tabs. */
export class Host {
  #group;
  #epoch;
  #onGone;
  #onEmpty;
  /** @type {Map<string, Guest>} */
  #guests = new Map();
  /** What the workers have died of. @type {WireError | undefined} */
  #death;
  /** Tabs that have not heard of that. @type {Set<string>} */
  #unaware = new Set();
  #isClosed = false;

  /**
   * @param {WorkerGroup} group with the model
   * @param {string} epoch
   * @param {object} actions
   * @param {() => void} actions.onGone the workers have died, and all guests know it
   * @param {() => void} actions.onEmpty the last guest has left
   */
  constructor(group, epoch, { onGone, onEmpty }) {
    this.#group = group;
    this.#epoch = epoch;
    this.#onGone = onGone;
    this.#onEmpty = onEmpty;
  }

  /**
   * A tab has come, or says anew how it is.
   * @param {string} id
   * @param {boolean} wantsPause
   * @param {() => { reply: Reply, forget: () => void }} meet
   */
  join(id, wantsPause, meet) {
    const known = this.#guests.get(id);
    if (known) known.wantsPause = wantsPause;
    else this.#guests.set(id, { ...meet(), wantsPause, calls: new Map() });
    if (this.#death) return this.#tellDeath([id]);
    this.#pause();
  }

  /** A tab has gone: nobody wants its answers. @param {string} id */
  leave(id) {
    const guest = this.#guests.get(id);
    if (guest === undefined) return;
    this.#guests.delete(id);
    guest.forget();
    for (const { drop } of guest.calls.values()) drop.abort();
    if (this.#death) return this.#heard(id);
    this.#pause();
    if (this.#guests.size === 0) this.#onEmpty();
  }

  /** @param {Exclude<ToLeader, { type: 'join' | 'leave' }>} message */
  receive(message) {
    const guest = this.#guests.get(message.from);
    if (guest === undefined) return;
    if (message.type === 'heard') return this.#heard(message.from);
    // Who asks has not heard yet, and is about to.
    if (this.#death) return;
    switch (message.type) {
      case 'ping':
        return guest.reply({ epoch: this.#epoch, type: 'pong' });
      case 'cancel':
        return guest.calls.get(message.id)?.drop.abort();
      case 'stop':
        return guest.calls.get(message.id)?.stop.abort();
      case 'call':
        return void this.#serve(guest, message);
    }
  }

  /** Asks the workers whether they are alive. */
  async check() {
    await this.#group.call('memoryBytes', {}).catch((error) => this.#look(error));
  }

  /** Whether the workers have died. */
  get isDead() {
    return this.#death !== undefined;
  }

  /**
   * @param {Guest} guest
   * @param {Extract<ToLeader, { type: 'call' }>} call
   */
  async #serve({ reply, calls }, { id, method, args }) {
    const call = { drop: new AbortController(), stop: new AbortController() };
    calls.set(id, call);
    const epoch = this.#epoch;
    try {
      const value = await this.#group.call(method, args, {
        signal: call.drop.signal,
        stop: call.stop.signal,
        onEvent: (event) => reply({ epoch, type: 'event', id, event }),
      });
      reply({ epoch, type: 'result', id, value });
    } catch (error) {
      this.#look(error);
      if (!this.#death && !this.#isClosed && !call.drop.signal.aborted) reply({ epoch, type: 'failure', id, error: toWire(error) });
    } finally {
      calls.delete(id);
    }
  }

  /** A call has failed: all tabs are told if the workers have died. @param {unknown} error */
  #look(error) {
    if (!this.#group.isGone || this.#death || this.#isClosed) return;
    this.#death = toWire(error);
    this.#tellDeath([...this.#guests.keys()]);
    if (this.#guests.size === 0) setTimeout(this.#onGone);
  }

  /** @param {string[]} ids of guests */
  #tellDeath(ids) {
    for (const id of ids) this.#unaware.add(id);
    const error = /** @type {WireError} */ (this.#death);
    for (const id of ids) this.#guests.get(id)?.reply({ epoch: this.#epoch, type: 'dead', error });
  }

  /** A tab knows that the workers have died, or has gone. @param {string} id */
  #heard(id) {
    if (this.#unaware.delete(id) && this.#unaware.size === 0) setTimeout(this.#onGone);
  }

  /** Generations rest where all tabs want it: those of the leader pause with the others. */
  #pause() {
    const all = [...this.#guests.values()];
    this.#group.pause(all.length > 0 && all.every(({ wantsPause }) => wantsPause));
  }

  /** @param {import('../error.js').BitNetError} error of calls under way */
  close(error) {
    this.#isClosed = true;
    for (const { forget } of this.#guests.values()) forget();
    this.#guests.clear();
    this.#group.dispose(error);
  }
}
