// Notices that the page has slept: the machine was suspended, the browser froze the page, or kept it for the way back. Workers may
// not have survived that.

/** Milliseconds between two looks at the clock. */
const TICK = 5000;

/** A clock that is so many milliseconds further than it should be has gone on without the page. */
const JUMP = 15_000;

/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {ReturnType<typeof setInterval> | undefined} */
let timer;
let last = 0;

function wake() {
  for (const listener of [...listeners]) listener();
}

function tick() {
  const now = Date.now();
  // A hidden page's timers are slowed down, which looks like sleep; it looks again when it is shown.
  if (now - last > TICK + JUMP && globalThis.document?.visibilityState !== 'hidden') wake();
  last = now;
}

/** @param {Event} event */
function shown(event) {
  if (event.type !== 'pageshow' || /** @type {PageTransitionEvent} */ (event).persisted) wake();
}

/**
 * Calls a listener whenever the page has slept.
 * @param {() => void} listener
 * @returns {() => void} ends it
 */
export function onWake(listener) {
  if (listeners.size === 0) {
    last = Date.now();
    timer = setInterval(tick, TICK);
    globalThis.document?.addEventListener('resume', shown);
    globalThis.addEventListener?.('pageshow', shown);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    globalThis.document?.removeEventListener('resume', shown);
    globalThis.removeEventListener?.('pageshow', shown);
  };
}

/** Whether the page is hidden; a worker never is. */
export function isHidden() {
  return globalThis.document?.visibilityState === 'hidden';
}

/**
 * Calls a listener whenever the page is hidden or shown.
 * @param {() => void} listener
 * @returns {() => void} ends it
 */
export function onVisibility(listener) {
  globalThis.document?.addEventListener('visibilitychange', listener);
  return () => globalThis.document?.removeEventListener('visibilitychange', listener);
}
