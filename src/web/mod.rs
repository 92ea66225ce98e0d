//! What only a browser has: the wasm-bindgen facade, ranged fetch, the IndexedDB store, the thread entry.

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this package, as in the Cargo.toml.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
