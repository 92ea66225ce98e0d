//! How a ternary matrix lies in memory: what every layout must tell.

use std::ops::Range;

use super::super::simd::{store, v128};
use super::product::{Packed, Shape};

/// Columns of one step of the row layout, and of one step of arranging a batch.
pub(crate) const CHUNK: usize = 64;
/// Rows of a tile.
pub(crate) const TILE_ROWS: usize = 16;
/// Weights that an index stands for.
pub(crate) const QUAD: usize = 4;
/// Possible quads of ternary weights, and so indices: 3^4.
pub(crate) const QUAD_VALUES: usize = 81;
/// Quads of a step: one `u32` holds the indices of a row.
pub(crate) const STEP_QUADS: usize = 4;
/// Steps of a chunk.
pub(crate) const CHUNK_STEPS: usize = CHUNK / (QUAD * STEP_QUADS);

/// `cols` rounded up to whole chunks: as many codes a token has, zeros behind its last column.
pub(crate) const fn padded_cols(cols: usize) -> usize {
    cols.next_multiple_of(CHUNK)
}

/// A way to pack ternary weights, with everything that depends on it but the kernels themselves.
pub(crate) trait Layout: Sync {
    /// The bytes of a matrix.
    fn bytes(&self, shape: Shape) -> usize;

    /// The number of row groups that the work on a matrix is cut into: rows (or tiles) of a quarter of it.
    fn row_groups(&self, shape: Shape) -> usize;

    /// Packs one row of weights -1, 0 and 1 into `data`, the whole matrix.
    fn pack(&self, shape: Shape, data: &mut [u8], row: usize, weights: &[i8]);

    /// The reverse of [`pack`](Self::pack): the weights of one row, `[cols]`.
    fn unpack(&self, weights: Packed<'_>, row: usize, out: &mut [i8]);

    /// A byte that is made of valid weights only.
    fn filler(&self) -> u8;

    /// Where the 64 columns of a chunk go in a batch: `[CHUNK]`. Columns of a quad follow each other, that of the least
    /// digit of its index first.
    fn batch_order(&self) -> [usize; CHUNK];

    /// Finds the indices of `rows`, whose first is a multiple of [`TILE_ROWS`], in some chunks of columns. An index is
    /// below [`QUAD_VALUES`] whatever the bytes are. Rows behind the last get any indices.
    fn index(&self, weights: Packed<'_>, rows: Range<usize>, chunks: Range<usize>, out: &mut Indices<'_>);
}

/// Weights as the tables of a batch are indexed by them: `[steps, rows]`, the indices of four quads in a `u32`.
#[derive(Debug)]
pub(crate) struct Indices<'a> {
    pub(crate) data: &'a mut [u32],
    /// All rows of a step, a multiple of [`TILE_ROWS`].
    pub(crate) rows: usize,
    /// The place of the first row to fill.
    pub(crate) first: usize,
}

impl Indices<'_> {
    /// Fills in every tile of `rows` and every chunk what `of(row, chunk)` finds from `row` on: for each of a chunk's steps four vectors
    /// of four rows.
    #[inline(always)]
    pub(crate) fn fill<const STEPS: usize>(
        &mut self,
        rows: Range<usize>,
        chunks: Range<usize>,
        of: impl Fn(usize, usize) -> [[v128; 4]; STEPS],
    ) {
        for (tile, row) in rows.step_by(TILE_ROWS).enumerate() {
            for (index, chunk) in chunks.clone().enumerate() {
                for (step, rows) in (STEPS * index..).zip(of(row, chunk)) {
                    let at = step * self.rows + self.first + TILE_ROWS * tile;
                    let out = self.data[at..][..TILE_ROWS].chunks_exact_mut(4);
                    out.zip(rows).for_each(|(out, indices)| store(indices, out));
                }
            }
        }
    }
}
