//! Relaxed dot products in 16 bits, see `relaxed16.rs` of the plain kernels: where a processor has no dot product of four
//! bytes, this takes fewer instructions.

use core::hint::black_box;
use std::array;
use std::ops::Range;

use super::super::super::simd::{
    i16x8_add, i16x8_relaxed_dot_i8x16_i7x16, i16x8_splat, i32x4_add, i32x4_dot_i16x8, i32x4_splat, u8x16_splat,
    u16x8_shr, v128, v128_and, v128_load, v128_load32_splat,
};
use super::super::layout::CHUNK;
use super::blocks::VECTOR_COLS;
use super::kernel::{Dot, GroupedKernel, Pointers, multiply_units};
use super::product::{GroupedProduct, GroupedToken};

/// 16-bit accumulators.
#[derive(Debug)]
pub(crate) struct GroupedRelaxed16;

impl GroupedKernel for GroupedRelaxed16 {
    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        multiply_units::<Self, 4>(product, units);
    }
}

impl Dot for GroupedRelaxed16 {
    type Operand = i8;
    const OPERANDS: usize = VECTOR_COLS;

    fn operands<'a>(token: &GroupedToken<'a>) -> &'a [i8] {
        token.codes
    }

    type Constants = Constants;

    fn constants() -> Constants {
        Constants {
            field: black_box(u8x16_splat(3)),
            first: black_box(i32x4_splat(0xffff)),
            ones: black_box(i16x8_splat(1)),
            chunk: black_box(CHUNK),
        }
    }

    #[inline(always)]
    unsafe fn sums<const S: usize, const T: usize>(
        constants: Constants,
        codes: &mut Pointers<u8, S>,
        operands: &mut Pointers<i8, T>,
        starts: &mut Pointers<i32, T>,
        chunks: usize,
    ) -> [[v128; T]; S] {
        let wide = |sums: [[v128; T]; S]| sums.map(|sums| sums.map(|sum| i32x4_dot_i16x8(sum, constants.ones)));
        // SAFETY: the caller promises what is behind the pointers, of this chunk and of the others.
        let mut totals = wide(unsafe { narrow_sums(constants, codes, operands, starts) });
        for _ in 1..chunks {
            // SAFETY: as above.
            let sums = wide(unsafe { narrow_sums(constants, codes, operands, starts) });
            for s in 0..S {
                for t in 0..T {
                    totals[s][t] = i32x4_add(totals[s][t], sums[s][t]);
                }
            }
        }
        totals
    }
}

/// Values that the compiler cannot see through.
#[derive(Clone, Copy)]
pub(crate) struct Constants {
    /// The mask of a field.
    field: v128,
    /// The mask of the first of two 16-bit lanes.
    first: v128,
    ones: v128,
    /// [`CHUNK`].
    chunk: usize,
}

/// The sums of a chunk in 16 bits, two for each row: at most 32 * 3 * 127, and the start in one of them.
///
/// A loop, because LLVM would order what it unrolls by sums, and keep all codes in registers until the last. Masks in place, as
/// `relaxed16.rs` of the plain kernels has them, would need two sums for each row, and those of four strips would not fit.
///
/// # Safety
/// 64 bytes of codes must be readable, 64 codes of activations, and a start.
#[inline(always)]
unsafe fn narrow_sums<const S: usize, const T: usize>(
    constants: Constants,
    codes: &mut Pointers<u8, S>,
    operands: &mut Pointers<i8, T>,
    starts: &mut Pointers<i32, T>,
) -> [[v128; T]; S] {
    // SAFETY: the caller's promise.
    let start = |t| v128_and(unsafe { v128_load32_splat(starts.at(t, 0).cast()) }, constants.first);
    let mut sums = [array::from_fn(start); S];
    starts.advance(1);
    let end = operands.first().wrapping_add(constants.chunk);
    while operands.first() != end {
        // SAFETY: the caller's promise.
        let q: [[v128; T]; 4] =
            array::from_fn(|field| array::from_fn(|t| unsafe { v128_load32_splat(operands.at(t, 4 * field).cast()) }));
        for (s, sums) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let packed = unsafe { v128_load(codes.at(s, 0).cast()) };
            for (field, q) in q.iter().enumerate() {
                let weights = v128_and(u16x8_shr(packed, 2 * field as u32), constants.field);
                for (sum, &q) in sums.iter_mut().zip(q) {
                    *sum = i16x8_add(*sum, i16x8_relaxed_dot_i8x16_i7x16(q, weights));
                }
            }
        }
        codes.advance(VECTOR_COLS);
        operands.advance(VECTOR_COLS);
    }
    sums
}
