/**
 * Threads need a page that is cross-origin isolated, which takes two response headers. Where the host does not send
 * them (GitHub Pages and most static hosts), a service worker adds them: it is registered here and the page reloaded
 * once. Nothing happens on a page that is isolated already, without service workers, or after ?isolate=no.
 */

/** Marks that this tab was reloaded for isolation, so that it is not reloaded in a circle. */
const RELOADED = 'bitnet-web.reloaded-for-isolation';
/** Longest wait for the service worker before the page goes on with one thread, in milliseconds. */
const PATIENCE = 4000;

/**
 * Resolves when the page may start. Never resolves when the page is about to be reloaded.
 * @returns {Promise<void>}
 */
export async function isolate() {
  if (self.crossOriginIsolated) {
    mark(null);
    return;
  }
  const wanted = new URLSearchParams(location.search).get('isolate') !== 'no';
  if (!wanted || !self.isSecureContext || !('serviceWorker' in navigator) || mark() !== null) return;
  const active = await Promise.race([
    activated(),
    new Promise((resolve) => {
      setTimeout(resolve, PATIENCE, false);
    }),
  ]);
  // Without a place for the mark (storage refused) a reload might repeat for ever, so there is none.
  if (!active || !mark('yes')) return;
  location.reload();
  await new Promise(() => {});
}

/**
 * Lets the page open without a network next time: asks the service worker to keep the whole site.
 * @param {string} variant of the engine that runs here
 */
export async function keepForOffline(variant) {
  if (!self.crossOriginIsolated || !self.isSecureContext || !('serviceWorker' in navigator)) return;
  if (!(await activated())) return;
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage({ type: 'keep', variant });
}

/**
 * Tells of a new version of the site that is here, whole, and waits. Nothing happens to the page before `takeOver` is called.
 * @param {(takeOver: () => void) => void} onOffer
 */
export async function watchForUpdate(onOffer) {
  if (!self.isSecureContext || !('serviceWorker' in navigator)) return;
  const registration = await navigator.serviceWorker.getRegistration().catch(() => undefined);
  if (!registration) return;
  const offer = (/** @type {ServiceWorker} */ waiting) =>
    onOffer(() => {
      navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
      waiting.postMessage({ type: 'take-over' });
    });
  const look = () => {
    if (registration.waiting && registration.active) offer(registration.waiting);
  };
  registration.addEventListener('updatefound', () => {
    registration.installing?.addEventListener('statechange', look);
  });
  look();
}

/** @returns {Promise<boolean>} whether a service worker controls this page's addresses now */
async function activated() {
  try {
    await navigator.serviceWorker.register(new URL('./coi-sw.js', import.meta.url), { updateViaCache: 'none' });
    await navigator.serviceWorker.ready;
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the mark, or sets it, or with null removes it.
 * @param {string | null} [value]
 * @returns {string | null} the mark after the call; null where storage is refused
 */
function mark(value) {
  try {
    if (value === null) sessionStorage.removeItem(RELOADED);
    else if (value) sessionStorage.setItem(RELOADED, value);
    return sessionStorage.getItem(RELOADED);
  } catch {
    return null;
  }
}
