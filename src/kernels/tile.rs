//! What the kernels on the row layout share: four far-apart rows times one token straight from their packed bytes, or
//! a panel of adjacent rows times a batch, for which they are unpacked once.
//!
//! A panel meets one token at a time. Its [`PANEL`] accumulators are as many as a processor needs that starts two dot
//! products a cycle and takes five for each; every row's codes are used once in a step, so nothing but accumulators and
//! one vector of activations stays in registers, of which engines on x86-64 have 15 to give. Tiles of several rows and
//! several tokens load less but make the engine spill: what was slower is in `benches/README.md`.

use core::arch::wasm32::*;
use core::hint::black_box;
use std::ops::Range;

use super::packed::{CHUNK, PANEL, STREAMS};
use super::{Activations, TernaryMatrix};

/// The most vectors of 16 bytes that a panel is unpacked into at a time: 10 rows of them are 25 KB, which stays in a
/// first-level cache beside the tokens that pass.
const PANEL_VECTORS: usize = 160;

/// A kernel that multiplies unsigned codes `weight + 1`.
pub(super) trait TileKernel {
    /// A number of the activations, in the form that the kernel reads. A vector holds 16 bytes of them.
    type Operand;

    /// Vectors of operands, and of unpacked codes, that a chunk of a row has. Even.
    const VECTORS: usize = CHUNK * size_of::<Self::Operand>() / 16;

    /// One token's activations.
    fn operand(x: &Activations, token: usize) -> &[Self::Operand];

    /// The unpacked codes that meet vector `index` of a chunk's operands.
    fn codes(packed: v128, index: usize) -> v128;

    /// Four packed rows times one token: the sums of code times activation.
    fn multiply(rows: [&[u8]; STREAMS], token: &[Self::Operand]) -> [i32; STREAMS];

    /// Some vectors of the unpacked rows of a panel times as many of one token.
    fn multiply_panel(rows: &[[v128; PANEL]], token: &[Self::Operand]) -> [i32; PANEL];
}

/// As [`scalar::multiply`](super::scalar::multiply), by the kernel `K`.
pub(super) fn multiply<K: TileKernel>(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    mut store: impl FnMut(usize, usize, &[i32]),
) {
    let layout = matrix.row_layout();
    if x.tokens() > 1 {
        let mut panel = Panel::new(x.tokens());
        for stream in 0..STREAMS {
            let begin = units.start + stream * layout.quarter;
            let end = matrix.rows().min(units.end + stream * layout.quarter);
            for first in (begin..end).step_by(PANEL) {
                panel.multiply::<K>(matrix, x, first..end.min(first + PANEL), &mut store);
            }
        }
        return;
    }
    for unit in units {
        let rows = std::array::from_fn(|stream| packed_row(matrix, unit + stream * layout.quarter));
        for (stream, sum) in K::multiply(rows, K::operand(x, 0)).into_iter().enumerate() {
            let row = unit + stream * layout.quarter;
            if row < matrix.rows() {
                // The codes are one larger than the weights.
                store(0, row, &[sum - x.sum(0)]);
            }
        }
    }
}

fn packed_row(matrix: &TernaryMatrix, row: usize) -> &[u8] {
    let stride = matrix.row_layout().stride;
    &matrix.data()[row * stride..][..stride]
}

/// Adjacent rows on their way through a batch.
struct Panel {
    /// For each vector of operands one of each row's codes.
    rows: Vec<[v128; PANEL]>,
    /// Of each token.
    sums: Vec<[i32; PANEL]>,
}

impl Panel {
    fn new(tokens: usize) -> Self {
        Self { rows: Vec::with_capacity(PANEL_VECTORS), sums: vec![[0; PANEL]; tokens] }
    }

