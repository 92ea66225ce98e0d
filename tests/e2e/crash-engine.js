// The engine worker with a fuse: a test lights it, and the next step of a generation goes wrong for real.
// @ts-expect-error an address of the test's server
import '/modules/engine.js';
// @ts-expect-error an address of the test's server
import * as glue from '/modules/wasm/relaxed/bitnet_web.js';

self.addEventListener('message', async ({ data }) => {
  if (data.type !== 'fuse') return;
  const wasm = await glue.default();
  const { step } = glue.WasmModel.prototype;
  /** @type {Record<string, (this: unknown, ...args: any[]) => unknown>} */
  const faults = {
    trap: () => glue.enter_pool(0xffff_fff0, 1), // an address beyond the memory's end
    exhaust: () => {
      for (;;) wasm.__wbindgen_malloc(0x4000_0000, 1);
    },
    hang: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
    // Silent for some tens of milliseconds of work, not of time: a machine that sleeps does not work.
    drowsy(/** @type {unknown[]} */ ...args) {
      let x = 0;
      for (let i = 0; i < 2e7; i++) x = (Math.imul(x, 31) + i) | 0;
      return step.apply(this, args) ?? x;
    },
    bug: () => {
      setTimeout(() => {
        throw new Error('a bug of the script');
      });
      return [];
    },
  };
  glue.WasmModel.prototype.step = faults[data.fault];
});
