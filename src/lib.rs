//! `bitnet-web`: ternary large language models in a browser tab, on the CPU.
//!
//! The house, from the foundation up. A module uses those above it in this list, never those below.
//!
//! * [`kernels`], a crate of its own: the hot loops and the thread [`pool`], the only unsafe code, the [`error`] type. [`stopwatch`]: the
//!   time of each part of a token.
//! * [`gguf`]: header, metadata and tensor list of a GGUF file. [`quant`]: its codecs, one per file.
//! * [`adapter`]: LoRA as its files have it.
//! * [`model`]: configuration, weights and KV cache; `model::graph` has the forward pass of each model family.
//! * [`tokenizer`], [`chat`], [`sample`]: text to tokens and back, chat templates (in the language of `bitnet_jinja`, a crate of its own), sampling.
//! * [`load`]: bytes in, a model out. [`generate`]: a prompt in, events out. [`threads`]: how many threads to use.
//! * [`source`]: the decisions of a download; it does no I/O.
//! * [`checkpoint`]: a folder of safetensors and JSON becomes what a GGUF file's header is.
//! * `web`, for wasm32 alone: `api` is called by JavaScript, `storage` downloads and keeps files, `runtime` has threads, memory
//!   and clocks.
//!
//! All but `web` compiles natively: it fetches nothing, stores nothing and reads no clock but the one that it is given.

#![cfg_attr(all(test, target_arch = "wasm32"), feature(custom_test_frameworks, test), test_runner(run_in_browser))]
#![deny(unsafe_code)]

pub mod adapter;
pub mod chat;
pub mod checkpoint;
pub mod generate;
pub mod gguf;
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
