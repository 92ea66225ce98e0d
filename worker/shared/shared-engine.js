// One engine for all tabs of an origin that load the same model with the same options. A lock elects the tab that runs it, the leader:
// the browser takes the lock away from a tab that is closed or crashes and gives it to the next in the queue, which loads the model from
// the browser's storage. Tabs talk by BroadcastChannel, each follower on a channel of its own.
//
// A SharedWorker would outlive its tabs, but has no threads: Chromium and Safari start no workers from one, and Chromium gives it no
// shared memory.
import { Calls } from '../calls.js';
import { BitNetError } from '../error.js';
import { isHidden, onVisibility, onWake } from '../wake.js';
import { Watchdog } from '../watchdog.js';
import { Host } from './host.js';
import { SharedCall } from './shared-call.js';

/** @import { Method, Methods, ModelInfo, Progress } from '../protocol.js' */
/** @import { EngineStatus } from '../local-engine.js' */
/** @import { CallOptions, WorkerGroup } from '../worker-group.js' */
/** @import { ToAll, ToFollower, ToLeader } from './messages.js' */

/**
 * @typedef {object} SharedOptions
 * @property {(onProgress: (progress: Progress) => void, signal: AbortSignal) => Promise<{ group: WorkerGroup, info: ModelInfo }>} load
 *   loads the model into workers of this tab. It must lead to nothing that leads to the model
 * @property {'repeat' | 'error'} onLeaderLost
 * @property {boolean} pauses whether this tab wants generations to pause while it is hidden
 * @property {number} watchdog milliseconds of a leader's silence after which this tab takes over; 0: never
 */

/** What there is of a leader. @typedef {{ epoch: string, info: ModelInfo | undefined, channel: BroadcastChannel | undefined }} Leader */

/** A tab's part in an engine that tabs share. */
export class SharedEngine {
  #base;
  #options;
  #id = crypto.randomUUID();
  /** To and from all tabs. @type {BroadcastChannel | undefined} */
  #common;
  /** What the leader says to this tab. @type {BroadcastChannel | undefined} */
  #own;
  /** @type {Leader | undefined} */
  #leader;
  /** This tab leads: the engine, once it is loaded. @type {Host | undefined} */
  #host;
  /** Gives the leadership up. @type {(() => void) | undefined} */
  #resign;
  /** Ends this tab's place in the queue for the leadership, and what it is loading. */
  #candidacy = new AbortController();
  /** Gives the lock up by which others see that this tab is there. */
  #letGo = () => {};
  #isThere = false;
  /** @type {Calls<SharedCall>} */
  #calls;
  /** The last leadership whose engine has died: what is still on its way from there is old. @type {string | undefined} */
  #deadEpoch;
  /** Why no more calls are taken. @type {BitNetError | undefined} */
  #closed;
  /** Called with the first leader's word that it is ready, or the reason why there is no engine. */
  #joined = { resolve: (/** @type {ModelInfo} */ _info) => {}, reject: (/** @type {unknown} */ _reason) => {} };
  /** @type {((progress: Progress) => void) | undefined} */
  #onProgress;
  #watchdog;
  /** @type {(() => void)[]} */
  #ends = [];

  /** @type {EngineStatus} */
  status = { shared: 'follower' };

