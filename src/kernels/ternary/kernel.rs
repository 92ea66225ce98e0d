//! What a ternary kernel is.

use std::ops::Range;

use super::super::row_groups::{QUARTERS, for_each_group};
use super::super::simd::{i32x4_splat, i32x4_sub, lanes, v128};
use super::grouped::GroupedKernel;
use super::layout::{CHUNK, Layout};
use super::product::{Product, Token};
use super::rows::Rows;

/// What a kernel needs of the module that it is compiled into. Native builds have everything: they define the
/// instructions in plain Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// WebAssembly's first version.
    Baseline,
    /// 128-bit vectors.
    Simd128,
    /// Dot products whose results may differ between processors, but not for the numbers that the kernels give them.
    RelaxedSimd,
}

impl Feature {
    /// The name of the target feature.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Simd128 => "simd128",
            Self::RelaxedSimd => "relaxed-simd",
        }
    }
}

/// A way to multiply packed ternary weights with the codes of single tokens. All agree to the bit with the scalar one.
pub(crate) trait TernaryKernel: Sync {
    /// The name, as options and `model.info` spell it.
    fn name(&self) -> &'static str;

    /// What the module must have.
    fn needs(&self) -> Feature;

    /// How its matrices lie in memory.
    fn layout(&self) -> &'static dyn Layout;

    /// Whether batches of tokens are multiplied by the tables of `batch.rs` instead of one token after the other.
    fn batches(&self) -> bool {
        true
    }

    /// Vectors that [`prepare`](Self::prepare) makes of each 64 columns; 0 where the kernel reads the codes themselves.
    fn prepared_per_chunk(&self) -> usize {
        0
    }

    /// Makes of a token's codes, whole chunks of 64, what [`multiply`](Self::multiply) reads.
    fn prepare(&self, _codes: &[i8], _out: &mut [v128]) {}

    /// What multiplies weights with a scale for each group of columns.
    fn grouped(&self) -> &'static dyn GroupedKernel;

    /// Multiplies the rows of the row groups `groups` with every token, and stores each result once.
    fn multiply(&self, product: &Product<'_>, groups: Range<usize>);
}

/// Multiplies packed rows by `dot`, which gives for four rows and a token the sums of code times activation; codes are
/// weights plus 1.
#[inline(always)]
pub(crate) fn multiply_rows(
    product: &Product<'_>,
    groups: Range<usize>,
    dot: impl Fn([&[u8]; QUARTERS], &Token<'_>) -> v128,
) {
    let shape = product.weights.shape;
    let (stride, quarter) = (Rows::stride(shape), Rows.row_groups(shape));
    let dots = |group: usize, token: usize| {
        let rows = std::array::from_fn(|index| &product.weights.data[(group + index * quarter) * stride..][..stride]);
        let token = &product.tokens[token];
        lanes(i32x4_sub(dot(rows, token), i32x4_splat(token.sum)))
    };
    let store = |token: usize, row: usize, sums: &[i32]| product.store(token, row, sums);
    for_each_group(groups, 0..product.tokens.len(), shape.rows, dots, store);
}

/// The number of chunks of four packed rows of one length.
///
/// # Panics
/// If `columns`, the columns of their token, are not those of the rows.
#[inline(always)]
pub(crate) fn chunks_of(rows: [&[u8]; QUARTERS], columns: usize) -> usize {
    let chunks = rows[0].len() / 16;
    assert!(rows.iter().all(|row| row.len() == 16 * chunks) && columns == CHUNK * chunks);
    chunks
}
