//! Multiply-add on plain simd128.
//!
//! A vector of 16 packed bytes is taken as eight 16-bit lanes. A 2-bit field is masked in place, without a shift; its
//! activation was shifted the other way beforehand, so all products are 64 times too large and go into one accumulator by
//! `i32x4.dot_i16x8_s`. One shift of the whole vector brings the high bytes' fields down. Three instructions per 8 weights
//! and one per 64, where widening first would take four.
//!
//! Range: |sum| <= 64 * 2 * 128 * columns, which fits an i32 below 131072 columns.

use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::super::simd::{
    horizontal_sums, i16x8_shl, i16x8_shr, i32x4_add, i32x4_dot_i16x8, i32x4_shr, i32x4_splat, load, u16x8_shr,
    u16x8_splat, v128, v128_and, v128_load,
};
use super::grouped::{GroupedKernel, GroupedMad};
use super::kernel::{Feature, TernaryKernel, chunks_of, multiply_rows};
use super::layout::{CHUNK, Layout};
use super::product::{Product, Token};
use super::rows::Rows;

/// Vectors of 8 activations in a chunk.
const VECTORS: usize = CHUNK / 8;

/// Weights masked in place.
#[derive(Debug)]
pub(crate) struct Mad;

impl TernaryKernel for Mad {
    fn name(&self) -> &'static str {
        "mad"
    }

    fn needs(&self) -> Feature {
        Feature::Simd128
    }

    fn layout(&self) -> &'static dyn Layout {
        &Rows
    }

    fn prepared_per_chunk(&self) -> usize {
        VECTORS
    }

    /// Lane `j` of vector `k` of a chunk belongs to the 2-bit field `k % 4` of byte `2 j + k / 4`, that is to column
    /// `16 (k % 4) + 2 j + k / 4`. The field stands `2 (k % 4)` bits up in its byte, so the activation is shifted by the
    /// remaining `6 - 2 (k % 4)`.
    fn prepare(&self, codes: &[i8], out: &mut [v128]) {
        for (codes, out) in codes.chunks_exact(CHUNK).zip(out.as_chunks_mut::<VECTORS>().0) {
            for (field, codes) in codes.chunks_exact(16).enumerate() {
                let (codes, shift) = (load(codes), 6 - 2 * field as u32);
                // Of each 16-bit lane the lower code, and the upper one, with its sign.
                out[field] = i16x8_shl(i16x8_shr(i16x8_shl(codes, 8), 8), shift);
                out[4 + field] = i16x8_shl(i16x8_shr(codes, 8), shift);
            }
        }
    }

    fn grouped(&self) -> &'static dyn GroupedKernel {
        &GroupedMad
    }

    fn multiply(&self, product: &Product<'_>, groups: Range<usize>) {
        multiply_rows(product, groups, dot);
    }
}

/// Four packed rows times one token: the sums of code times activation, one in each 32-bit lane.
#[inline(always)]
fn dot(rows: [&[u8]; QUARTERS], token: &Token<'_>) -> v128 {
    let chunks = chunks_of(rows, 8 * token.prepared.len());
    let rows = rows.map(<[u8]>::as_ptr);
    let masks = [u16x8_splat(0x0003), u16x8_splat(0x000c), u16x8_splat(0x0030), u16x8_splat(0x00c0)];
    let mut totals = [i32x4_splat(0); QUARTERS];
    for (chunk, token) in token.prepared.as_chunks::<VECTORS>().0.iter().enumerate().take(chunks) {
        // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as `chunks_of` asserted.
        let mut packed = rows.map(|row| unsafe { v128_load(row.add(16 * chunk).cast()) });
        for vectors in token.as_chunks::<4>().0 {
            for (&mask, &q) in masks.iter().zip(vectors) {
                for (total, &packed) in totals.iter_mut().zip(&packed) {
                    *total = i32x4_add(*total, i32x4_dot_i16x8(v128_and(packed, mask), q));
                }
            }
            packed = packed.map(|packed| u16x8_shr(packed, 8));
        }
    }
    i32x4_shr(horizontal_sums(totals), 6)
}
