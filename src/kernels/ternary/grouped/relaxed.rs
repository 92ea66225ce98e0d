//! Relaxed dot products in 32 bits: four columns of four rows an instruction, see `relaxed.rs` of the plain kernels.

use core::hint::black_box;
use std::array;
use std::ops::Range;

use super::super::super::simd::{
    i32x4_add, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, u8x16_splat, u16x8_shr, v128, v128_and, v128_load,
    v128_load32_splat,
};
use super::super::layout::CHUNK;
use super::blocks::VECTOR_COLS;
use super::kernel::{Dot, GroupedKernel, Pointers, multiply_units, starts_of};
use super::product::{GroupedProduct, GroupedToken};

/// 32-bit accumulators.
#[derive(Debug)]
pub(crate) struct GroupedRelaxed;

impl GroupedKernel for GroupedRelaxed {
    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        multiply_units::<Self, 2>(product, units);
    }
}

impl Dot for GroupedRelaxed {
    type Operand = i8;
    const OPERANDS: usize = VECTOR_COLS;

    fn operands<'a>(token: &GroupedToken<'a>) -> &'a [i8] {
        token.codes
    }

    /// The mask of a field.
    type Constants = v128;

    fn constants() -> v128 {
        black_box(u8x16_splat(3))
    }

    #[inline(always)]
    unsafe fn sums<const S: usize, const T: usize>(
        three: v128,
        codes: &mut Pointers<u8, S>,
        operands: &mut Pointers<i8, T>,
        starts: &mut Pointers<i32, T>,
        chunks: usize,
    ) -> [[v128; T]; S] {
        // Even and odd fields apart: one chain of additions would wait for itself.
        // SAFETY: the caller promises what is behind the pointers.
        let mut totals = [unsafe { starts_of(starts, chunks) }.map(|start| [start, i32x4_splat(0)]); S];
        let end = operands.first().wrapping_add(CHUNK * chunks);
        while operands.first() != end {
            // SAFETY: as above.
            let packed: [v128; S] = array::from_fn(|s| unsafe { v128_load(codes.at(s, 0).cast()) });
            for field in 0..4 {
                // SAFETY: as above.
                let q: [v128; T] = array::from_fn(|t| unsafe { v128_load32_splat(operands.at(t, 4 * field).cast()) });
                for s in 0..S {
                    let weights = v128_and(u16x8_shr(packed[s], 2 * field as u32), three);
                    for t in 0..T {
                        let total = &mut totals[s][t][field % 2];
                        *total = i32x4_relaxed_dot_i8x16_i7x16_add(q[t], weights, *total);
                    }
                }
            }
            codes.advance(VECTOR_COLS);
            operands.advance(VECTOR_COLS);
        }
        totals.map(|totals| totals.map(|[even, odd]| i32x4_add(even, odd)))
    }
}
