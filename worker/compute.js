// A compute worker: shares the engine's memory, then works for its pool.
import { crashOf, glueOf, THREAD_STACK_SIZE } from './glue.js';
import { toWire } from './error.js';

/** @import { FromCompute, FromThread, ToCompute, ToThread } from './protocol.js' */
/** @import { Variant } from './variant.js' */

/**
 * @param {Variant} variant
 * @param {MessagePort} port
 * @param {ToThread} message
 */
async function obey(variant, port, message) {
  const glue = glueOf(variant);
  try {
    if (message.type === 'join') {
      const { module, memory } = message;
      await glue.default({ module_or_path: module, memory, thread_stack_size: THREAD_STACK_SIZE });
      port.postMessage(/** @type {FromThread} */ ({ type: 'ready' }));
    } else {
      glue.enter_pool(message.ticket, message.index); // blocks until the pool is dropped
    }
  } catch (thrown) {
    const error = crashOf(glue, thrown) ?? toWire(thrown);
    self.postMessage(/** @type {FromCompute} */ ({ type: 'crash', error }));
  }
}

self.postMessage(/** @type {FromCompute} */ ({ type: 'hello' }));

self.onmessage = (/** @type {MessageEvent<ToCompute>} */ { data }) => {
  const { variant, port } = data;
  port.onmessage = (/** @type {MessageEvent<ToThread>} */ { data: message }) => void obey(variant, port, message);
};
