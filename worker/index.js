// The public API of bitnet-web.
import { Crew } from './crew.js';
import { BitNetError } from './error.js';
import { Model } from './model.js';
import { checkLoadOptions, resolveAddress } from './options.js';
import { wireSource } from './source.js';
import { chooseThreads, chooseVariant, measureFeatures } from './variant.js';

/** @import { Source } from './source.js' */
/** @import { LoadOptions } from './options.js' */

export { BitNetError, Model };
export { TokenStream } from './stream.js';

/** Silence of a worker that means its death, in milliseconds. */
const WATCHDOG = 30_000;

let hinted = false;

/** Once a page: what threads need. */
function hintAtIsolation() {
  if (hinted) return;
  hinted = true;
  console.info(
    'bitnet-web: this page is not cross-origin isolated, so one thread does all the work. Serve it with ' +
      'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp (or credentialless) to use more.',
  );
}

/**
 * Starts the workers for a load.
 * @param {LoadOptions} options already checked
 * @returns {Crew}
 */
function startCrew({ variant = 'auto', threads = 'auto', workerUrl, wasmBase, watchdog = WATCHDOG }) {
  const isolated = globalThis.crossOriginIsolated === true;
  const chosen = chooseVariant(measureFeatures(), variant);
  const count = chooseThreads(threads, isolated, globalThis.navigator?.hardwareConcurrency ?? 1);
  if (!isolated && threads !== 1) hintAtIsolation();
  return new Crew({
    variant: chosen,
    threads: count,
    isolated,
    workerUrl: workerUrl === undefined ? undefined : resolveAddress(workerUrl),
    wasmBase: wasmBase === undefined ? undefined : resolveAddress(wasmBase).replace(/\/?$/, '/'),
    watchdog,
  });
}

/** Runs ternary language models in this page. */
export const BitNet = {
  /**
   * Loads a model: from an address (also `hf:owner/repo/file.gguf`), a File or Blob, an ArrayBuffer or a stream of bytes.
   * @param {Source} source
   * @param {LoadOptions} [options]
   * @returns {Promise<Model>}
   */
  async load(source, options = {}) {
    const wireOptions = checkLoadOptions(options);
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const { wire, transfer } = wireSource(source);
    const crew = startCrew(options);
    try {
      const info = await crew.call('load', { source: wire, options: wireOptions }, {
        signal,
        transfer,
        onEvent: (event) => event.type === 'progress' && onProgress?.(event.progress),
      });
      return new Model(crew, info);
    } catch (error) {
      crew.dispose(new BitNetError('unloaded', 'The model was not loaded.'));
      throw error;
    }
  },
};
