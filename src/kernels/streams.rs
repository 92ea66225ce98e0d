//! What the kernels on the row layout share: four far-apart rows times one token, straight from their packed bytes.

use core::arch::wasm32::*;
use std::ops::Range;

use super::packed::STREAMS;
use super::units::for_each_unit;
use super::{Activations, TernaryMatrix};

/// A kernel that multiplies unsigned codes `weight + 1`.
pub(super) trait StreamKernel {
    /// A number of the activations, in the form that the kernel reads.
    type Operand;

    /// One token's activations.
    fn operand(x: &Activations, token: usize) -> &[Self::Operand];

    /// Four packed rows times one token: the sums of code times activation, one in each 32-bit lane.
    fn multiply(rows: [&[u8]; STREAMS], token: &[Self::Operand]) -> v128;
}

/// As [`scalar::multiply`](super::scalar::multiply), by the kernel `K`.
pub(super) fn multiply<K: StreamKernel>(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    store: impl FnMut(usize, usize, &[i32]),
) {
    let layout = matrix.row_layout();
    let dots = |unit: usize, token: usize| {
        let rows = std::array::from_fn(|stream| {
            &matrix.data()[(unit + stream * layout.quarter) * layout.stride..][..layout.stride]
        });
        // The codes are one larger than the weights.
        lanes(i32x4_sub(K::multiply(rows, K::operand(x, token)), i32x4_splat(x.sum(token))))
    };
    for_each_unit(units, x.batched()..x.tokens(), (matrix.rows(), layout.quarter), dots, store);
}

/// The sum of each vector's four i32 lanes.
#[inline(always)]
pub(super) fn horizontal_sums(vectors: [v128; 4]) -> v128 {
    let pair = |a, b| i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (low, high) = (pair(vectors[0], vectors[1]), pair(vectors[2], vectors[3]));
    i32x4_add(i64x2_shuffle::<0, 2>(low, high), i64x2_shuffle::<1, 3>(low, high))
}

/// The four i32 lanes.
#[inline(always)]
pub(super) fn lanes(v: v128) -> [i32; 4] {
    [i32x4_extract_lane::<0>(v), i32x4_extract_lane::<1>(v), i32x4_extract_lane::<2>(v), i32x4_extract_lane::<3>(v)]
}
