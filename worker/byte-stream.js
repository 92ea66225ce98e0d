// A stream of bytes: the page reads it, and the engine worker asks for it piece by piece. (Not every browser can transfer a
// ReadableStream.)

/** Bytes that are handed over at once, at most: a stream may give everything in one piece, for which the engine has no room. */
const PIECE = 4 * 1024 * 1024;

/**
 * The page's end of the channel: answers each `pull` with the next bytes.
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {{ port: MessagePort, release: () => void }} the engine's end, to be transferred; `release` ends the reading and
 *   cancels what was not read
 */
export function serveStream(stream) {
  const { port1, port2 } = new MessageChannel();
  const reader = stream.getReader();
  /** The rest of the last piece, which the engine has not taken yet. */
  let rest = /** @type {Uint8Array} */ (new Uint8Array());
  const release = () => {
    port1.onmessage = null;
    port1.close();
    reader.cancel().catch(() => {}); // the source's own business
  };
  port1.onmessage = async ({ data }) => {
    if (data === 'cancel') return release();
    try {
      while (rest.length === 0) {
        const { done, value } = await reader.read();
        if (done) return port1.postMessage({ end: true });
        if (!ArrayBuffer.isView(value)) throw new TypeError('the stream gave something else than bytes');
        rest = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      }
      const bytes = rest.slice(0, PIECE);
      rest = rest.subarray(PIECE);
      port1.postMessage({ bytes }, [bytes.buffer]);
    } catch (error) {
      port1.postMessage({ error: String(error) });
    }
  };
  return { port: port2, release };
}

/**
 * The engine's end of the channel.
 * @param {MessagePort} port
 * @returns {ReadableStream<Uint8Array>}
 */
export function streamFrom(port) {
  return new ReadableStream(
    {
      pull(controller) {
        return new Promise((resolve) => {
          port.onmessage = ({ data }) => {
            if (data.bytes) controller.enqueue(data.bytes);
            else if (data.end) controller.close();
            else controller.error(new Error(data.error));
            resolve();
          };
          port.postMessage('pull');
        });
      },
      cancel() {
        port.postMessage('cancel');
      },
    },
    { highWaterMark: 0 },
  );
}