  /**
   * @param {string} key of the model and its options
   * @param {SharedOptions} options
   */
  constructor(key, options) {
    this.#base = `bitnet-web:${key}`;
    this.#options = options;
    this.#watchdog = new Watchdog(options.watchdog, {
      ping: () => (this.#leader?.info ? this.#send({ type: 'ping', from: this.#id }) : this.#tellAll({ type: 'hello', from: this.#id })),
      dead: () => this.#takeOver(),
      late: () => {},
    });
    this.#watchdog.met();
    this.#calls = new Calls(this.#watchdog, (message) => this.#send({ ...message, from: this.#id }));
  }

  /**
   * Waits until there is an engine: another tab's, or one of this tab.
   * @param {{ signal?: AbortSignal | undefined, onProgress?: ((progress: Progress) => void) | undefined }} caller
   * @returns {Promise<ModelInfo>}
   */
  async join({ signal, onProgress }) {
    signal?.throwIfAborted();
    this.#onProgress = onProgress;
    const ready = new Promise((resolve, reject) => (this.#joined = { resolve, reject }));
    const onAbort = () => this.#joined.reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#ends.push(onWake(() => this.#woken()), onVisibility(() => this.#announce()), onLeave(() => this.#depart(), () => this.#arrive()));
    this.#arrive();
    this.#watchdog.start();
    try {
      return await ready;
    } catch (error) {
      await this.close(new BitNetError('unloaded', 'The model was not loaded.'));
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      // Whoever listens may hold the model, which nobody would ever forget then.
      this.#onProgress = undefined;
      this.#joined = { resolve: () => {}, reject: () => {} };
      if (this.#calls.size === 0) this.#watchdog.stop();
    }
  }

  /**
   * As `WorkerGroup.call`.
   * @template {Method} M
   * @param {M} method
   * @param {Methods[M]['args']} args
   * @param {CallOptions} [more]
   * @returns {Promise<Methods[M]['value']>}
   */
  call(method, args, more = {}) {
    const { signal, stop, onEvent } = more;
    if (this.#closed) return Promise.reject(new BitNetError(this.#closed.code, this.#closed.message));
    if (method === 'adapters' && /** @type {{ action: string }} */ (args).action !== 'list') {
      return Promise.reject(new BitNetError('unsupported', 'The adapters of an engine that tabs share are named in the option adapters of load, the same in all tabs.'));
    }
    return this.#calls.begin({ signal, stop }, (call) => new SharedCall({ ...call, method, args, onEvent }), (call) => this.#ask(call));
  }

  /**
   * Every call rejects from now on. A leader goes on for the other tabs, as long as there are any.
   * @param {BitNetError} error
   * @returns {Promise<void>}
   */
  async close(error) {
    if (this.#closed) return;
    this.#closed = error;
    for (const call of this.#calls.all()) call.fail(new BitNetError(error.code, error.message));
    if (this.#host) return this.#host.leave(this.#id);
    this.#depart();
  }

  /** @param {BitNetError} error */
  closeWhenIdle(error) {
    this.#calls.whenIdle(() => void this.close(error));
  }

  /** Takes part: asks who leads, and waits in the queue for the leadership. */
  #arrive() {
    if (this.#isThere || this.#closed) return;
    this.#isThere = true;
    this.#common = new BroadcastChannel(this.#base);
    this.#common.onmessage = ({ data }) => this.#hearAll(data);
    this.#own = new BroadcastChannel(`${this.#base}:${this.#id}`);
    this.#own.onmessage = ({ data }) => this.#hear(data);
    const gone = new Promise((resolve) => (this.#letGo = () => resolve(undefined)));
    // Whoever gets this lock knows that the tab has gone, however that came.
    const here = () => {
      if (this.#isThere) this.#stand();
      return gone;
    };
    navigator.locks.request(`${this.#base}:${this.#id}`, here).catch((error) => this.#end(unavailable(error)));
  }

  /** Leaves: nothing is held any more. A page that holds a lock or a channel is not kept for the way back. */
  #depart() {
    if (!this.#isThere) return;
    this.#isThere = false;
    if (this.#closed) for (const end of this.#ends.splice(0)) end();
    this.#send({ type: 'leave', from: this.#id });
    this.#candidacy.abort();
    this.#resign?.();
    this.#letGo();
    this.#leader?.channel?.close();
    this.#leader = undefined;
    this.#common?.close();
    this.#own?.close();
    this.#lost();
  }

  /**
   * Waits for the leadership; a tab that steals it does not wait.
   * @param {boolean} [steal]
   */
  #stand(steal = false) {
    const candidacy = new AbortController();
    this.#candidacy = candidacy;
    this.#tellAll({ type: 'hello', from: this.#id });
    const options = steal ? { steal } : { signal: candidacy.signal };
    navigator.locks
      .request(this.#base, options, () => new Promise((resolve) => this.#lead(candidacy.signal, () => resolve(undefined))))
      .catch((error) => {
        // The queue was left; or another tab has taken the leadership, as this one did not answer.
        if (candidacy.signal.aborted) return;
        if (this.#resign === undefined) return this.#end(unavailable(error));
        this.#resign();
      })
      .finally(() => {
        if (candidacy !== this.#candidacy || !this.#isThere) return;
        if (this.#closed) this.#depart();
        else this.#stand();
      });
  }

  /** The leader has not answered for long. */
  #takeOver() {
    if (!this.#isThere) return;
    // A tab that stands still has not heard that the engine has died: nobody waits for it any longer.
    if (this.#host?.isDead) this.#resign?.();
    if (this.#resign) return;
    this.#watchdog.working();
    this.#candidacy.abort();
    this.#stand(true);
  }

  /**
   * This tab leads: it loads the model, and then works for all.
   * @param {AbortSignal} signal aborts when it leaves
   * @param {() => void} release gives the leadership up
   */
  async #lead(signal, release) {
    const epoch = crypto.randomUUID();
    const loading = new AbortController();
    /** @type {BroadcastChannel | undefined} */
    let channel;
    this.#resign = () => {
      this.#resign = undefined;
      loading.abort();
      channel?.close();
      this.#host?.close(new BitNetError('leader_lost', 'The tab that ran the engine has left.'));
      this.#host = undefined;
      if (this.#leader?.epoch === epoch) this.#leader = undefined;
      this.status.shared = 'follower';
      release();
    };
    const resign = this.#resign;
    try {
      this.#follow({ epoch, info: undefined, channel: undefined });
      this.status.shared = 'leader';
      this.#tellAll({ type: 'leader', epoch, info: undefined });
      const { group, info } = await this.#options.load((progress) => {
        this.#watchdog.alive();
        this.#onProgress?.(progress);
        this.#tellAll({ type: 'progress', epoch, progress });
      }, AbortSignal.any([signal, loading.signal]));
      if (this.#resign !== resign) return group.dispose(new BitNetError('unloaded', 'The tab has left.'));
      const host = new Host(group, epoch, { onGone: resign, onEmpty: () => this.#closed && this.#depart() });
      this.#host = host;
      channel = new BroadcastChannel(`${this.#base}:${epoch}`);
      channel.onmessage = ({ data }) => this.#serve(host, data);
      host.join(this.#id, this.#wantsPause(), () => ({ reply: (message) => this.#hear(message), forget: () => {} }));
      this.#ready({ epoch, info, channel: undefined });
      this.#tellAll({ type: 'leader', epoch, info });
    } catch (error) {
      if (this.#resign !== resign) return;
      this.#end(error);
    }
  }

  /**
   * @param {Host} host
   * @param {ToLeader} message
   */
  #serve(host, message) {
    const { from } = message;
    if (message.type === 'leave') return host.leave(from);
    if (message.type !== 'join') return host.receive(message);
    host.join(from, message.wantsPause, () => {
      const channel = new BroadcastChannel(`${this.#base}:${from}`);
      const watch = new AbortController();
      navigator.locks.request(`${this.#base}:${from}`, { signal: watch.signal }, () => void host.leave(from)).catch(() => {});
      return {
        reply: (told) => channel.postMessage(told),
        forget: () => {
          watch.abort();
          channel.close();
        },
      };
    });
  }

  /** @param {ToAll} message */
  #hearAll(message) {
    switch (message.type) {
      case 'hello':
        // A leader that does not lead any more says nothing.
        if (this.#resign && this.#leader && !this.#host?.isDead) this.#tellAll({ type: 'leader', epoch: this.#leader.epoch, info: this.#leader.info });
        return;
      case 'leader':
        if (this.#resign || message.epoch === this.#deadEpoch) return;
        this.#watchdog.working();
        if (message.epoch !== this.#leader?.epoch) this.#follow({ epoch: message.epoch, info: undefined, channel: undefined });
        if (message.info !== undefined && this.#leader?.info === undefined) {
          this.#ready({ epoch: message.epoch, info: message.info, channel: new BroadcastChannel(`${this.#base}:${message.epoch}`) });
        }
        return;
      case 'progress':
        if (message.epoch !== this.#leader?.epoch) return;
        this.#watchdog.working();
        return this.#onProgress?.(message.progress);
    }
  }

  /** Another leader. @param {Leader} leader */
  #follow(leader) {
    this.#leader?.channel?.close();
    this.#leader = leader;
    this.#lost();
  }

  /** What was asked of a leader that has gone is to be asked anew, or rejects. @param {BitNetError} [error] that its engine died of */
  #lost(error) {
    for (const call of this.#calls.all()) call.lose(this.#options.onLeaderLost, error);
  }

  /**
   * The workers of the leader have died. It leads until every tab has heard of that from it: what becomes of a call depends on the tab's
   * option, and not on whether the news of the death or that of the next leader comes first.
   * @param {BitNetError} error
   */
  #engineDied(error) {
    if (this.#leader === undefined) return;
    this.#deadEpoch = this.#leader.epoch;
    this.#leader = { ...this.#leader, info: undefined };
    this.#lost(error);
    this.#send({ type: 'heard', from: this.#id });
  }

  /** The leader answers calls. @param {Leader} leader */
  #ready(leader) {
    this.#leader = leader;
    this.#announce();
    for (const call of this.#calls.all()) this.#ask(call);
    this.#joined.resolve(/** @type {ModelInfo} */ (leader.info));
  }

  /** Tells the leader that this tab is there, and whether it wants a pause. */
  #announce() {
    if (this.#closed) return;
    const join = /** @type {const} */ ({ type: 'join', from: this.#id, wantsPause: this.#wantsPause() });
    if (this.#host) this.#host.join(this.#id, join.wantsPause, () => ({ reply: () => {}, forget: () => {} }));
    else this.#leader?.channel?.postMessage(join);
  }

  #wantsPause() {
    return this.#options.pauses && isHidden();
  }

  /** @param {SharedCall} call */
  #ask(call) {
    if (call.isSent || this.#leader?.info === undefined) return;
    call.isSent = true;
    const { id, method, args } = call;
    try {
      this.#send({ type: 'call', from: this.#id, id, method, args });
    } catch (cause) {
      call.fail(new BitNetError('invalid_argument', `${method}: an argument cannot be sent to another tab: ${cause}`, { cause }));
    }
  }

  /** @param {Exclude<ToLeader, { type: 'join' }>} message */
  #send(message) {
    if (this.#host && message.type !== 'leave') this.#host.receive(message);
    else this.#leader?.channel?.postMessage(message);
  }

  /** @param {ToAll} message */
  #tellAll(message) {
    if (this.#isThere) this.#common?.postMessage(message);
  }

  /** @param {ToFollower} message */
  #hear(message) {
    if (message.epoch !== this.#leader?.epoch) return;
    this.#watchdog.working();
    if (message.type === 'pong') return;
    if (message.type === 'dead') return this.#engineDied(BitNetError.fromWire(message.error));
    this.#calls.get(message.id)?.hear(message);
  }

  /** The page has slept: whoever runs the engine is asked whether it has survived that. */
  #woken() {
    if (this.#host) void this.#host.check();
    else this.call('memoryBytes', {}).catch(() => {});
  }

  /** There is no engine, and this tab cannot run one. @param {unknown} reason */
  #end(reason) {
    const error = reason instanceof BitNetError ? reason : new BitNetError('internal', String(reason), { cause: reason });
    this.#joined.reject(reason);
    void this.close(error);
    this.#depart();
  }
}

/** @param {unknown} cause */
function unavailable(cause) {
  return new BitNetError('unsupported', `Tabs cannot share an engine here, as the browser gives no locks (${cause}): load without the option shared.`, { cause });
}

/**
 * Calls `leave` before the page goes, which may be for ever or for as long as the browser keeps it for the way back, and before it is
 * frozen, as its workers then stand still; and `back` when it has come back.
 * @param {() => void} leave
 * @param {() => void} back
 * @returns {() => void} ends it
 */
function onLeave(leave, back) {
  const shown = (/** @type {Event} */ event) => /** @type {PageTransitionEvent} */ (event).persisted && back();
  globalThis.addEventListener?.('pagehide', leave);
  globalThis.addEventListener?.('pageshow', shown);
  globalThis.document?.addEventListener('freeze', leave);
  globalThis.document?.addEventListener('resume', back);
  return () => {
    globalThis.document?.removeEventListener('freeze', leave);
    globalThis.document?.removeEventListener('resume', back);
    globalThis.removeEventListener?.('pagehide', leave);
    globalThis.removeEventListener?.('pageshow', shown);
  };
}
