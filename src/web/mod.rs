//! What only a browser has: the wasm-bindgen facade, ranged fetch, the IndexedDB store, the thread entry.

// The tokenizer's random numbers; only the feature that fetches them from the browser is chosen here.
use getrandom as _;
mod blob;
mod bytes;
mod cache;
mod directory;
mod engine;
mod error;
mod feed;
mod fetch;
mod inbox;
mod locks;
mod memory;
mod options;
mod panic;
mod probe;
mod remote;
mod scope;
mod self_test;
mod source;
mod source_options;
mod store;
mod task;
mod thread;
mod timeline;
mod writer;

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of this package, as in its Cargo.toml.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// Prepares a fresh instance, whose memory may grow to `max_pages`. Called once, before anything else, by the worker that
/// instantiates it.
#[wasm_bindgen]
pub fn prepare(max_pages: u32) {
    panic::install_hook();
    memory::set_limit(max_pages);
}
