//! What only a browser has: the wasm-bindgen facade, ranged fetch, the IndexedDB store, the thread entry.
