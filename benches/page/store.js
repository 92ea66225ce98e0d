// Writes and reads chunks in IndexedDB as the loader does. Runs in the browser.

const STORE = 'chunks';

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('bitnet-web-bench', 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * One request in a transaction of its own, to its end.
 * @template T
 * @param {IDBDatabase} database
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T>}
 */
function transact(database, mode, ask) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = ask(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * Writes `count` chunks, one after the other.
 * @param {'ArrayBuffer' | 'Blob'} form
 * @param {number} chunkBytes
 * @param {number} count
 * @returns {Promise<number>} milliseconds
 */
export async function write(form, chunkBytes, count) {
  const database = await open();
  const bytes = new Uint8Array(chunkBytes);
  // Noise: the database compresses what can be compressed.
  for (let at = 0; at < chunkBytes; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    const value = form === 'Blob' ? new Blob([bytes]) : bytes.buffer;
    await transact(database, 'readwrite', (store) => store.put(value, i));
  }
  const took = performance.now() - began;
  database.close();
  return took;
}

/**
 * Reads them again, the next one while one is used, and copies each into shared memory, which is what WebAssembly has.
 * @param {number} count
 * @param {number} ahead reads at once
 * @returns {Promise<number>} milliseconds
 */
export async function read(count, ahead) {
  const database = await open();
  /** @param {number} i */
  const get = async (i) => {
    const value = await transact(database, 'readonly', (store) => store.get(i));
    return new Uint8Array(value instanceof Blob ? await value.arrayBuffer() : value);
  };
  const began = performance.now();
  /** @type {Promise<Uint8Array>[]} */
  const reads = [];
  let memory = new Uint8Array();
  for (let i = 0; i < count; i++) {
    while (reads.length < Math.min(ahead, count - i)) reads.push(get(i + reads.length));
    const bytes = await /** @type {Promise<Uint8Array>} */ (reads.shift());
    if (memory.length < bytes.length) memory = new Uint8Array(new SharedArrayBuffer(bytes.length));
    memory.set(bytes);
  }
  const took = performance.now() - began;
  database.close();
  return took;
}
