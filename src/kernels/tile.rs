//! What the kernels on the row layout share: four far-apart rows times one token straight from their packed bytes, or
//! times a batch, for which they are unpacked once.
//!
//! For a batch that is a third faster than unpacking in registers for every two tokens. What was slower (Chromium 156,
//! Zen 3, November 2026): tiles of 3 or 4 tokens, whose accumulators spill, and an inner loop unrolled by 4.

use core::arch::wasm32::*;
use std::ops::Range;

use super::packed::{CHUNK, STREAMS};
use super::{Activations, TernaryMatrix};

/// Tokens of a tile in the batched form: with four rows, 8 accumulators.
const TILE_TOKENS: usize = 2;

/// A kernel that multiplies unsigned codes `weight + 1`.
pub(super) trait TileKernel {
    /// A number of the activations, in the form that the kernel reads. A vector holds 16 bytes of them.
    type Operand;

    /// Vectors of operands, and of unpacked codes, that a chunk of a row has.
    const VECTORS: usize = CHUNK * size_of::<Self::Operand>() / 16;

    /// One token's activations.
    fn operand(x: &Activations, token: usize) -> &[Self::Operand];

    /// The unpacked codes that meet vector `index` of a chunk's operands.
    fn codes(packed: v128, index: usize) -> v128;

    /// Four packed rows times one token: the sums of code times activation.
    fn multiply(rows: [&[u8]; STREAMS], token: &[Self::Operand]) -> [i32; STREAMS];

    /// Four unpacked rows (for each vector of operands, one of each row) times `T` tokens: `[token][row]`.
    fn multiply_unpacked<const T: usize>(
        rows: &[[v128; STREAMS]],
        tokens: [&[Self::Operand]; T],
    ) -> [[i32; STREAMS]; T];
}

/// As [`scalar::multiply`](super::scalar::multiply), by the kernel `K`.
pub(super) fn multiply<K: TileKernel>(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    mut store: impl FnMut(usize, usize, i32),
) {
    let layout = matrix.row_layout();
    let mut unpacked = Vec::new();
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
        if x.tokens() == 1 {
            emit(0, K::multiply(rows, K::operand(x, 0)));
            continue;
        }
        unpack::<K>(rows, &mut unpacked);
        let mut token = 0;
        while token + TILE_TOKENS <= x.tokens() {
            let tokens = std::array::from_fn(|i| K::operand(x, token + i));
            for (i, sums) in K::multiply_unpacked::<TILE_TOKENS>(&unpacked, tokens).into_iter().enumerate() {
                emit(token + i, sums);
            }
            token += TILE_TOKENS;
        }
        while token < x.tokens() {
            let [sums] = K::multiply_unpacked::<1>(&unpacked, [K::operand(x, token)]);
            emit(token, sums);
            token += 1;
        }
    }
}

fn unpack<K: TileKernel>(rows: [&[u8]; STREAMS], unpacked: &mut Vec<[v128; STREAMS]>) {
    let chunks = rows.map(|row| row.as_chunks::<16>().0);
    unpacked.clear();
    for chunk in 0..chunks[0].len() {
        // SAFETY: each reference is to 16 readable bytes; v128_load needs no alignment.
        let packed = chunks.map(|chunks| unsafe { v128_load((&raw const chunks[chunk]).cast()) });
        unpacked.extend((0..K::VECTORS).map(|index| packed.map(|packed| K::codes(packed, index))));
    }
}

/// The sum of four i32 lanes.
#[inline(always)]
pub(super) fn horizontal_sum(v: v128) -> i32 {
    i32x4_extract_lane::<0>(v) + i32x4_extract_lane::<1>(v) + i32x4_extract_lane::<2>(v) + i32x4_extract_lane::<3>(v)
}
