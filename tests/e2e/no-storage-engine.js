// An engine worker of a browser that gives no storage, as private windows of some do: `?how=missing`, `throws` or `fails`;
// or, with `?how=no locks`, nothing that tabs could agree by.
import './no-storage.js';
// @ts-expect-error an address of the test's server
import '/dist/engine.js';
