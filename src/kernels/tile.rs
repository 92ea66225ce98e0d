//! What the kernels on the row layout share: four far-apart rows times a few tokens at a time.

use core::arch::wasm32::*;
use std::ops::Range;

use super::packed::STREAMS;
use super::{Activations, TernaryMatrix};

/// Tokens of a tile in the batched form: with four rows, 8 accumulators.
const TILE_TOKENS: usize = 2;

/// A kernel that multiplies unsigned codes `weight + 1`.
pub(super) trait TileKernel {
    /// A number of the activations, in the form that the kernel reads.
    type Operand;

    /// One token's activations.
    fn operand(x: &Activations, token: usize) -> &[Self::Operand];

    /// Four packed rows times `T` tokens: the sums of code times activation, `[token][row]`.
    fn multiply<const T: usize>(rows: [&[u8]; STREAMS], tokens: [&[Self::Operand]; T]) -> [[i32; STREAMS]; T];
}

/// As [`scalar::multiply`](super::scalar::multiply), by the kernel `K`.
pub(super) fn multiply<K: TileKernel>(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    mut store: impl FnMut(usize, usize, i32),
) {
    let layout = matrix.row_layout();
    for unit in units {
        let rows: [&[u8]; STREAMS] = std::array::from_fn(|stream| {
            &matrix.data()[(unit + stream * layout.quarter) * layout.stride..][..layout.stride]
        });
        let mut emit = |token: usize, sums: [i32; STREAMS]| {
            for (stream, sum) in sums.into_iter().enumerate() {
                let row = unit + stream * layout.quarter;
                if row < matrix.rows() {
                    // The codes are one larger than the weights.
                    store(token, row, sum - x.sum(token));
                }
            }
        };
        let mut token = 0;
        while token + TILE_TOKENS <= x.tokens() {
            let sums = K::multiply::<TILE_TOKENS>(rows, std::array::from_fn(|i| K::operand(x, token + i)));
            for (i, sums) in sums.into_iter().enumerate() {
                emit(token + i, sums);
            }
            token += TILE_TOKENS;
        }
        while token < x.tokens() {
            let [sums] = K::multiply::<1>(rows, [K::operand(x, token)]);
            emit(token, sums);
            token += 1;
        }
    }
}

/// The sum of four i32 lanes.
#[inline(always)]
pub(super) fn horizontal_sum(v: v128) -> i32 {
    i32x4_extract_lane::<0>(v) + i32x4_extract_lane::<1>(v) + i32x4_extract_lane::<2>(v) + i32x4_extract_lane::<3>(v)
}
