// An engine worker of a browser in which nothing larger than `?most=BYTES` may be read from a Blob at once.
import './small-reads.js';
// @ts-expect-error an address of the test's server
import '/dist/engine.js';
