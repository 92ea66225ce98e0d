// Tries what the sealed policy forbids to workers, and tells whether it was refused. The address belongs to nobody: names under
// `.invalid` are reserved for that (RFC 2606).
const done = (/** @type {boolean} */ refused) => self.postMessage(refused);
self.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => done(effectiveDirective === 'connect-src'));
fetch('https://bitnet-web.invalid/').then(
  () => done(false),
  // The event of a violation comes first; without one the policy has let the attempt through.
  () => setTimeout(done, 500, false),
);
