//! The row layout: row after row, 64 weights in 16 bytes.
//!
//! Byte `p` of the 16 holds the 2-bit codes (`weight + 1`) of columns `p`, `16 + p`, `32 + p`, `48 + p` from its low bits
//! up. Columns are padded to 64 with code 0 (their activations are 0), rows to a multiple of 4.

use std::array;
use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::super::simd::{load, transpose_4x4, v128};
use super::digits::Digits;
use super::layout::{CHUNK, CHUNK_STEPS, Indices, Layout, QUAD, padded_cols};
use super::product::{Packed, Shape};

/// Row after row.
#[derive(Debug)]
pub(crate) struct Rows;

impl Rows {
    /// Bytes from one row to the next.
    pub(crate) const fn stride(shape: Shape) -> usize {
        padded_cols(shape.cols) / 4
    }
}

impl Layout for Rows {
    fn bytes(&self, shape: Shape) -> usize {
        Self::stride(shape) * self.row_groups(shape) * QUARTERS
    }

    fn row_groups(&self, shape: Shape) -> usize {
        shape.rows.div_ceil(QUARTERS)
    }

    fn pack(&self, shape: Shape, data: &mut [u8], row: usize, weights: &[i8]) {
        let stride = Self::stride(shape);
        let out = &mut data[row * stride..][..stride];
        let mut chunks = weights.chunks_exact(CHUNK);
        for (weights, out) in chunks.by_ref().zip(out.chunks_exact_mut(16)) {
            pack_chunk(weights, out);
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut padded = [-1; CHUNK];
            padded[..rest.len()].copy_from_slice(rest);
            let at = out.len() - 16;
            pack_chunk(&padded, &mut out[at..]);
        }
    }

    fn unpack(&self, weights: Packed<'_>, row: usize, out: &mut [i8]) {
        let stride = Self::stride(weights.shape);
        let packed = weights.data[row * stride..][..stride].as_chunks::<16>().0;
        for (out, packed) in out.chunks_mut(CHUNK).zip(packed) {
            for (field, out) in out.chunks_mut(16).enumerate() {
                out.iter_mut().zip(packed).for_each(|(out, byte)| *out = (byte >> (2 * field) & 3) as i8 - 1);
            }
        }
    }

    fn filler(&self) -> u8 {
        0b01_10_01_00
    }

    /// A byte has the columns `p`, `16 + p`, `32 + p` and `48 + p`.
    fn batch_order(&self) -> [usize; CHUNK] {
        array::from_fn(|column| QUAD * (column % 16) + column / 16)
    }

    fn index(&self, weights: Packed<'_>, rows: Range<usize>, chunks: Range<usize>, out: &mut Indices<'_>) {
        let (digits, stride, last) = (Digits::new(), Self::stride(weights.shape), weights.shape.rows - 1);
        out.fill::<CHUNK_STEPS>(rows, chunks, |row, chunk| {
            let quarters: [[v128; CHUNK_STEPS]; 4] = array::from_fn(|quarter| {
                transpose_4x4(array::from_fn(|index| {
                    // Rows behind the last are the last.
                    let row = (row + 4 * quarter + index).min(last);
                    digits.indices_of_fields(load(&weights.data[row * stride + 16 * chunk..]))
                }))
            });
            array::from_fn(|step| quarters.map(|steps| steps[step]))
        });
    }
}

/// 64 weights to 16 bytes; whole slices at a time, so that it is vectorized.
fn pack_chunk(weights: &[i8], out: &mut [u8]) {
    out.fill(0);
    for (field, weights) in weights.chunks_exact(16).enumerate() {
        for (byte, &weight) in out.iter_mut().zip(weights) {
            *byte |= ((weight + 1) as u8) << (2 * field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_interleaved_by_16() {
        let mut weights = [0_i8; 64];
        (weights[5], weights[21], weights[37], weights[53]) = (1, -1, 0, 1);
        let shape = Shape { rows: 1, cols: 64 };
        let mut data = vec![0; Rows.bytes(shape)];
        Rows.pack(shape, &mut data, 0, &weights);
        assert_eq!(data[5], 0b10_01_00_10);
        assert_eq!(data[4], 0b01_01_01_01);
    }
}
