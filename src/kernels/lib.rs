//! The hot loops. The only place, with the pool, that holds intrinsics and `unsafe`.
//!
//! Ternary weights times int8 activations is exact integer arithmetic, so every kernel gives the same bits as the
//! scalar one; f32 reductions are written with one fixed lane order. What [`conformance`] checks is therefore
//! equality, not closeness.
//!
//! | kernel | needs | how it multiplies |
//! |---|---|---|
//! | `scalar` | nothing | one weight at a time; the reference |
//! | `mad` | simd128 | weights masked in place in 16-bit lanes, `i32x4.dot_i16x8_s` with pre-shifted activations |
//! | `lut` | simd128 | pairs of weights index a table of their 9 sums by byte swizzle, 16 rows at a time |
//! | `relaxed` | relaxed-simd | `i32x4.relaxed_dot_i8x16_i7x16_add_s`: one instruction where the CPU has VNNI or dot products |
//! | `relaxed16` | relaxed-simd | `i16x8.relaxed_dot_i8x16_i7x16_s`, widened late: fewer instructions where it has not |
//!
//! These are for one token. A batch is multiplied in one way by all of them but `scalar`: with a table of the 81 sums of
//! four columns (`batch.rs`).

mod activations;
mod attention;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod batch;
mod buffer;
pub mod conformance;
mod elementwise;
pub mod error;
mod exp;
mod kind;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod lut;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod mad;
mod matmul;
mod packed;
pub mod pool;
pub mod read_limit;
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod relaxed;
mod rope;
mod rounding;
mod rows;
mod scalar;
pub mod select;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod streams;
mod ternary;
mod ticking;
mod units;
mod vector;

pub use activations::Activations;
pub use attention::{AttentionScratch, FloatBlock, HeadShape, Int8Block, KV_BLOCK, KvLayer, attend};
pub use elementwise::{add, relu2_gate, rmsnorm, silu_gate};
pub use error::{Error, ErrorKind, Result};
pub use kind::KernelKind;
pub use matmul::{Job, matmul};
pub use rope::Rope;
pub use rows::{RowBuilder, RowFormat, RowMatrix};
pub use ternary::{TernaryBuilder, TernaryMatrix};
