/**
 * The service worker behind coi.js. It does three things for the files of this site, and nothing for any other:
 *
 * 1. Adds the isolation headers to documents and scripts, worker scripts included. `require-corp` and not
 *    `credentialless`: the pages embed nothing from elsewhere, models come by fetch() with CORS, which
 *    `require-corp` lets through, and Safari knows no `credentialless`.
 *    Worker scripts get the page's Content-Security-Policy too: a worker has its own, not the page's.
 * 2. Keeps the files of one version of the site, the ones that `site.js` lists with their hashes, and answers with them at once,
 *    with a network and without. What does not have its hash is passed on and not kept, so versions are never mixed. Nothing
 *    else is kept: what another application of this origin answers may be private. Models are none of its business: ranged
 *    requests and .gguf files go to the network untouched, and the library keeps them in IndexedDB.
 * 3. Brings a new version in beside the old one, and lets the page say when it takes over.
 *
 * On this machine's own addresses another program may answer next, so there the network is asked first, and a server that has
 * no `site.js` any more is left alone.
 */

/**
 * The content of `site.js`, which the site's build writes.
 * @typedef {object} Site
 * @property {string} version
 * @property {string} policy the Content-Security-Policy of its pages
 * @property {string} sealedPolicy the one that allows no connection elsewhere
 * @property {Record<string, string>} files SHA-256 in hexadecimal by address relative to this script
 */

/** @typedef {{ type: 'keep', variant: string } | { type: 'take-over' }} Request What a page asks for. */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

importScripts('./site.js');
const { version, policy, sealedPolicy, files } = /** @type {{ SITE: Site }} */ (/** @type {unknown} */ (self)).SITE;

const PREFIX = 'bitnet-web.files.';
const CACHE = PREFIX + version;
const HASHES = new Map(Object.entries(files).map(([name, hash]) => [new URL(name, location.href).href, hash]));
const IS_LOCAL = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
/** The folder of the module that makes answers follow a form: every browser runs the same one. */
const GRAMMAR = 'grammar';
/** Files that are fetched at once while a version is brought in. */
const AT_ONCE = 4;

/** What pages have asked to keep, one after another: the second of two finds what the first has brought. */
let keeping = Promise.resolve(true);

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

worker.addEventListener('install', (event) => {
  event.waitUntil(
    (async () => {
      // The first one has nothing to wait for. A later one is whole before it may take over.
      if (worker.registration.active) await keepAll(await variantsKept());
      else await worker.skipWaiting();
    })(),
  );
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
      await Promise.all(old.map((name) => caches.delete(name)));
      // Not awaited: Firefox waits for an answer of every client, and an idle thread of the engine, blocked in Atomics.wait, gives
      // none. The activation would never end, and with it every request of the claimed pages.
      void worker.clients.claim();
    })(),
  );
});

worker.addEventListener('message', (event) => {
  const request = /** @type {Request} */ (event.data);
  if (request.type === 'take-over') event.waitUntil(worker.skipWaiting());
  if (request.type === 'keep') {
    keeping = keeping.then(() => keepAll([request.variant]));
    event.waitUntil(keeping.then((whole) => event.source?.postMessage({ type: 'kept', whole })));
  }
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const ours =
    request.method === 'GET' && url.origin === location.origin && request.url.startsWith(worker.registration.scope);
  if (!ours || request.headers.has('range') || url.pathname.endsWith('.gguf')) return;
  event.respondWith(answer(event, url));
});

/**
 * @param {FetchEvent} event
 * @param {URL} url
 * @returns {Promise<Response>}
 */
