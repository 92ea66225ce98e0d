//! The runtime's tests against references: codecs, tokenizer, templates, models, answers, and what a file costs.
//!
//! One program, which runs natively and as WebAssembly with the release's flags in the browser (`tests/harness`). Files are
//! read by `test_harness::files`; a test that can only run natively says so and why by
//! `#[cfg_attr(target_arch = "wasm32", ignore = "...")]`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "clippy takes helpers outside of #[test] for shipped code")]
#![cfg_attr(target_arch = "wasm32", feature(custom_test_frameworks, test), test_runner(run_in_browser))]

mod adapters;
mod chat;
mod checkpoints;
mod crowds;
mod embed;
mod embeddings;
mod ends;
mod float_groups;
mod graphs;
mod groups;
mod guesses;
// It measures the memory of its process, so that natively it is a program of its own.
#[cfg(target_arch = "wasm32")]
#[path = "../hostile_file/main.rs"]
mod hostile_file;
mod late_tokenizer;
mod logits_hashes;
mod logits_steps;
mod logprobs;
mod masks;
mod measuring;
mod memory;
mod models;
mod passes;
mod prefixes;
mod quant;
mod support;
mod third_voice;
mod tokenizer;
mod tokenizer_json;
mod transcripts;
mod trials;

#[cfg(target_arch = "wasm32")]
fn run_in_browser(tests: &[&test_harness::Test]) {
    bitnet_web::pool::start_workers_by(test_harness::spawn);
    test_harness::run(tests);
}
