//! Multiply-add on plain simd128, see `mad.rs` of the plain kernels.
//!
//! A vector of codes is taken as eight 16-bit lanes, two for each row. A field is masked in place; its activation was shifted
//! the other way beforehand, so all products are 64 times too large and go into one accumulator.

use std::ops::Range;

use super::super::super::simd::{
    i32x4_add, i32x4_dot_i16x8, i32x4_shl, i32x4_shr, u16x8_shr, u16x8_splat, v128, v128_and, v128_load,
    v128_load32_splat,
};
use super::super::layout::CHUNK;
use super::blocks::VECTOR_COLS;
use super::kernel::{Dot, GroupedKernel, multiply_units};
use super::product::{GroupedProduct, GroupedToken};

/// Numbers for each vector of codes: for the even bytes the activations of four fields, and for the odd ones.
const PREPARED: usize = 8;

/// Weights masked in place.
#[derive(Debug)]
pub(crate) struct GroupedMad;

impl GroupedKernel for GroupedMad {
    fn prepared_per_chunk(&self) -> usize {
        PREPARED * CHUNK / VECTOR_COLS
    }

    /// Of each field's four columns the first and the third meet the even bytes, the others the odd ones: two 16-bit numbers
    /// in one. The field stands `2 field` bits up, so the activation is shifted by the remaining `6 - 2 field`.
    fn prepare(&self, codes: &[i8], out: &mut [u32]) {
        let pair = |a: i8, b: i8, shift: usize| {
            let half = |code: i8| u32::from((i16::from(code) << shift) as u16);
            half(a) | half(b) << 16
        };
        for (codes, out) in codes.as_chunks::<VECTOR_COLS>().0.iter().zip(out.as_chunks_mut::<PREPARED>().0) {
            for (field, &[a, b, c, d]) in codes.as_chunks::<4>().0.iter().enumerate() {
                out[field] = pair(a, c, 6 - 2 * field);
                out[4 + field] = pair(b, d, 6 - 2 * field);
            }
        }
    }

    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        multiply_units::<Self>(product, units);
    }
}

impl Dot for GroupedMad {
    type Operand = u32;

    fn operands<'a>(token: &GroupedToken<'a>, columns: Range<usize>) -> &'a [u32] {
        &token.prepared[columns.start / VECTOR_COLS * PREPARED..columns.end / VECTOR_COLS * PREPARED]
    }

    /// A group's sum is at most 256 * 2 * 127, so 64 times that is far from 32 bits.
    #[inline(always)]
    unsafe fn sums<const T: usize>(
        codes: *const u8,
        chunks: usize,
        operands: [*const u32; T],
        start: [v128; T],
    ) -> [v128; T] {
        let masks = [u16x8_splat(0x0003), u16x8_splat(0x000c), u16x8_splat(0x0030), u16x8_splat(0x00c0)];
        let mut totals = start.map(|start| i32x4_shl(start, 6));
        for vector in 0..chunks * CHUNK / VECTOR_COLS {
            // SAFETY: the caller promises 64 bytes of codes for each chunk.
            let low = unsafe { v128_load(codes.add(VECTOR_COLS * vector).cast()) };
            for (odd, packed) in [low, u16x8_shr(low, 8)].into_iter().enumerate() {
                for (field, mask) in masks.into_iter().enumerate() {
                    let weights = v128_and(packed, mask);
                    for (total, q) in totals.iter_mut().zip(operands) {
                        // SAFETY: and eight numbers for each vector of codes.
                        let q = unsafe { v128_load32_splat(q.add(PREPARED * vector + 4 * odd + field)) };
                        *total = i32x4_add(*total, i32x4_dot_i16x8(weights, q));
                    }
                }
            }
        }
        totals.map(|total| i32x4_shr(total, 6))
    }
}