async function answer(event, url) {
  const { request } = event;
  // A query changes what a page does, not which file it is.
  const name = url.origin + url.pathname;
  const policyOfWorker = url.pathname.includes('/sealed/') ? sealedPolicy : policy;
  const isolated = (/** @type {Response} */ response) =>
    withHeaders(response, request.destination === 'worker' ? policyOfWorker : '');
  if (!HASHES.has(name) || request.headers.has('authorization')) return isolated(await fetch(request));
  if (!IS_LOCAL) {
    const kept = await found(name);
    if (kept) return isolated(kept);
  } else if (request.mode === 'navigate') {
    event.waitUntil(leaveOthersAlone());
  }
  try {
    const response = await fetch(request);
    if (isWhole(response)) event.waitUntil(keep(name, response.clone()));
    return isolated(response);
  } catch (error) {
    const kept = await found(name);
    if (kept) return isolated(kept);
    throw error;
  }
}

/** @param {string} name @returns {Promise<Response | undefined>} */
async function found(name) {
  try {
    return await (await caches.open(CACHE)).match(name);
  } catch {
    return undefined; // storage is refused
  }
}

/** @param {Response} response */
function isWhole(response) {
  return response.status === 200 && response.type === 'basic' && !response.redirected;
}

/**
 * Keeps a file of this version.
 * @param {string} name
 * @param {Response} response
 * @returns {Promise<boolean>} whether it is one
 */
async function keep(name, response) {
  try {
    // Read once and whole: in Firefox a copy that nobody reads keeps its connection, and all others wait for one in vain.
    const { status, headers } = response;
    const bytes = await response.arrayBuffer();
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (hash !== HASHES.get(name)) return false;
    await (await caches.open(CACHE)).put(name, new Response(bytes, { status, headers }));
    return true;
  } catch {
    return false; // cut off, or no room
  }
}

/**
 * Keeps every file that the site needs without a network: those that are missing come from an earlier version, from the
 * browser's cache or from the server.
 * @param {string[]} variants of the engine that this browser runs
 * @returns {Promise<boolean>} whether all of them are there
 */
async function keepAll(variants) {
  const wanted = [...HASHES.keys()].filter((name) => {
    const variant = variantOf(name);
    return variant === undefined || variant === GRAMMAR || variants.includes(variant);
  });
  let whole = true;
  const next = async () => {
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) whole = (await bring(name)) && whole;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return whole;
}

/** @param {string} name @returns {Promise<boolean>} */
async function bring(name) {
  if (await found(name)) return true;
  const old = await caches.match(name).catch(() => undefined);
  if (old && (await keep(name, old))) return true;
  for (const cache of /** @type {const} */ (['force-cache', 'reload'])) {
    try {
      const response = await fetch(name, { cache });
      if (isWhole(response) && (await keep(name, response))) return true;
    } catch {
      return false;
    }
  }
  return false;
}

/**
 * The engine's build that a WebAssembly file belongs to; its script is small and always wanted.
 * @param {string} name
 */
function variantOf(name) {
  return /\/wasm\/(\w+)\/\w+\.wasm$/.exec(name)?.[1];
}

/** The engine's builds that an earlier version has kept. */
async function variantsKept() {
  const variants = new Set();
  for (const name of HASHES.keys()) {
    const variant = variantOf(name);
    if (variant !== undefined && (await caches.match(name))) variants.add(variant);
  }
  return [...variants];
}

/** Goes where the server at this address is another one by now. */
async function leaveOthersAlone() {
  try {
    const { status, body } = await fetch(new URL('./site.js', location.href), { cache: 'no-store' });
    await body?.cancel();
    if (status === 404) await worker.registration.unregister();
  } catch {
    // no server at all: the kept files are all that there is
  }
}

/**
 * A copy of a response with the isolation headers and, unless it is empty, a policy. Redirects and opaque responses cannot be
 * rebuilt and stay as they are.
 * @param {Response} response
 * @param {string} policy
 */
function withHeaders(response, policy) {
  if (response.status === 0 || response.type === 'opaqueredirect') return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  // Appended to one of the host's own, it only forbids more.
  if (policy !== '') headers.append('Content-Security-Policy', policy);
  const empty = [204, 205, 304].includes(response.status);
  return new Response(empty ? null : response.body, {
    status: response.status,
    statusText: response.statusText,
    headers,
  });
}
