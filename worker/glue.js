// The two WebAssembly builds, as the workers see them, and the error that the page gets for a trap in either.
//
// Both are imported statically: a bundler that packs a worker into one file cannot split it at a dynamic import.
import * as relaxed from './wasm/relaxed/bitnet_web.js';
import * as simd128 from './wasm/simd128/bitnet_web.js';

/** @import { Variant } from './variant.js' */
/** @import { WireError } from './error.js' */

/** @typedef {typeof import('./wasm/relaxed/bitnet_web.js')} Glue */

/** Stack of every compute worker, in bytes; a multiple of 64 KiB. */
export const THREAD_STACK_SIZE = 1 << 20;

/**
 * @param {Variant} variant
 * @returns {Glue}
 */
export function glueOf(variant) {
  return variant === 'relaxed' ? relaxed : simd128;
}

/**
 * Where the build's wasm lies. The literal addresses are what bundlers recognise as assets.
 * @param {Variant} variant
 * @param {string | undefined} wasmBase a folder, ending in a slash
 * @returns {URL}
 */
export function wasmUrl(variant, wasmBase) {
  if (wasmBase !== undefined) return new URL(`${variant}/bitnet_web_bg.wasm`, wasmBase);
  return variant === 'relaxed'
    ? new URL('./wasm/relaxed/bitnet_web_bg.wasm', import.meta.url)
    : new URL('./wasm/simd128/bitnet_web_bg.wasm', import.meta.url);
}

/**
 * Where the module of grammars lies: see `grammar.js`.
 * @param {string | undefined} wasmBase a folder, ending in a slash
 * @returns {URL}
 */
export function grammarUrl(wasmBase) {
  if (wasmBase !== undefined) return new URL('grammar/bitnet_grammar_bg.wasm', wasmBase);
  return new URL('./wasm/grammar/bitnet_grammar_bg.wasm', import.meta.url);
}

/** The message of the last Rust panic. */
let panicMessage = '';

/** Told of a panic at once: whoever catches the trap after it may not know what it means. */
let tellPanic = () => {};

/** @param {() => void} tell called in the middle of a panic */
export function onPanic(tell) {
  tellPanic = tell;
}

// The panic hook of src/web calls this right before the trap, which itself carries no text.
Object.assign(globalThis, {
  /** @param {string} message */
  bitnetPanic(message) {
    panicMessage = message;
    tellPanic();
  },
});

/**
 * If `thrown` means that the wasm instance can no longer be trusted: the error to tell; otherwise undefined.
 * @param {Glue} glue
 * @param {unknown} thrown
 * @returns {WireError | undefined}
 */
export function crashOf(glue, thrown) {
  // A stack overflow is a RangeError in Chromium and WebKit, an InternalError in Firefox.
  const overflow =
    thrown instanceof Error && (thrown.name === 'InternalError' || /call stack/i.test(thrown.message));
  if (!(thrown instanceof WebAssembly.RuntimeError) && !overflow && panicMessage === '') return undefined;
  const refused = refusedAllocation(glue);
  if (refused > 0) {
    return {
      code: 'out_of_memory',
      message: `The model ran out of memory: ${refused} more bytes were refused. Use a smaller context or a smaller model.`,
      details: { bytes: refused },
    };
  }
  const cause = panicMessage || String(thrown);
  return { code: 'crashed', message: `The engine stopped on an internal error (${cause}). Load the model again.` };
}

/**
 * Bytes of the last allocation that was refused, 0 if none was.
 * @param {Glue} glue
 * @returns {number}
 */
function refusedAllocation(glue) {
  try {
    return glue.refused_allocation();
  } catch {
    return 0; // never instantiated
  }
}
