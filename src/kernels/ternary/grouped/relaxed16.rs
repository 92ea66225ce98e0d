//! Relaxed dot products in 16 bits, see `relaxed16.rs` of the plain kernels: where a processor has no dot product of four
//! bytes, this takes fewer instructions.

use std::ops::Range;

use super::super::super::simd::{
    i16x8_add, i16x8_relaxed_dot_i8x16_i7x16, i16x8_shr, i16x8_splat, i32x4_add, i32x4_extadd_pairwise_i16x8,
    u8x16_splat, u16x8_shr, v128, v128_and, v128_load, v128_load32_splat,
};
use super::super::layout::CHUNK;
use super::blocks::VECTOR_COLS;
use super::kernel::{Dot, GroupedKernel, multiply_units};
use super::product::{GroupedProduct, GroupedToken};

/// 16-bit accumulators.
#[derive(Debug)]
pub(crate) struct GroupedRelaxed16;

impl GroupedKernel for GroupedRelaxed16 {
    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        multiply_units::<Self>(product, units);
    }
}

impl Dot for GroupedRelaxed16 {
    type Operand = i8;

    fn operands<'a>(token: &GroupedToken<'a>, columns: Range<usize>) -> &'a [i8] {
        &token.codes[columns]
    }

    /// Two fields are masked where they stand, and one shift brings the others there, so products of every second field are 4
    /// times too large and have a sum of their own: of a chunk at most 8 * 2 * 12 * 127 = 24384.
    #[inline(always)]
    unsafe fn sums<const T: usize>(
        codes: *const u8,
        chunks: usize,
        operands: [*const i8; T],
        start: [v128; T],
    ) -> [v128; T] {
        let masks = [u8x16_splat(0b0011), u8x16_splat(0b1100)];
        let mut totals = start;
        for chunk in 0..chunks {
            let mut sums = [[i16x8_splat(0); 2]; T];
            for vector in 0..CHUNK / VECTOR_COLS {
                let at = CHUNK * chunk + VECTOR_COLS * vector;
                // SAFETY: the caller promises 64 bytes of codes for each chunk.
                let low = unsafe { v128_load(codes.add(at).cast()) };
                for (half, packed) in [low, u16x8_shr(low, 4)].into_iter().enumerate() {
                    for (odd, mask) in masks.into_iter().enumerate() {
                        let weights = v128_and(packed, mask);
                        for (sums, q) in sums.iter_mut().zip(operands) {
                            // SAFETY: and 64 codes of activations.
                            let q = unsafe { v128_load32_splat(q.add(at + 8 * half + 4 * odd).cast()) };
                            sums[odd] = i16x8_add(sums[odd], i16x8_relaxed_dot_i8x16_i7x16(q, weights));
                        }
                    }
                }
            }
            for (total, [once, fourfold]) in totals.iter_mut().zip(sums) {
                let sum = i16x8_add(once, i16x8_shr(fourfold, 2));
                *total = i32x4_add(*total, i32x4_extadd_pairwise_i16x8(sum));
            }
        }
        totals
    }
}
