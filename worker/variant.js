// Which of the two builds a browser can run. Features are measured by validating tiny modules, never read from the
// user agent.
import { BitNetError } from './error.js';

/** @typedef {'relaxed' | 'simd128'} Variant */

/**
 * The features that the JavaScript engine was found to support.
 * @typedef {object} Features
 * @property {boolean} simd128 Fixed-width 128-bit SIMD.
 * @property {boolean} relaxed Relaxed SIMD: the integer dot product and the swizzle.
 * @property {boolean} atomics Shared memory and atomic instructions.
 */

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const TYPES = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00]; // one type: () -> ()
const FUNCTIONS = [0x03, 0x02, 0x01, 0x00]; // one function of that type
const SHARED_MEMORY = [0x05, 0x04, 0x01, 0x03, 0x01, 0x01]; // one shared memory of 1 to 1 pages
const SPLAT = [0x41, 0x00, 0xfd, 0x0f]; // i32.const 0, i8x16.splat
const DROP = 0x1a;
const END = 0x0b;

/**
 * The smallest module whose only function has this body.
 * @param {number[]} body instructions, without the closing `end`
 * @param {number[]} [memory] a memory section
 * @returns {Uint8Array<ArrayBuffer>}
 */
function moduleWith(body, memory = []) {
  const code = [0x00, ...body, END]; // no locals
  return new Uint8Array([...HEADER, ...TYPES, ...FUNCTIONS, ...memory, 0x0a, code.length + 2, 0x01, code.length, ...code]);
}

const PROBES = {
  simd128: moduleWith([...SPLAT, DROP]),
  relaxed: moduleWith([
    ...SPLAT, ...SPLAT, 0xfd, 0x80, 0x02, DROP, // i8x16.relaxed_swizzle
    ...SPLAT, ...SPLAT, ...SPLAT, 0xfd, 0x93, 0x02, DROP, // i32x4.relaxed_dot_i8x16_i7x16_add_s
  ]),
  atomics: moduleWith([0x41, 0x00, 0xfe, 0x10, 0x02, 0x00, DROP], SHARED_MEMORY), // i32.atomic.load
};

/**
 * Measures what this engine can run.
 * @param {(bytes: BufferSource) => boolean} [validate]
 * @returns {Features}
 */
export function measureFeatures(validate = (bytes) => typeof WebAssembly === 'object' && WebAssembly.validate(bytes)) {
  return { simd128: validate(PROBES.simd128), relaxed: validate(PROBES.relaxed), atomics: validate(PROBES.atomics) };
}

/**
 * The build to run. A pure function, so that every case is tested without a browser.
 * @param {Features} features
 * @param {'auto' | Variant} wanted
 * @returns {Variant}
 * @throws {BitNetError} `unsupported` where the engine cannot run what is wanted
 */
export function chooseVariant(features, wanted) {
  const missing = [];
  if (!features.simd128) missing.push('128-bit SIMD');
  if (!features.atomics) missing.push('shared memory and atomics');
  if (wanted === 'relaxed' && !features.relaxed) missing.push('relaxed SIMD');
  if (missing.length > 0) {
    throw new BitNetError('unsupported', `This browser's WebAssembly lacks ${missing.join(' and ')}; a current browser is needed.`, {
      details: { wanted, ...features },
    });
  }
  if (wanted !== 'auto') return wanted;
  return features.relaxed ? 'relaxed' : 'simd128';
}

/**
 * Whether this page can share memory with workers. WebKitGTK isolates pages and yet has no SharedArrayBuffer: a shared
 * memory can be made there, but sent to nobody.
 * @param {{ crossOriginIsolated?: boolean, SharedArrayBuffer?: unknown }} [scope]
 * @returns {boolean}
 */
export function sharesMemory(scope = globalThis) {
  return scope.crossOriginIsolated === true && scope.SharedArrayBuffer !== undefined;
}
