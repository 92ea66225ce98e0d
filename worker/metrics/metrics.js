// `model.metrics`: what the requests of a model come to, counted as they run, told on demand and at intervals.
//
// Everything is counted from the load on; a window of time is the difference of two counts. So any number of readers look back
// as far as each likes, and nothing is reset. While nothing happens and nobody listens, no timer runs.
import { BitNetError } from '../error.js';
import { tell } from '../listeners.js';
import { Alerts, checkRules } from './alerts.js';
import { Counters, snapshotOf } from './snapshot.js';
import { writeRequest } from './timeline.js';

/** @import { ModelEvents } from '../listeners.js' */
/** @import { CallEvent } from '../worker-group.js' */
/** @import { Engine } from '../local-engine.js' */
/** @import { EngineStats, GenerationResult, ModelInfo } from '../protocol.js' */
/** @import { Alert, AlertRule } from './alerts.js' */
/** @import { MetricsSnapshot } from './snapshot.js' */

/**
 * How a model is measured.
 * @typedef {object} MetricsOptions
 * @property {number | undefined} [interval] milliseconds from one snapshot of the history to the next; 10000 by default, at least 100
 * @property {number | undefined} [history] milliseconds that the history reaches back; 6 hours by default, 0 keeps none
 * @property {boolean | undefined} [timeline] whether requests are written onto the browser's Performance timeline (User Timing), as
 *   `bitnet-web queue #1`, `prefill` and `decode`, the last 100 of them; false by default
 */

/**
 * How a listener is told.
 * @typedef {object} ListenOptions
 * @property {number | undefined} [interval] milliseconds between two snapshots, at least 100; by default as the model's history
 * @property {readonly AlertRule[] | undefined} [rules] for `alert`: what is watched; by default a first token that takes more than
 *   10 s for one request in ten, a tenth of the requests that fail, and 16 that wait
 * @property {AbortSignal | undefined} [signal] ends it when it aborts
 */

/**
 * Snapshots over time, plain data.
 * @typedef {object} MetricsHistory
 * @property {1} version
 * @property {number} interval milliseconds from one snapshot to the next, while something happened
 * @property {ModelInfo} model
 * @property {MetricsSnapshot[]} snapshots each looks back to the one before
 */

/** The interval and the reach of the history by default, in milliseconds. */
const INTERVAL = 10_000;
const HISTORY = 6 * 3600_000;
/** The shortest interval, and the longest that a timer holds. */
const LEAST_INTERVAL = 100;
const MOST_INTERVAL = 2 ** 31 - 1;
/** How far `model.metrics()` looks back at least, in milliseconds. */
const WINDOW = 60_000;
/** Snapshots that are kept at most, whatever the options say. */
const MOST_SNAPSHOTS = 100_000;

/** @type {EngineStats} */
const NO_STATS = { kvBlocks: 0, kvMostBlocks: 0, kvBlockTokens: 0, kvBlockBytes: 0, keptTexts: 0, weightBytesRead: 0, memoryBytes: 0 };

/** Whether a timer can keep to it. @param {unknown} interval */
export function isInterval(interval) {
  return typeof interval === 'number' && interval >= LEAST_INTERVAL && interval <= MOST_INTERVAL;
}

/** A request under way, and what it adds to the counts. */
export class RequestRecord {
  /** In milliseconds as performance.now() tells. @type {{ called: number, begun: number | undefined, firstToken: number | undefined }} */
  times = { called: performance.now(), begun: undefined, firstToken: undefined };
  /** Of its answer. */
  tokens = 0;
  /** @type {'done' | 'failed' | 'aborted' | undefined} */
  outcome;
  #counters;
  /** Tokens of its prompt that are there; undefined before the first are. @type {number | undefined} */
  #read;
  #lastToken = 0;
  /** Milliseconds from one token to the next, in the turn that is heard. */
  #pace = 0;
  /** It is told from the response cache. */
  #isRecalled = false;

  /** @param {Counters} counters */
  constructor(counters) {
    this.#counters = counters;
  }

  /** What it is told from now on comes from the response cache. */
  recall() {
    this.#isRecalled = true;
    this.times.begun = performance.now();
  }

