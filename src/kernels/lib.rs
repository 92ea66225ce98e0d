//! The hot loops of bitnet-web, with the thread pool and the error type that they need: a crate of its own, so that it is
//! compiled and tested in seconds (`cargo xtask kernels`). It is the only place, with the pool, that holds intrinsics, and
//! nearly all `unsafe` is here.
//!
//! Ternary weights times int8 activations is exact integer arithmetic, so every kernel gives the same bits as the
//! scalar one; f32 reductions are written with one fixed lane order. What [`conformance`] checks is therefore
//! equality, not closeness.
//!
//! To add ...
//!
//! * **a ternary kernel**: a file in `ternary/` that implements `TernaryKernel`; in `ternary/mod.rs` its module and its line
//!   of the table, in `ternary/list.rs` its line of the list. Options, conformance, measurement, self test and pages read
//!   that list.
//! * **a layout** of ternary weights: a file in `ternary/` that implements `Layout`, and its module in `ternary/mod.rs`.
//! * **a vector routine**: its code on the names of `simd/`, and beside it a `check` against its definition, listed in
//!   `conformance/mod.rs`.
//! * **an instruction**: its name in `simd/mod.rs`, and its definition in `simd/portable.rs`.
//!
//! Raw pointers are the pool's, the buffers', the vectors' and those of the products whose threads share an output: the
//! modules below that allow `unsafe`. Each use says why it is sound.

#![cfg_attr(all(test, target_arch = "wasm32"), feature(custom_test_frameworks, test), test_runner(run_in_browser))]
#![deny(unsafe_code)]

mod attention;
#[allow(unsafe_code, reason = "bytes as numbers")]
mod buffer;
mod coarse_timer;
pub mod conformance;
mod elementwise;
#[allow(unsafe_code, reason = "threads write rows of one output")]
mod embedding;
pub mod error;
mod exp;
mod low_rank;
#[allow(unsafe_code, reason = "threads share borrowed closures and slices")]
pub mod pool;
pub mod read_limit;
mod rope;
mod rounding;
mod row_groups;
mod scales;
pub mod select;
#[allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]
mod simd;
#[allow(unsafe_code, reason = "loads through pointers, and threads that write rows of one output")]
mod ternary;
#[allow(unsafe_code, reason = "numbers in their stored forms")]
mod vector;

pub use attention::{AttentionScratch, FloatBlock, HeadShape, Int8Block, KV_BLOCK, KvLayer, Reach, attend};
pub use elementwise::{add, gelu_gate, relu2_gate, rmsnorm, scale, silu_gate};
pub use embedding::{BlockFormat, RowBuilder, RowFormat, RowMatrix};
pub use error::{Error, ErrorKind, Result};
pub use low_rank::{expand, reduce};
pub use rope::{PairOrder, Rope, RopeScaling, Yarn};
pub use scales::{CodeSet, GroupColumns, GroupScheme};
pub use ternary::{
    ActivationScales, Activations, Feature, GroupDecoder, GroupFormat, GroupedActivations, GroupedBuilder, GroupedJob,
    GroupedMatrix, Job, Kernel, TernaryBuilder, TernaryMatrix, grouped_matmul, matmul,
};

#[cfg(all(test, target_arch = "wasm32"))]
fn run_in_browser(tests: &[&test_harness::Test]) {
    pool::start_workers_by(test_harness::spawn);
    test_harness::run(tests);
}
