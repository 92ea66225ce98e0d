// The engine worker with a fuse in the module of grammars: the first mask of its first instance traps.
// @ts-expect-error an address of the test's server
import '/dist/engine.js';

const { Instance } = WebAssembly;
let lit = true;

// @ts-expect-error a stand-in for the constructor
WebAssembly.Instance = function (/** @type {WebAssembly.Module} */ module, /** @type {WebAssembly.Imports} */ imports) {
  const instance = new Instance(module, imports);
  const name = Object.keys(instance.exports).find((name) => name.endsWith('grammarconstraint_accept'));
  if (name === undefined || !lit) return instance;
  lit = false;
  const trap = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  return { exports: { ...instance.exports, [name]: trap } };
};
WebAssembly.Instance.prototype = Instance.prototype; // what the browser makes is still an instance