    /// Multiplies up to [`PANEL`] rows with every token. Where they are fewer, the last one stands in for the rest.
    fn multiply<K: TileKernel>(
        &mut self,
        matrix: &TernaryMatrix,
        x: &Activations,
        rows: Range<usize>,
        store: &mut impl FnMut(usize, usize, &[i32]),
    ) {
        let packed: [&[u8]; PANEL] =
            std::array::from_fn(|index| packed_row(matrix, (rows.start + index).min(rows.end - 1)));
        let chunks = packed[0].len() / 16;
        // Pieces of one length: a short last one would cost as many sums across lanes as a long one.
        let piece = chunks.div_ceil((K::VECTORS * chunks).div_ceil(PANEL_VECTORS));
        for (token, sums) in self.sums.iter_mut().enumerate() {
            sums.fill(-x.sum(token));
        }
        for begin in (0..chunks).step_by(piece) {
            let end = chunks.min(begin + piece);
            self.unpack::<K>(packed.map(|row| &row[16 * begin..16 * end]));
            let lanes = CHUNK * begin..CHUNK * end;
            for (token, sums) in self.sums.iter_mut().enumerate() {
                let products = K::multiply_panel(&self.rows, &K::operand(x, token)[lanes.clone()]);
                for (sum, product) in sums.iter_mut().zip(products) {
                    *sum += product;
                }
            }
        }
        for (token, sums) in self.sums.iter().enumerate() {
            store(token, rows.start, &sums[..rows.len()]);
        }
    }

    /// Row by row: rows lie behind each other, and a prefetcher that follows one stream a page would lose ten at once.
    fn unpack<K: TileKernel>(&mut self, packed: [&[u8]; PANEL]) {
        self.rows.resize(K::VECTORS * packed[0].len() / 16, [i32x4_splat(0); PANEL]);
        for (row, packed) in packed.into_iter().enumerate() {
            for (vectors, bytes) in self.rows.chunks_exact_mut(K::VECTORS).zip(packed.as_chunks::<16>().0) {
                // SAFETY: the reference is to 16 readable bytes; v128_load needs no alignment.
                let packed = unsafe { v128_load((&raw const *bytes).cast()) };
                for (index, vector) in vectors.iter_mut().enumerate() {
                    vector[row] = K::codes(packed, index);
                }
            }
        }
    }
}

/// Calls `step` with each vector of the panel's rows and of the token's operands.
#[inline(always)]
pub(super) fn for_each_step<T>(rows: &[[v128; PANEL]], token: &[T], mut step: impl FnMut(&[v128; PANEL], v128)) {
    assert!(rows.len().is_multiple_of(2) && size_of_val(token) == 16 * rows.len());
    let (mut rows_at, mut token_at) = (rows.as_ptr(), token.as_ptr().cast::<v128>());
    for _ in 0..rows.len() / 2 {
        // Pointers that the compiler cannot see through: it would add up an address for every load, where a load can
        // have a constant offset.
        let (rows, q) = (black_box(rows_at), black_box(token_at));
        for index in 0..2 {
            // SAFETY: two vectors a turn of rows.len() / 2 turns are inside `rows`, and inside `token`, which is as
            // long, as asserted above; v128_load needs no alignment.
            unsafe { step(&*rows.add(index), v128_load(q.add(index))) };
        }
        // SAFETY: at most one past the end of each slice.
        (rows_at, token_at) = unsafe { (rows_at.add(2), token_at.add(2)) };
    }
}

/// The sum of four i32 lanes.
#[inline(always)]
pub(super) fn horizontal_sum(v: v128) -> i32 {
    i32x4_extract_lane::<0>(v) + i32x4_extract_lane::<1>(v) + i32x4_extract_lane::<2>(v) + i32x4_extract_lane::<3>(v)
}

/// The sums of the lanes of every vector: transposed four vectors at a time.
#[inline(always)]
pub(super) fn horizontal_sums(vectors: [v128; PANEL]) -> [i32; PANEL] {
    let mut sums = [0; PANEL];
    for (vectors, sums) in vectors.chunks(4).zip(sums.chunks_mut(4)) {
        let at = |index: usize| vectors.get(index).copied().unwrap_or(i32x4_splat(0));
        let pair = |a, b| i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
        let (low, high) = (pair(at(0), at(1)), pair(at(2), at(3)));
        let total = i32x4_add(i32x4_shuffle::<0, 1, 4, 5>(low, high), i32x4_shuffle::<2, 3, 6, 7>(low, high));
        let lanes = [
            i32x4_extract_lane::<0>(total),
            i32x4_extract_lane::<1>(total),
            i32x4_extract_lane::<2>(total),
            i32x4_extract_lane::<3>(total),
        ];
        sums.copy_from_slice(&lanes[..sums.len()]);
    }
    sums
}
