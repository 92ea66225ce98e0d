//! What the kernels on the row layout share: four far-apart rows times one token, straight from their packed bytes.

use core::arch::wasm32::*;
use std::ops::Range;

use super::packed::STREAMS;
use super::{Activations, TernaryMatrix};

/// A kernel that multiplies unsigned codes `weight + 1`.
pub(super) trait StreamKernel {
    /// A number of the activations, in the form that the kernel reads.
    type Operand;

    /// One token's activations.
    fn operand(x: &Activations, token: usize) -> &[Self::Operand];

    /// Four packed rows times one token: the sums of code times activation.
    fn multiply(rows: [&[u8]; STREAMS], token: &[Self::Operand]) -> [i32; STREAMS];
}

/// As [`scalar::multiply`](super::scalar::multiply), by the kernel `K`.
pub(super) fn multiply<K: StreamKernel>(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    mut store: impl FnMut(usize, usize, &[i32]),
) {
    let layout = matrix.row_layout();
    for unit in units {
        let rows = std::array::from_fn(|stream| {
            &matrix.data()[(unit + stream * layout.quarter) * layout.stride..][..layout.stride]
        });
        for token in x.batch()..x.tokens() {
            for (stream, sum) in K::multiply(rows, K::operand(x, token)).into_iter().enumerate() {
                let row = unit + stream * layout.quarter;
                if row < matrix.rows() {
                    // The codes are one larger than the weights.
                    store(token, row, &[sum - x.sum(token)]);
                }
            }
        }
    }
}

/// The sum of four i32 lanes.
#[inline(always)]
pub(super) fn horizontal_sum(v: v128) -> i32 {
    i32x4_extract_lane::<0>(v) + i32x4_extract_lane::<1>(v) + i32x4_extract_lane::<2>(v) + i32x4_extract_lane::<3>(v)
}
