// Runs in a test's page: the library, and an eye on the workers that it starts.
// @ts-expect-error an address of the test's server
import * as library from '/dist/index.js';

/**
 * @typedef {object} Tap
 * @property {Worker[]} workers in the order they were started: an engine worker, then its compute workers
 * @property {number} ended workers that the library ended
 * @property {number} turns messages with tokens that arrived
 */

/** @type {Tap} */
const seen = { workers: [], ended: 0, turns: 0 };

class TappedWorker extends Worker {
  /** @param {ConstructorParameters<typeof Worker>} args */
  constructor(...args) {
    super(...args);
    seen.workers.push(this);
    this.addEventListener('message', ({ data }) => {
      if (data?.type === 'tokens') seen.turns += 1;
    });
  }

  terminate() {
    seen.ended += 1;
    super.terminate();
  }
}

Object.assign(globalThis, { Worker: TappedWorker, lib: library, tap: seen });
