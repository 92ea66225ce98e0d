/**
 * Asks for the engine's WebAssembly while the page's other scripts are still on their way, and tells how much of it has come. The
 * engine's worker asks for the same file a moment later and gets it from the browser's cache. A server that lets nothing be kept is
 * left alone: there it would come twice.
 */

/** The smallest module with a relaxed-SIMD instruction, i32x4.relaxed_dot_i8x16_i7x16_add_s: who takes it runs that build. */
const RELAXED = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x0a, 0x14,
  0x01, 0x12, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x93, 0x02, 0x1a, 0x0b,
]);

/** @type {Set<(loaded: number, total: number) => void>} */
const listeners = new Set();
let loaded = 0;

const variant = WebAssembly.validate(RELAXED) ? 'relaxed' : 'simd128';
/** Bytes of the file before compression, which only the build knows; 0 where the page was not built. */
const total = Number(document.querySelector(`meta[name="engine-bytes-${variant}"]`)?.getAttribute('content') ?? 0);
if (total > 0) void fetchEngine();

async function fetchEngine() {
  try {
    const response = await fetch(new URL(`./dist/wasm/${variant}/bitnet_web_bg.wasm`, import.meta.url));
    if (!response.ok || !response.body || /no-store/.test(response.headers.get('Cache-Control') ?? '')) {
      await response.body?.cancel();
      return;
    }
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      loaded += part.value.length;
      for (const listener of listeners) listener(loaded, total);
    }
  } catch {
    // The engine's worker will ask itself, and say what is wrong.
  }
}

/**
 * @param {(loaded: number, total: number) => void} listener called with bytes, as they come
 */
export function onEngineBytes(listener) {
  listeners.add(listener);
  if (loaded > 0) listener(loaded, total);
}
