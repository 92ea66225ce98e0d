//! What lets every `#[test]` run natively and, as WebAssembly with the release's flags, in the browser.
//!
//! In the browser a test crate's `main` hands its tests to [`run`] instead of Rust's own runner, which needs processes,
//! unwinding and a standard output. `tests/e2e/harness-wasm.mjs` then calls them one by one.

#![cfg_attr(target_arch = "wasm32", feature(test))]

#[cfg(target_arch = "wasm32")]
extern crate test;

pub mod files;

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
pub use browser::{run, spawn};
/// A test as the compiler describes it.
#[cfg(target_arch = "wasm32")]
pub use test::TestDescAndFn as Test;
