/**
 * The service worker behind coi.js. It does two things for the files of this site, and nothing for any other:
 *
 * 1. Adds the isolation headers to documents and scripts, worker scripts included. `require-corp` and not
 *    `credentialless`: the pages embed nothing from elsewhere, models come by fetch() with CORS, which
 *    `require-corp` lets through, and Safari knows no `credentialless`.
 *    Worker scripts get the page's Content-Security-Policy too: a worker has its own, not the page's.
 * 2. Keeps a copy of each file that `site.json` lists, and answers with it when the network fails. Nothing else is kept:
 *    what another application of this origin answers may be private. The network is always asked first, so no old file
 *    is ever served while there is a connection. Models are none of its business: ranged requests and .gguf files go to
 *    the network untouched, and the library keeps them in IndexedDB.
 */

/**
 * The content of `site.json`, which the site's build writes.
 * @typedef {object} Site
 * @property {string} policy the Content-Security-Policy of its pages
 * @property {string[]} files addresses relative to this script
 */

const FILES = 'bitnet-web.files.2';
const SITE = new URL('./site.json', location.href).href;

const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener('install', () => {
  void worker.skipWaiting();
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      const old = (await caches.keys()).filter((name) => name.startsWith('bitnet-web.files.') && name !== FILES);
      await Promise.all(old.map((name) => caches.delete(name)));
      await worker.clients.claim();
    })(),
  );
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const ours =
    request.method === 'GET' && url.origin === location.origin && request.url.startsWith(worker.registration.scope);
  if (!ours || request.headers.has('range') || url.pathname.endsWith('.gguf')) return;
  event.respondWith(answer(event, url));
});

/** @type {Promise<{ policy: string, files: Set<string> }> | undefined} */
let known;

/** The site's own list, asked once in this worker's life, which is short; the kept one where the network fails. */
function site() {
  known ??= (async () => {
    const files = await caches.open(FILES);
    try {
      const response = await fetch(SITE, { cache: 'no-cache' });
      if (response.ok) await files.put(SITE, response);
    } catch {
      known = undefined; // offline: asked again next time
    }
    /** @type {Site} */
    const { policy, files: names } = (await (await files.match(SITE))?.json()) ?? { policy: '', files: [] };
    return { policy, files: new Set(names.map((name) => new URL(name, SITE).href)) };
  })().catch(() => ({ policy: '', files: new Set() }));
  return known;
}

/**
 * @param {FetchEvent} event
 * @param {URL} url
 * @returns {Promise<Response>}
 */
async function answer(event, url) {
  const { request } = event;
  const { policy, files } = await site();
  // A query changes what a page does, not which file it is.
  const name = url.origin + url.pathname;
  const isolated = (/** @type {Response} */ response) => withHeaders(response, request.destination === 'worker' ? policy : '');
  if (!files.has(name) || request.headers.has('authorization')) return isolated(await fetch(request));
  try {
    const response = await fetch(request);
    if (response.status === 200 && response.type === 'basic' && !response.redirected) {
      const copy = response.clone();
      event.waitUntil(
        caches
          .open(FILES)
          .then((files) => files.put(name, copy))
          .catch(() => {}),
      );
    }
    return isolated(response);
  } catch (error) {
    const kept = await caches
      .open(FILES)
      .then((files) => files.match(name))
      .catch(() => undefined);
    if (kept) return isolated(kept);
    throw error;
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
