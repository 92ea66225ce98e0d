// An engine worker of a browser in which Blobs have no streams of bytes, or streams that stop.
import './stalled-streams.js';
// @ts-expect-error an address of the test's server
import '/dist/engine.js';
