//! Ternary matrices times int8 activations.
//!
//! Ternary weights times int8 activations is exact integer arithmetic, so every kernel gives the same bits as the scalar
//! one, the reference:
//!
//! | kernel | needs | how it multiplies |
//! |---|---|---|
//! | `scalar` | nothing | one weight at a time; the reference |
//! | `mad` | simd128 | weights masked in place in 16-bit lanes, `i32x4.dot_i16x8_s` with pre-shifted activations |
//! | `lut` | simd128 | pairs of weights index a table of their 9 sums by byte swizzle, 16 rows at a time |
//! | `relaxed` | relaxed-simd | `i32x4.relaxed_dot_i8x16_i7x16_add_s`: one instruction where the CPU has VNNI or dot products |
//! | `relaxed16` | relaxed-simd | `i16x8.relaxed_dot_i8x16_i7x16_s`, widened late: fewer instructions where it has not |
//!
//! Weights with a scale for each group of columns have products of their own, by the same instructions: `grouped/`. Of those, binary
//! weights, which are only -1 and +1, have one kernel for whichever of these is chosen but `scalar`.
//!
//! These are for one token. A batch is multiplied in one way by all of them but `scalar`: with a table of the 81 sums of
//! four columns (`batch.rs`).
//!
//! Each file uses only files above it in this list: `product` (what is multiplied), `layout`, `digits`, `rows`, `tiles`
//! (how weights lie in memory), `kernel` (what a kernel is), one file a kernel, `list` (all of them), `activations`,
//! `matrix`, `codes`, `batch`, `matmul`.

mod activations;
mod batch;
mod codes;
mod digits;
mod grouped;
mod kernel;
mod layout;
mod list;
mod lut;
mod mad;
mod matmul;
mod matrix;
mod product;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
mod relaxed;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
mod relaxed16;
mod rows;
mod scalar;
mod tiles;

pub use activations::Activations;
pub use grouped::{
    ActivationScales, GroupDecoder, GroupFormat, GroupedActivations, GroupedBuilder, GroupedJob, GroupedMatrix,
    grouped_matmul, grouped_rows,
};
pub use kernel::Feature;
pub use list::Kernel;
pub use matmul::{Job, matmul};
pub use matrix::{TernaryBuilder, TernaryMatrix};
