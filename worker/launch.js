// Starts one worker's script, wherever this library was loaded from: from the page's own origin, from another one (a CDN, an
// opaque origin), through a bundler, under Trusted Types. `diagnosis.js` finds out why one did not start.
import { causeOf, placement } from './diagnosis.js';
import { BitNetError } from './error.js';
import { resolveAddress } from './options.js';

/** @import { Cause } from './diagnosis.js' */
/** @import { Violation } from './protocol.js' */

/** @typedef {'engine.js' | 'compute.js'} Script */

/** The Trusted Types policy that worker addresses go through: a Content-Security-Policy has to allow this name. */
const POLICY = 'bitnet-web';

/** How often a script that is late is looked for without a result. */
const MOST_LOOKS = 10;

/** @type {{ createScriptURL(address: string): any } | undefined} */
let policy;

/**
 * Makes sure, before anything is begun, that workers and WebAssembly can be had here.
 * @throws {BitNetError} `unsupported`
 */
export function requirePlatform() {
  if (typeof globalThis.WebAssembly !== 'object') {
    const message = 'There is no WebAssembly here; a lockdown mode of the browser may have switched it off for this page.';
    throw new BitNetError('unsupported', message, { details: { missing: 'WebAssembly' } });
  }
  if (typeof globalThis.Worker === 'function') return;
  const isNode = Reflect.get(globalThis, 'process')?.versions?.node !== undefined;
  const scope = isNode ? 'Node.js' : globalThis.constructor.name;
  throw new BitNetError('unsupported', `bitnet-web computes in Web Workers, and here there are none (${scope}): ${elsewhere(scope)}`, {
    details: { missing: 'Worker', scope },
  });
}

/** @param {string} scope name of the global object's class */
function elsewhere(scope) {
  if (scope === 'ServiceWorkerGlobalScope') {
    return 'load the model in a page or in a dedicated worker; in an extension, in an offscreen document or a side panel.';
  }
  if (scope === 'SharedWorkerGlobalScope') {
    return 'this browser starts no workers from a shared worker. Load the model in a page or in a dedicated worker.';
  }
  if (scope === 'Node.js') return 'load the model in a browser; code that renders on a server may import this package, not call it.';
  return 'load the model in a page of a current browser, or in a dedicated worker.';
}

/** One worker, from its start to its first message or its failure. */
export class Launch {
  /** @type {Worker} */
  worker;
  /** The browser has said that the script did not start, not why. */
  #failed = false;
  /** How often nothing was found. */
  #looks = 0;
  #said = '';
  #script;
  /** Where the script lies. */
  #address = '';
  /** The violations of the page's policy since then. @type {Violation[]} */
  #violations = [];
  #onViolation = (/** @type {Event} */ event) => void this.#violations.push(/** @type {SecurityPolicyViolationEvent} */ (event));

