//! The tile layout: 16 rows side by side, for lookups of 16 bytes.
//!
//! For every four columns a tile has 16 bytes, one per row, whose low nibble is the index of the first pair of columns and
//! whose high nibble that of the second. The index of `(w0, w1)` is `3 (w0 + 1) + w1 + 1`. Columns are padded to 4 with
//! weight 0, rows to a multiple of 64.

use std::array;
use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::super::simd::{i32x4_splat, interleave, load};
use super::digits::Digits;
use super::layout::{CHUNK, CHUNK_STEPS, Indices, Layout, QUAD, TILE_ROWS};
use super::product::{Packed, Shape};

/// 16 rows side by side.
#[derive(Debug)]
pub(crate) struct Tiles;

impl Tiles {
    /// Bytes of a tile.
    pub(crate) const fn stride(shape: Shape) -> usize {
        shape.cols.div_ceil(QUAD) * TILE_ROWS
    }
}

impl Layout for Tiles {
    fn bytes(&self, shape: Shape) -> usize {
        Self::stride(shape) * self.row_groups(shape) * QUARTERS
    }

    fn row_groups(&self, shape: Shape) -> usize {
        shape.rows.div_ceil(TILE_ROWS * QUARTERS)
    }

    fn pack(&self, shape: Shape, data: &mut [u8], row: usize, weights: &[i8]) {
        let stride = Self::stride(shape);
        let tile = &mut data[row / TILE_ROWS * stride..][..stride];
        let index = |pair: &[i8]| {
            let digit = |i: usize| pair.get(i).map_or(1, |weight| weight + 1);
            (3 * digit(0) + digit(1)) as u8
        };
        for (quad, out) in weights.chunks(QUAD).zip(tile.iter_mut().skip(row % TILE_ROWS).step_by(TILE_ROWS)) {
            let (first, second) = quad.split_at(quad.len().min(2));
            *out = index(first) | index(second) << 4;
        }
    }

    fn unpack(&self, weights: Packed<'_>, row: usize, out: &mut [i8]) {
        let stride = Self::stride(weights.shape);
        let tile = &weights.data[row / TILE_ROWS * stride..][..stride];
        for (out, byte) in out.chunks_mut(QUAD).zip(tile.iter().skip(row % TILE_ROWS).step_by(TILE_ROWS)) {
            for (out, index) in out.chunks_mut(2).zip([byte & 0x0f, byte >> 4]) {
                out.iter_mut().zip([index / 3, index % 3]).for_each(|(out, digit)| *out = digit as i8 - 1);
            }
        }
    }

    fn filler(&self) -> u8 {
        0x64
    }

    /// A nibble is 3 times the first weight of a pair and once the second, so the second is the lesser digit.
    fn batch_order(&self) -> [usize; CHUNK] {
        array::from_fn(|column| column ^ 1)
    }

    /// A tile may end before the chunk does; what is missing meets activations of 0.
    fn index(&self, weights: Packed<'_>, rows: Range<usize>, chunks: Range<usize>, out: &mut Indices<'_>) {
        let (digits, stride) = (Digits::new(), Self::stride(weights.shape));
        out.fill::<CHUNK_STEPS>(rows, chunks, |row, chunk| {
            let tile = &weights.data[row / TILE_ROWS * stride..][..stride];
            let mut quads = tile[stride.min(TILE_ROWS * CHUNK / QUAD * chunk)..].chunks_exact(TILE_ROWS);
            array::from_fn(|_| {
                interleave(array::from_fn(|_| {
                    quads.next().map_or(i32x4_splat(0), |packed| digits.indices_of_nibbles(load(packed)))
                }))
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tile_puts_16_rows_side_by_side() {
        let shape = Shape { rows: 20, cols: 6 };
        assert_eq!((Tiles::stride(shape), Tiles.row_groups(shape)), (32, 1));
        let mut data = vec![0; Tiles.bytes(shape)];
        Tiles.pack(shape, &mut data, 17, &[1, -1, 0, 1, -1, 1]);
        let row = |quad: usize| data[32 + 16 * quad + 1];
        assert_eq!(row(0), 6 | 5 << 4);
        assert_eq!(row(1), 2 | 4 << 4); // the padding is a pair of zeros
    }
}
