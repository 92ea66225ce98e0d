// Why a worker's script did not start. The browser only says that it failed, so what it needs is fetched once more and looked at.

/** @import { Violation } from './protocol.js' */

/** How long all of it may take, in milliseconds. */
const PATIENCE = 5000;
/** The most files that are looked at. */
const MOST_FILES = 50;

/** An import of a module, at the beginning of a line or after a semicolon. */
const IMPORT = /(?:^|[;}])\s*(?:import|export)\b\s*(?:[\w$\s{},*]*?\bfrom\s*)?["']([^"'\n]+)["']/gm;

/**
 * @typedef {object} Cause
 * @property {string} reason the end of a sentence
 * @property {string} cure a sentence, or nothing
 * @property {object} [details]
 * @property {boolean} [isSlow] nothing is wrong so far
 * @property {boolean} [isUnclear] everything is there
 */

/**
 * @param {string} address of the worker's script
 * @param {Violation[]} violations of a policy since the worker was started
 * @returns {Promise<Cause>}
 */
export async function causeOf(address, violations) {
  const before = refused(address, violations);
  if (before !== undefined) return before;
  const signal = AbortSignal.timeout(PATIENCE);
  const waiting = [address];
  for (const file of waiting) {
    const found = await inspect(file, signal);
    if (found.cause !== undefined) {
      const meanwhile = refused(address, violations);
      if (meanwhile !== undefined) return meanwhile;
      return file === address ? found.cause : imported(file, found.cause);
    }
    for (const next of found.imports) if (!waiting.includes(next) && waiting.length < MOST_FILES) waiting.push(next);
  }
  return {
    isUnclear: true,
    reason: 'it and everything that it imports can be fetched, yet it does not answer',
    cure: `Is it the file of this package? Or does a Content-Security-Policy forbid it? That needs ${wishes(address)}.`,
  };
}

/** @param {string} file @param {Cause} cause @returns {Cause} */
function imported(file, { reason, cure, details, isSlow }) {
  return { isSlow, reason: `it imports ${file}, and ${reason.replace(/^its/, 'the')}`, cure, details: { ...details, file } };
}

/**
 * @param {string} file
 * @param {AbortSignal} signal
 * @returns {Promise<{ cause?: Cause, imports: string[] }>}
 */
async function inspect(file, signal) {
  let response, text;
  try {
    response = await fetch(file, { signal });
    text = await response.text();
  } catch (cause) {
    return { imports: [], cause: unreachable(file, cause) };
  }
  return { cause: wrongAnswer(file, response), imports: importsOf(text, file) };
}

/**
 * @param {string} file
 * @param {unknown} cause
 * @returns {Cause}
 */
function unreachable(file, cause) {
  const isSlow = cause instanceof DOMException && cause.name === 'TimeoutError';
  if (isSlow || isOwnOrigin(file)) return { reason: `it cannot be fetched (${cause})`, cure: '', isSlow };
  return {
    reason: `it cannot be fetched (${cause})`,
    cure: 'It comes from another origin than the page: that server must have it and allow this (Access-Control-Allow-Origin).',
  };
}

/**
 * The fault of an answer, if it has one.
 * @param {string} file
 * @param {Response} response
 * @returns {Cause | undefined}
 */
function wrongAnswer(file, response) {
  const { status, headers } = response;
  const type = headers.get('Content-Type') ?? '';
  if (!response.ok) return { reason: `the server answers with HTTP status ${status}`, cure: placement(file), details: { status } };
  if (!/^\s*(text|application)\/(x-)?(javascript|ecmascript)/i.test(type)) {
    const reason = `the server sends ${type === '' ? 'no Content-Type' : `the type ${type}`} and not text/javascript`;
    return { reason, cure: /html/i.test(type) ? placement(file) : '', details: { status, contentType: type } };
  }
  // An answer of another origin needs neither, only CORS headers.
  if (isOwnOrigin(file) && globalThis.crossOriginIsolated && headers.get('Cross-Origin-Embedder-Policy') === null) {
    return {
      reason: 'its answer has no Cross-Origin-Embedder-Policy, which the page has',
      cure: 'Send the header with scripts too: Cross-Origin-Embedder-Policy: require-corp (or credentialless, as the page does).',
      details: { status, header: 'Cross-Origin-Embedder-Policy' },
    };
  }
  return undefined;
}

/**
 * Where a file that is not there may be.
 * @param {string} file
 */
export function placement(file) {
  const here = import.meta.url ?? ''; // a bundle in an old format has none
  if (/\/\.(vite|cache\/vite)\//.test(`${file} ${here}`)) {
    return "Vite's development server has packed the library without its workers: set optimizeDeps: { exclude: ['bitnet-web'] } in vite.config.js.";
  }
  return (
    "Serve engine.js, compute.js and the folder wasm/ of the package, node_modules/bitnet-web, beside the script that holds the library: " +
    "a bundler may have left them behind (esbuild, Rollup). Or serve them elsewhere and load with workerUrl: '…/engine.js'."
  );
}

/**
 * The sentence for violations of the page's policy.
 * @param {string} address
 * @param {Violation[]} violations
 * @returns {Cause | undefined}
 */
function refused(address, violations) {
  // Without worker-src its place is taken by child-src, script-src or default-src.
  const violation = violations.find(({ disposition, effectiveDirective }) =>
    disposition === 'enforce' && /^(worker|script|child|connect|default)-src/.test(effectiveDirective),
  );
  if (violation === undefined) return undefined;
  const { effectiveDirective: directive, blockedURI } = violation;
  return {
    reason: `the page's Content-Security-Policy forbids it (${directive} refused ${blockedURI})`,
    cure: `The policy needs ${wishes(address)}.`,
    details: { directive, blocked: blockedURI },
  };
}

/**
 * The directives that a policy needs for workers.
 * @param {string} address
 */
function wishes(address) {
  if (isOwnOrigin(address)) return "worker-src 'self' and script-src 'self' 'wasm-unsafe-eval'";
  const { origin } = new URL(address);
  return `worker-src blob:, script-src ${origin} 'wasm-unsafe-eval' and connect-src ${origin}, as the library is loaded from another origin`;
}

/** @param {string} text of a module @param {string} base its address */
function importsOf(text, base) {
  const names = [...text.matchAll(IMPORT)].map(([, name]) => name);
  return names.filter((name) => URL.canParse(name, base)).map((name) => new URL(name, base).href);
}

/** @param {string} address */
function isOwnOrigin(address) {
  return new URL(address).origin === globalThis.origin;
}