  /**
   * @param {Script} script
   * @param {string | undefined} workerUrl absolute address of `engine.js`, where the caller named one
   * @throws {BitNetError} `worker_failed` where the browser refuses at once
   */
  constructor(script, workerUrl) {
    this.#script = script;
    globalThis.addEventListener?.('securitypolicyviolation', this.#onViolation);
    try {
      const { address, options } = workerUrl === undefined ? ownScript(script) : namedScript(script, workerUrl);
      this.#address = address;
      this.worker = start(address, options);
    } catch (cause) {
      this.settle();
      throw this.#failure(`the browser refused to start it (${cause})`, refusalCure(cause), { cause });
    }
  }

  /** The script runs, or is no longer wanted: nothing more has to be watched. */
  settle() {
    globalThis.removeEventListener?.('securitypolicyviolation', this.#onViolation);
  }

  /**
   * The browser, or the script that imports another one, has said that it did not start.
   * @param {Violation[]} [refused] what a policy has refused in the worker
   * @param {string} [said] what the script's own error says, which is reason enough
   */
  fail(refused = [], said = '') {
    this.#failed = true;
    this.#said = said;
    this.#violations.push(...refused);
  }

  /**
   * Why the script has not started, found out within some seconds; undefined while it may only be slow.
   * @returns {Promise<BitNetError | undefined>}
   */
  async failure() {
    if (this.#said !== '') return this.#failure(this.#said, placement(this.#address), {});
    /** @type {Cause} */
    const unknown = { reason: 'no reason was found', cure: '' };
    const { isSlow, isUnclear, reason, cure, details } = await causeOf(this.#address, this.#violations).catch(() => unknown);
    // A busy machine takes its time; a script that never answers, because it is another one, is given up in the end.
    const isPatient = isSlow || (isUnclear && ++this.#looks < MOST_LOOKS);
    if (isPatient && !this.#failed) return undefined;
    return this.#failure(reason, cure, { details });
  }

  /**
   * @param {string} reason
   * @param {string} cure
   * @param {{ details?: object, cause?: unknown }} more
   */
  #failure(reason, cure, { details, cause }) {
    const from = this.#address === '' ? '' : ` from ${this.#address}`;
    return new BitNetError('worker_failed', `The worker ${this.#script} did not start${from}: ${reason}.${cure && ` ${cure}`}`, {
      details: { script: this.#script, address: this.#address, ...details },
      cause,
    });
  }
}

/**
 * The error for a `new Worker` that threw.
 * @param {unknown} cause
 */
function refusalCure(cause) {
  if (cause instanceof TypeError && /Trusted/.test(cause.message)) {
    return `The page uses Trusted Types: its Content-Security-Policy needs "trusted-types ${POLICY}" (with 'allow-duplicates' where two copies of the library run).`;
  }
  if (cause instanceof TypeError && /URL/i.test(cause.message)) {
    return "A bundler has taken away the library's own address (import.meta.url): bundle as an ES module, or serve the package's folder as it is and name it in the option workerUrl.";
  }
  return "A Content-Security-Policy needs worker-src 'self', and blob: where the library is loaded from another origin.";
}

/**
 * The script that belongs to this very module. Only the literal `new Worker(new URL(...), ...)` tells a bundler what to
 * pack, and only what it puts there knows where the script lies afterwards. So that expression is run as it is written, with a
 * stand-in for `Worker` that takes down its arguments; between its two assignments no other code runs.
 * @param {Script} script
 */
function ownScript(script) {
  const real = globalThis.Worker;
  /** @type {{ url: string, options: WorkerOptions }} */
  let asked = { url: '', options: {} };
  class Recorder {
    /** @param {string | URL} url @param {WorkerOptions} [options] */
    constructor(url, options = {}) {
      asked = { url: String(url), options };
    }
  }
  globalThis.Worker = /** @type {any} */ (Recorder);
  try {
    if (script === 'engine.js') new Worker(new URL('./engine.js', import.meta.url), { type: 'module', name: 'bitnet-engine' });
    else new Worker(new URL('./compute.js', import.meta.url), { type: 'module', name: 'bitnet-compute' });
  } finally {
    globalThis.Worker = real;
  }
  return { address: behindVite(resolveAddress(asked.url)), options: asked.options };
}

/**
 * The development server of Vite 5 to 7 packs this library, but not its workers, into a folder of its own beside the
 * packages: there the package itself is at hand.
 * @param {string} address
 */
function behindVite(address) {
  return address.replace(/\/\.(vite|cache\/vite(\/[^/?]+)?)\/deps\/(?=(engine|compute)\.js($|\?))/, '/bitnet-web/');
}

/**
 * @param {Script} script
 * @param {string} workerUrl
 * @returns {{ address: string, options: WorkerOptions }}
 */
function namedScript(script, workerUrl) {
  const address = script === 'engine.js' ? workerUrl : new URL(script, workerUrl).href;
  return { address, options: { type: 'module', name: `bitnet-${script.replace('.js', '')}` } };
}

/**
 * A worker's script must be of the page's origin, but what it imports need not be: a small script of our own imports the one
 * from elsewhere, which must be served with CORS headers.
 * @param {string} address
 * @param {WorkerOptions} options
 */
function start(address, options) {
  if (isOwn(address)) return new Worker(trusted(address), options);
  const script = options.type === 'module' ? importing(address) : `importScripts(${JSON.stringify(address)});`;
  const borrowed = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const worker = new Worker(trusted(borrowed), { name: options.name });
  // Only once its script runs can the address be given back; until then it costs a few bytes.
  worker.addEventListener('message', () => URL.revokeObjectURL(borrowed), { once: true });
  return worker;
}

/**
 * A script that imports a module. It is a classic one: in a sandboxed frame Chromium starts no module from a blob: address, and
 * a module's static imports are held against worker-src instead of script-src. Messages that come before the module listens
 * are kept for it. Where the import fails, the page is told what was refused.
 * @param {string} address
 */
function importing(address) {
  return `
    const early = [], refused = [];
    const keep = (event) => early.push(event);
    addEventListener('message', keep);
    addEventListener('securitypolicyviolation', ({ disposition, effectiveDirective, blockedURI }) => {
      refused.push({ disposition, effectiveDirective, blockedURI });
    });
    import(${JSON.stringify(address)}).then(
      () => {
        removeEventListener('message', keep);
        for (const { data, ports } of early) dispatchEvent(new MessageEvent('message', { data, ports }));
      },
      // The violation event comes in a task after this one.
      () => setTimeout(() => postMessage({ type: 'unstarted', refused }), 50),
    );`;
}

/** @param {string} address */
function isOwn(address) {
  const { origin, protocol } = new URL(address);
  return ['blob:', 'data:', 'file:'].includes(protocol) || (origin !== 'null' && origin === globalThis.origin);
}

/**
 * The address as a page with Trusted Types wants it.
 * @param {string} address
 */
function trusted(address) {
  const types = Reflect.get(globalThis, 'trustedTypes');
  if (types === undefined) return address;
  try {
    policy ??= types.createPolicy(POLICY, { createScriptURL: (/** @type {string} */ text) => text });
  } catch {
    return address; // the policy's name is not allowed, which matters only where Trusted Types are required
  }
  return /** @type {any} */ (policy?.createScriptURL(address));
}
