// `Atomics.waitAsync` for browsers without it (such as Firefox ESR 140). The runtime's futures wake each other by it; where it is
// missing they wait in a helper worker instead, which cannot be handed memory on a page that is not isolated: loading there
// would wait for ever.

/** Looks again and again, some milliseconds apart: only loading waits, and seldom. */
const waitAsync = (/** @type {Int32Array} */ array, /** @type {number} */ index, /** @type {number} */ value) => ({
  async: true,
  value: new Promise((resolve) => {
    const look = () => {
      if (Atomics.load(array, index) === value) setTimeout(look);
      else resolve('ok');
    };
    look();
  }),
});

/** To be called before the engine's module starts. */
export function provideWaitAsync() {
  if (!('waitAsync' in Atomics)) Object.defineProperty(Atomics, 'waitAsync', { value: waitAsync, configurable: true });
}
