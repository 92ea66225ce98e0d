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
 * Lets the page open without a network next time, on hosts that isolate it themselves. Not on this machine's own
 * addresses: whatever is served there next, on the same port, is none of this page's business.
 */
export async function keepForOffline() {
  const local = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  if (self.crossOriginIsolated && self.isSecureContext && 'serviceWorker' in navigator && !local) await activated();
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
