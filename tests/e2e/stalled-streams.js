// Blobs whose streams of bytes are as `?streams=` says: none, never answering, or stopping within the first piece.
const streams = new URLSearchParams(location.search).get('streams');
const { prototype } = ReadableStreamBYOBReader;
const { read } = prototype;
let reads = 0;
if (streams === 'none') {
  Reflect.deleteProperty(globalThis, 'ReadableStreamBYOBReader');
} else {
  prototype.read = /** @type {typeof read} */ (function (/** @type {Uint8Array} */ view) {
    // @ts-expect-error `this` is the reader
    return streams === 'stop' && reads++ === 0 ? read.call(this, new Uint8Array(view.buffer, 0, 1000)) : new Promise(() => {});
  });
}
export {};
