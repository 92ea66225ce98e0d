// A computation in the engine worker runs in steps. Between two of them the event loop runs other tasks, so that a cancel can
// arrive.

/**
 * A text is computed in pieces of this many milliseconds and one layer of the model more: half of what an abort may wait
 * for, as a layer may take as long as all before it.
 */
export const STEP_LIMIT = 90;

const { port1, port2 } = new MessageChannel();
/** Resolve functions of those who wait for another task, in the order of asking. @type {(() => void)[]} */
const waiting = [];

/**
 * Goes on in a new task, after those that wait already. A timer would be clamped to 4 ms.
 * @returns {Promise<void>}
 */
export function nextTask() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    port1.onmessage = () => waiting.shift()?.();
    port2.postMessage(undefined);
  });
}
