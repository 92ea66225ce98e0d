//! The hot loops. The only place, with the pool, that holds intrinsics and `unsafe`.
//!
//! Ternary weights times int8 activations is exact integer arithmetic, so every kernel gives the same bits as the
//! scalar one; f32 reductions are written with one fixed lane order. What [`conformance`] checks is therefore
//! equality, not closeness.

#![cfg_attr(all(test, target_arch = "wasm32"), feature(custom_test_frameworks, test), test_runner(run_in_browser))]

mod attention;
mod buffer;
mod coarse_timer;
pub mod conformance;
mod elementwise;
mod embedding;
pub mod error;
mod exp;
pub mod pool;
pub mod read_limit;
mod rope;
mod rounding;
mod row_groups;
mod scales;
pub mod select;
mod simd;
mod ternary;
mod vector;

pub use attention::{AttentionScratch, FloatBlock, HeadShape, Int8Block, KV_BLOCK, KvLayer, attend};
pub use elementwise::{add, relu2_gate, rmsnorm, silu_gate};
pub use embedding::{RowBuilder, RowFormat, RowMatrix};
pub use error::{Error, ErrorKind, Result};
pub use rope::{PairOrder, Rope};
pub use scales::{GroupColumns, Scales};
pub use ternary::{Activations, Feature, Job, Kernel, TernaryBuilder, TernaryMatrix, matmul};

#[cfg(all(test, target_arch = "wasm32"))]
fn run_in_browser(tests: &[&test_harness::Test]) {
    pool::start_workers_by(test_harness::spawn);
    test_harness::run(tests);
}
