//! `bitnet-web`: ternary large language models in a browser tab, on the CPU.

#![cfg_attr(all(test, target_arch = "wasm32"), feature(custom_test_frameworks, test), test_runner(run_in_browser))]
#![deny(unsafe_code)]

pub mod chat;
pub mod generate;
pub mod gguf;
mod jinja;
pub mod load;
pub mod model;
pub mod quant;
pub mod sample;
pub mod source;
pub mod stopwatch;
pub mod threads;
pub mod tokenizer;
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "wasm-bindgen's glue, the allocator that tells what was refused, the pool's tickets")]
mod web;

pub use bitnet_kernels::{self as kernels, error, pool};
pub use error::{Error, ErrorKind, Result};

#[cfg(all(test, target_arch = "wasm32"))]
fn run_in_browser(tests: &[&test_harness::Test]) {
    pool::start_workers_by(test_harness::spawn);
    test_harness::run(tests);
}