  /** @param {CallEvent} event */
  hear(event) {
    if (this.#isRecalled) return;
    const now = performance.now();
    const { times } = this;
    const counters = this.#counters;
    if (event.type === 'begun') {
      if (times.begun !== undefined) return; // another engine has taken it over
      times.begun = now;
      counters.latency.queue.add(now - times.called);
    } else if (event.type === 'prefill') {
      const { done, total, cached } = event.prefill;
      if (this.#read === undefined) {
        counters.prompt += total;
        counters.cached += cached;
      }
      // What is computed again, after others have needed its room, is not counted again.
      counters.read += Math.max(done - (this.#read ?? cached), 0);
      this.#read = Math.max(done, this.#read ?? cached);
    } else if (event.type === 'token' && event.token.id >= 0) {
      this.tokens += 1;
      counters.completion += 1;
      if (times.firstToken === undefined) counters.latency.firstToken.add(now - times.called);
      else {
        // Tokens that come together were computed one after the other.
        if (event.turn.place === 0) this.#pace = (now - this.#lastToken) / event.turn.tokens;
        counters.latency.nextToken.add(this.#pace);
      }
      times.firstToken ??= now;
      this.#lastToken = now;
    }
  }

  /** @param {GenerationResult} result */
  succeed({ usage: { guessedTokens = 0, acceptedTokens = 0 } }) {
    this.outcome = 'done';
    this.#counters.done += 1;
    if (this.#isRecalled) return void (this.#counters.fromCache += 1);
    this.#counters.guessed += guessedTokens;
    this.#counters.accepted += acceptedTokens;
    this.#counters.latency.total.add(performance.now() - this.times.called);
  }

  /**
   * @param {unknown} error
   * @param {AbortSignal | undefined} signal
   */
  fail(error, signal) {
    this.outcome = signal?.aborted ? 'aborted' : 'failed';
    this.#counters[this.outcome] += 1;
    if (this.outcome === 'aborted') return;
    const code = error instanceof BitNetError ? error.code : 'other';
    this.#counters.failures[code] = (this.#counters.failures[code] ?? 0) + 1;
  }
}

/** Counts the requests of a model. It holds its engine, and not the model. */
export class Metrics {
  #engine;
  #info;
  #interval;
  #most;
  #timeline;
  #counters = new Counters();
  /** Requests that are under way. @type {Set<RequestRecord>} */
  #records = new Set();
  /** Counts at times in the past, the oldest first: where windows begin. @type {Counters[]} */
  #marks = [this.#counters.copy()];
  /** @type {MetricsSnapshot[]} */
  #history = [];
  /** What the engine has told last of the bytes that it has read. @type {number | undefined} */
  #bytesRead;
  /** Something has happened since the last mark. */
  #isChanged = false;
  /** Ends the taking of snapshots for the history, while they are taken. @type {(() => void) | undefined} */
  #stop;

  /**
   * @param {Engine} engine
   * @param {ModelInfo} info
   * @param {MetricsOptions} [options] already checked
   */
  constructor(engine, info, { interval = INTERVAL, history = HISTORY, timeline = false } = {}) {
    this.#engine = engine;
    this.#info = info;
    this.#interval = interval;
    this.#most = Math.min(Math.ceil(history / interval), MOST_SNAPSHOTS);
    this.#timeline = timeline;
  }

  /**
   * Runs a request and counts it.
   * @template {GenerationResult} R
   * @param {AbortSignal | undefined} signal
   * @param {(record: RequestRecord) => Promise<R>} run
   * @returns {Promise<R>}
   */
  async request(signal, run) {
    this.#wake();
    const record = new RequestRecord(this.#counters);
    this.#records.add(record);
    try {
      const result = await run(record);
      record.succeed(result);
      return result;
    } catch (error) {
      record.fail(error, signal);
      throw error;
    } finally {
      this.#records.delete(record);
      this.#isChanged = true;
      if (this.#timeline) writeRequest({ ...record.times, ended: performance.now() }, { tokens: record.tokens, outcome: record.outcome });
    }
  }

  /**
   * How the model does, over the last minute.
   * @returns {Promise<MetricsSnapshot>}
   */
  async snapshot() {
    const [now, stats] = await this.#count();
    const before = this.#marks.findLast(({ time }) => time <= now.time - WINDOW) ?? this.#marks[0];
    return this.#tell(before, now, stats);
  }

  /** @returns {MetricsHistory} */
  history() {
    return { version: 1, interval: this.#interval, model: { ...this.#info }, snapshots: structuredClone(this.#history) };
  }

  /**
   * Begins what a listener of the model is told of here; other events come by themselves.
   * @param {keyof ModelEvents} type
   * @param {(event: any) => void} listener
   * @param {ListenOptions} options
   * @returns {() => void} ends it
   */
  supply(type, listener, options) {
    switch (type) {
      case 'metrics':
        return this.#onSnapshot(listener, options);
      case 'alert':
        return this.#onAlert(listener, options);
      default:
        return () => {};
    }
  }

  /**
   * Tells snapshots at an interval.
   * @param {(snapshot: MetricsSnapshot) => void} listener
   * @param {ListenOptions} [options]
   * @returns {() => void} ends it
   */
  #onSnapshot(listener, { interval = this.#interval } = {}) {
    if (!isInterval(interval)) throw invalidInterval(interval);
    /** @type {Counters | undefined} */
    let before;
    this.#count().then(([now]) => (before = now), () => {}); // a model that is gone tells nothing
    return every(interval, async (isOver) => {
      const [now, stats] = await this.#count();
      if (isOver() || before === undefined) return;
      const snapshot = this.#tell(before, now, stats);
      before = now;
      tell(listener, snapshot);
    });
  }

  /**
   * Tells alerts.
   * @param {(alert: Alert) => void} listener
   * @param {ListenOptions} [options]
   * @returns {() => void} ends it
   */
  #onAlert(listener, { rules, ...options } = {}) {
    const alerts = new Alerts(checkRules(rules, this.#tell(this.#counters, this.#counters, NO_STATS)));
    return this.#onSnapshot((snapshot) => {
      for (const alert of alerts.look(snapshot)) tell(listener, alert);
    }, options);
  }

  /**
   * Asks the engine for its part.
   * @returns {Promise<[Counters, EngineStats]>}
   */
  async #count() {
    const stats = await this.#engine.call('stats', {});
    const { weightBytesRead } = stats;
    // Workers that have taken the place of others begin at 0.
    const before = this.#bytesRead === undefined ? weightBytesRead : this.#bytesRead > weightBytesRead ? 0 : this.#bytesRead;
    this.#counters.weightBytesRead += weightBytesRead - before;
    this.#bytesRead = weightBytesRead;
    return [this.#counters.copy(), stats];
  }

  /**
   * @param {Counters} before
   * @param {Counters} now
   * @param {EngineStats} stats
   */
  #tell(before, now, stats) {
    const queued = [...this.#records].filter(({ times }) => times.begun === undefined).length;
    return snapshotOf(before, now, { active: this.#records.size - queued, queued }, stats, this.#info);
  }

  /** Takes snapshots for the history from now on, until nothing happens any more. */
  #wake() {
    if (this.#stop !== undefined) return;
    const mark = this.#counters.copy();
    this.#mark(mark);
    // It is asked before the request is, and so tells what was read before it.
    this.#count().then(([now]) => (mark.weightBytesRead = now.weightBytesRead), () => {});
    this.#stop = every(this.#interval, async () => {
      if (this.#records.size === 0 && !this.#isChanged) {
        this.#stop?.();
        this.#stop = undefined;
        return;
      }
      this.#isChanged = false;
      const [now, stats] = await this.#count();
      const before = this.#marks.at(-1) ?? now;
      this.#mark(now);
      this.#history.push(this.#tell(before, now, stats));
      if (this.#history.length > this.#most) this.#history.splice(0, this.#history.length - this.#most);
    });
  }

  /** @param {Counters} now */
  #mark(now) {
    const oldest = this.#marks.findLastIndex(({ time }) => time <= now.time - WINDOW);
    if (oldest > 0) this.#marks.splice(0, oldest);
    this.#marks.push(now);
  }
}

/**
 * Works at an interval, until it is stopped or the model is unloaded. What takes longer than the interval is not begun again
 * meanwhile; what an engine that has crashed cannot tell is left out.
 * @param {number} interval
 * @param {(isOver: () => boolean) => Promise<void>} work
 * @returns {() => void} stops it
 */
function every(interval, work) {
  let isBusy = false;
  let isOver = false;
  const stop = () => {
    isOver = true;
    clearInterval(timer);
  };
  const timer = setInterval(async () => {
    if (isBusy) return;
    isBusy = true;
    try {
      await work(() => isOver);
    } catch (error) {
      if (!(error instanceof BitNetError)) reportError(error);
      else if (error.code === 'unloaded') stop();
    }
    isBusy = false;
  }, interval);
  return stop;
}

/** @param {unknown} interval */
function invalidInterval(interval) {
  const expected = `a number of milliseconds from ${LEAST_INTERVAL} to ${MOST_INTERVAL}`;
  return new BitNetError('invalid_argument', `interval: expected ${expected}, found ${String(interval)}.`, {
    details: { option: 'interval', expected },
  });
}
