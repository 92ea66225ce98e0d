// An engine worker of a browser without `Atomics.waitAsync`, such as Firefox ESR 140.
import './no-wait-async.js';
// @ts-expect-error an address of the test's server
import '/dist/engine.js';
