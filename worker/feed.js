// A stream of bytes that the page reads and the engine worker pulls, piece by piece. (Not every browser can transfer a
// ReadableStream.)

/**
 * The page's end: answers each `pull` with the next piece.
 * @param {ReadableStream<Uint8Array>} stream
 * @returns {MessagePort} the engine's end, to be transferred
 */
export function feed(stream) {
  const { port1, port2 } = new MessageChannel();
  const reader = stream.getReader();
  port1.onmessage = async ({ data }) => {
    if (data === 'cancel') {
      port1.close();
      await reader.cancel().catch(() => {}); // the source's own business
      return;
    }
    try {
      const { done, value } = await reader.read();
      if (done) return port1.postMessage({ end: true });
      if (!ArrayBuffer.isView(value)) throw new TypeError('the stream gave something else than bytes');
      const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
      port1.postMessage({ bytes }, [bytes.buffer]);
    } catch (error) {
      port1.postMessage({ error: String(error) });
    }
  };
  return port2;
}

/**
 * The engine's end.
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
