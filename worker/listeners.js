// What a model tells without being asked: who listens to it.

/** @import { AuditEvent } from './guards/audit.js' */

/**
 * What `model.on` tells, by the names of the events.
 * @typedef {object} ModelEvents
 * @property {AuditEvent} audit what a guard has decided
 */

/** Those who listen to a model. */
export class Listeners {
  /** @type {Map<keyof ModelEvents, Set<(event: any) => void>>} */
  #all = new Map();

  /**
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {(event: ModelEvents[E]) => void} listener
   * @returns {() => void} ends it
   */
  on(type, listener) {
    const known = this.#all.get(type) ?? new Set();
    this.#all.set(type, known);
    known.add(listener);
    return () => void known.delete(listener);
  }

  /** Whether anybody listens. @param {keyof ModelEvents} type */
  has(type) {
    return (this.#all.get(type)?.size ?? 0) > 0;
  }

  /**
   * Tells everybody. A listener that throws stops neither the others nor what is told of: its error is reported as one that
   * nobody caught.
   * @template {keyof ModelEvents} E
   * @param {E} type
   * @param {ModelEvents[E]} event
   */
  emit(type, event) {
    for (const listener of [...(this.#all.get(type) ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
