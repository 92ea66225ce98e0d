// What a model tells without being asked: who listens to it.

/** @import { AuditEvent } from './guards/audit.js' */
/** @import { Alert } from './metrics/alerts.js' */
/** @import { MetricsSnapshot } from './metrics/snapshot.js' */

/**
 * What `model.on` tells, by the names of the events.
 * @typedef {object} ModelEvents
 * @property {AuditEvent} audit what a guard has decided
 * @property {MetricsSnapshot} metrics how the model does, at an interval
 * @property {Alert} alert a number of the metrics has passed a threshold, or is back
 */

/** @type {readonly (keyof ModelEvents)[]} */
export const EVENTS = ['metrics', 'alert', 'audit'];

/** Those who listen to a model. */
export class Listeners {
  /** For each event its listeners, each with what ends its supply. @type {Map<keyof ModelEvents, Map<(event: any) => void, () => void>>} */
  #all = new Map();

  /**
   * A listener that listens already begins anew.
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {(event: ModelEvents[E]) => void} listener
   * @param {() => void} [stop] called once it listens no more
   * @returns {() => void} ends it
   */
  on(type, listener, stop = () => {}) {
    this.off(type, listener);
    const known = this.#all.get(type) ?? new Map();
    this.#all.set(type, known);
    known.set(listener, stop);
    return () => {
      if (known.get(listener) === stop) this.off(type, listener);
    };
  }

  /**
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {(event: ModelEvents[E]) => void} listener
   */
  off(type, listener) {
    const known = this.#all.get(type);
    const stop = known?.get(listener);
    known?.delete(listener);
    stop?.();
  }

  /** Whether anybody listens. @param {keyof ModelEvents} type */
  has(type) {
    return (this.#all.get(type)?.size ?? 0) > 0;
  }

  /**
   * Tells everybody.
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {ModelEvents[E]} event
   */
  emit(type, event) {
    for (const listener of [...(this.#all.get(type)?.keys() ?? [])]) tell(listener, event);
  }
}

/**
 * A listener that throws stops neither others nor what it is told of: its error is reported as one that nobody caught.
 * @template T
 * @param {(event: T) => void} listener
 * @param {T} event
 */
export function tell(listener, event) {
  try {
    listener(event);
  } catch (error) {
    reportError(error);
  }
}
