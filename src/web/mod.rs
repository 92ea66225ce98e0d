//! The browser side, in three folders: `api` (the functions that JavaScript calls) uses `storage` (download, IndexedDB,
//! locks), and both use `runtime` (threads, memory, clocks, globals). Imports go in this direction only.

mod api;
mod runtime;
mod storage;

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
    runtime::panic::install_hook();
    runtime::memory::set_limit(max_pages);
}
