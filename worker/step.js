// What bounds the steps of a computation in the engine worker: between two of them the event loop turns, and a cancel can
// arrive.

/**
 * A text is computed in pieces of this many milliseconds and one layer of the model more: half of what an abort may wait
 * for, as a layer may take as long as all before it.
 */
export const STEP_LIMIT = 90;

const { port1, port2 } = new MessageChannel();
/** Who waits for a turn of the event loop, in the order of asking. @type {(() => void)[]} */
const breathing = [];

/**
 * One turn of the event loop. A timer would be clamped to 4 ms. Those who ask earlier go on earlier.
 * @returns {Promise<void>}
 */
export function breathe() {
  return new Promise((resolve) => {
    breathing.push(resolve);
    port1.onmessage = () => breathing.shift()?.();
    port2.postMessage(undefined);
  });
}
