//! Ternary weights with a scale for each group of columns, times int8 activations that may have one for each group as well.
//!
//! ```text
//! out[t, r] = factor * sum over groups g, first to last, of
//!             (sum over columns c of g of code[r, c] * q[t, c]) * (scale[r, g] * step[t, g])
//! ```
//!
//! The inner sum is exact integer arithmetic. It becomes a float, is multiplied once by the product of the two scales, and is
//! added in the order of the groups: so every kernel, number of threads and number of tokens gives the same bits.
//!
//! Codes are -1, 0, +1, and +2, which Q2_0 can hold, in two bits; or -1 and +1 in one bit, which have a kernel of their own
//! (`binary.rs`) whichever was chosen, beside the reference. Rows lie side by side (`blocks.rs`), so that a vector of sums has one lane for
//! each of them and no sums need to be put together before they meet their scales.
//!
//! Each file uses only files above it in this list: `blocks` (how weights lie in memory), `stored`, `product`, `kernel`, one
//! file a kernel, `list`, `matrix`, `activations`, `codes`, `tables`, `batch`, `matmul`.

mod activations;
mod batch;
mod binary;
mod blocks;
mod codes;
mod kernel;
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
mod scalar;
mod stored;
mod tables;

pub use activations::{ActivationScales, GroupedActivations};
pub(super) use kernel::GroupedKernel;
pub(super) use lut::GroupedLut;
pub(super) use mad::GroupedMad;
pub use matmul::{GroupedJob, grouped_matmul, grouped_rows};
pub use matrix::{GroupDecoder, GroupFormat, GroupedBuilder, GroupedMatrix};
pub(super) use scalar::GroupedScalar;
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
pub(super) use {relaxed::GroupedRelaxed, relaxed16::GroupedRelaxed16};
