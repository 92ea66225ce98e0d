// An engine worker of which one asynchronous part goes wrong for real: `?part=NAME&fault=trap|throw|exhaust`. The part is
// known by a function of the browser that it calls: there the fault happens, and passes through the wasm that called.
import './deaf.js';
// @ts-expect-error an address of the test's server
import '/modules/engine.js';
// @ts-expect-error an address of the test's server
import * as glue from '/modules/wasm/relaxed/bitnet_web.js';

const asked = new URLSearchParams(location.search);

/** @type {Record<string, () => void>} */
const faults = {
  trap: () => glue.enter_pool(0xffff_fff0, 1), // an address beyond the memory's end
  throw: () => void new Uint8Array(2 ** 50), // what a damaged record makes of a length
  exhaust: () => {
    const wasm = glue.initSync(); // it is there already
    for (;;) wasm.__wbindgen_malloc(0x4000_0000, 1);
  },
};

/**
 * One use of a function, or of a property, goes wrong.
 * @param {any} object
 * @param {string} name
 * @param {number} [before] uses that go well before
 */
function spoil(object, name, before = 0) {
  let owner = object;
  while (owner !== null && !Object.hasOwn(owner, name)) owner = Object.getPrototypeOf(owner);
  const found = owner && Object.getOwnPropertyDescriptor(owner, name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  const key = found.set ? 'set' : found.get ? 'get' : 'value';
  const original = found[key];
  let uses = 0;
  Object.defineProperty(object, name, {
    ...found,
    [key](/** @type {unknown[]} */ ...args) {
      if (uses++ === before) faults[asked.get('fault') ?? '']();
      return original.apply(this, args);
    },
  });
}

/** The browser functions that each part uses, of those that by contract throw nothing: no code there catches an exception. */
const parts = /** @type {Record<string, () => void>} */ ({
  'a request': () => spoil(AbortController.prototype, 'signal'),
  'an answer': () => spoil(Response.prototype, 'status'),
  'a piece of an answer': () => spoil(ReadableStreamDefaultReader.prototype, 'read', 1),
  'a timer': () => spoil(globalThis, 'setTimeout'),
  'a file': () => spoil(Blob.prototype, 'size'),
  'a piece of a file': () => spoil(Blob.prototype, 'arrayBuffer'),
  'a stream': () => spoil(ReadableStreamDefaultReader.prototype, 'read'),
  'a look into the store': () => spoil(IDBTransaction.prototype, 'oncomplete'),
  'a write to the store': () => spoil(IDBTransaction.prototype, 'oncomplete', 2),
  'a chunk from the store': () => spoil(Blob.prototype, 'stream'),
});
parts[asked.get('part') ?? '']();
