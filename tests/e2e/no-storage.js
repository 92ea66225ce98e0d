const how = new URLSearchParams(location.search).get('how');
const refusal = new DOMException('no storage here', how === 'fails' ? 'InvalidStateError' : 'SecurityError');
/** @type {Record<string, unknown>} */
const storages = {
  missing: undefined,
  // Blocked site data.
  throws: {
    open() {
      throw refusal;
    },
  },
  // Private windows of Firefox did this for years.
  fails: {
    open() {
      const request = Object.assign(new EventTarget(), { error: refusal, onerror: /** @type {(() => void) | null} */ (null) });
      setTimeout(() => request.onerror?.());
      return request;
    },
  },
};
if (how === 'no locks') {
  Object.defineProperty(navigator, 'locks', { value: undefined });
  Object.defineProperty(globalThis, 'BroadcastChannel', { value: undefined });
} else {
  Object.defineProperty(globalThis, 'indexedDB', { value: storages[how ?? 'missing'] });
}
export {};
