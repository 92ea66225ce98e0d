//! Multiply-add on plain simd128, see `mad.rs` of the plain kernels.
//!
//! A vector of codes is taken as eight 16-bit lanes, two for each row. A field is masked in place; its activation was shifted
//! the other way beforehand, so all products are 64 times too large and go into one accumulator.

use core::hint::black_box;
use std::array;
use std::ops::Range;

use super::super::super::simd::{
    i32x4_add, i32x4_dot_i16x8, i32x4_shl, i32x4_shr, u16x8_shr, u16x8_splat, v128, v128_and, v128_load,
    v128_load32_splat,
};
use super::super::layout::CHUNK;
use super::blocks::VECTOR_COLS;
use super::kernel::{Dot, GroupedKernel, Pointers, multiply_units, starts_of};
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
        multiply_units::<Self, 4>(product, units);
    }
}

impl Dot for GroupedMad {
    type Operand = u32;
    const OPERANDS: usize = PREPARED;

    fn operands<'a>(token: &GroupedToken<'a>) -> &'a [u32] {
        token.prepared
    }

    /// The masks of the four fields.
    type Constants = [v128; 4];

    fn constants() -> [v128; 4] {
        [0x0003, 0x000c, 0x0030, 0x00c0].map(|mask| black_box(u16x8_splat(mask)))
    }

    /// A group's sum is at most 256 * 2 * 127, so 64 times that is far from 32 bits.
    #[inline(always)]
    unsafe fn sums<const S: usize, const T: usize>(
        masks: [v128; 4],
        codes: &mut Pointers<u8, S>,
        operands: &mut Pointers<u32, T>,
        starts: &mut Pointers<i32, T>,
        chunks: usize,
    ) -> [[v128; T]; S] {
        // SAFETY: the caller promises what is behind the pointers.
        let mut totals = [unsafe { starts_of(starts, chunks) }.map(|start| i32x4_shl(start, 6)); S];
        let end = operands.first().wrapping_add(CHUNK / VECTOR_COLS * PREPARED * chunks);
        while operands.first() != end {
            // SAFETY: as above.
            let mut packed: [v128; S] = array::from_fn(|s| unsafe { v128_load(codes.at(s, 0).cast()) });
            for odd in 0..2 {
                for (field, mask) in masks.into_iter().enumerate() {
                    // SAFETY: as above.
                    let q: [v128; T] =
                        array::from_fn(|t| unsafe { v128_load32_splat(operands.at(t, 4 * odd + field)) });
                    for s in 0..S {
                        let weights = v128_and(packed[s], mask);
                        for t in 0..T {
                            totals[s][t] = i32x4_add(totals[s][t], i32x4_dot_i16x8(weights, q[t]));
                        }
                    }
                }
                packed = packed.map(|packed| u16x8_shr(packed, 8));
            }
            codes.advance(VECTOR_COLS);
            operands.advance(PREPARED);
        }
        totals.map(|totals| totals.map(|total| i32x4_shr(total, 6)))
    }
}
