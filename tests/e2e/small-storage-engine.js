// An engine worker of a browser that says it has only so much room left: `?room=BYTES`.
import './small-storage.js';
// @ts-expect-error an address of the test's server
import '/dist/engine.js';
