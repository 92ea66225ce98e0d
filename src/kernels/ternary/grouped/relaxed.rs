//! Relaxed dot products in 32 bits: four columns of four rows an instruction, see `relaxed.rs` of the plain kernels.

use std::ops::Range;

use super::super::super::simd::{
    i32x4_add, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, u8x16_splat, u16x8_shr, v128, v128_and, v128_load,
    v128_load32_splat,
};
use super::super::layout::CHUNK;
use super::blocks::VECTOR_COLS;
use super::kernel::{Dot, GroupedKernel, multiply_units};
use super::product::{GroupedProduct, GroupedToken};

/// 32-bit accumulators.
#[derive(Debug)]
pub(crate) struct GroupedRelaxed;

impl GroupedKernel for GroupedRelaxed {
    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        multiply_units::<Self>(product, units);
    }
}

impl Dot for GroupedRelaxed {
    type Operand = i8;

    fn operands<'a>(token: &GroupedToken<'a>, columns: Range<usize>) -> &'a [i8] {
        &token.codes[columns]
    }

    #[inline(always)]
    unsafe fn sums<const T: usize>(
        codes: *const u8,
        chunks: usize,
        operands: [*const i8; T],
        start: [v128; T],
    ) -> [v128; T] {
        let three = u8x16_splat(3);
        // Even and odd fields apart: one chain of additions would wait for itself.
        let mut totals = start.map(|start| [start, i32x4_splat(0)]);
        for chunk in 0..chunks {
            for vector in 0..CHUNK / VECTOR_COLS {
                let at = CHUNK * chunk + VECTOR_COLS * vector;
                // SAFETY: the caller promises 64 bytes of codes for each chunk.
                let packed = unsafe { v128_load(codes.add(at).cast()) };
                for field in 0..4 {
                    let weights = v128_and(u16x8_shr(packed, 2 * field as u32), three);
                    for (totals, q) in totals.iter_mut().zip(operands) {
                        // SAFETY: and 64 codes of activations.
                        let q = unsafe { v128_load32_splat(q.add(at + 4 * field).cast()) };
                        let total = &mut totals[field % 2];
                        *total = i32x4_relaxed_dot_i8x16_i7x16_add(q, weights, *total);
                    }
                }
            }
        }
        totals.map(|[even, odd]| i32x4_add(even, odd))
    }
}
