//! Relaxed dot products in 16 bits: sums of pairs are added in i16, and widened before they can overflow.
//!
//! As in `relaxed` the second operand has 7 bits, so that the relaxed instruction is fully defined. Where a processor has
//! no dot product of four bytes, this takes fewer instructions.

use core::hint::black_box;
use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::super::simd::{
    horizontal_sums, i16x8_add, i16x8_relaxed_dot_i8x16_i7x16, i16x8_shr, i16x8_splat, i32x4_add,
    i32x4_extadd_pairwise_i16x8, i32x4_splat, u8x16_splat, u16x8_shr, v128, v128_and, v128_load,
};
use super::grouped::{GroupedKernel, GroupedRelaxed16};
use super::kernel::{Feature, TernaryKernel, chunks_of, multiply_rows};
use super::layout::{CHUNK, Layout};
use super::product::{Product, Token};
use super::rows::Rows;

/// Chunks that i16 lanes can take: two dot products each, of codes times 4, are at most 8 * 2 * 2 * 8 * 127 = 32512.
const CHUNKS_PER_WIDENING: usize = 8;

/// 16-bit accumulators.
#[derive(Debug)]
pub(crate) struct Relaxed16;

impl TernaryKernel for Relaxed16 {
    fn name(&self) -> &'static str {
        "relaxed16"
    }

    fn needs(&self) -> Feature {
        Feature::RelaxedSimd
    }

    fn layout(&self) -> &'static dyn Layout {
        &Rows
    }

    fn grouped(&self) -> &'static dyn GroupedKernel {
        &GroupedRelaxed16
    }

    fn multiply(&self, product: &Product<'_>, groups: Range<usize>) {
        multiply_rows(product, groups, dot);
    }
}

/// Four packed rows times one token: the sums of code times activation, one in each 32-bit lane.
///
/// Two fields are masked where they stand, and one shift brings the others there, so products of every second field are 4
/// times too large and have a sum of their own. Rows go in pairs: the sums of four would not fit the registers.
#[inline(always)]
fn dot(rows: [&[u8]; QUARTERS], token: &Token<'_>) -> v128 {
    let token = token.codes;
    let chunks = chunks_of(rows, token.len());
    let rows = rows.map(<[u8]>::as_ptr);
    // Values that the compiler cannot see through: engines build a constant anew at each use, also in a loop.
    let masks = [black_box(u8x16_splat(0b0011)), black_box(u8x16_splat(0b1100))];
    let mut totals = [i32x4_splat(0); QUARTERS];
    let mut begin = 0;
    while begin < chunks {
        let end = chunks.min(begin + CHUNKS_PER_WIDENING);
        for (totals, rows) in totals.as_chunks_mut::<2>().0.iter_mut().zip(rows.as_chunks::<2>().0) {
            let mut sums = [[i16x8_splat(0); 2]; 2];
            for chunk in begin..end {
                // SAFETY: chunk < chunks, and the token has 64 bytes for each, as `chunks_of` asserted.
                let q = unsafe { load_chunk(token, chunk) };
                for (sums, row) in sums.iter_mut().zip(rows) {
                    // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as `chunks_of` asserted.
                    let low = unsafe { v128_load(row.add(16 * chunk).cast()) };
                    let high = u16x8_shr(low, 4);
                    for (q, packed) in q.as_chunks::<2>().0.iter().zip([low, high]) {
                        for ((sum, &q), mask) in sums.iter_mut().zip(q).zip(masks) {
                            *sum = i16x8_add(*sum, i16x8_relaxed_dot_i8x16_i7x16(q, v128_and(packed, mask)));
                        }
                    }
                }
            }
            for (total, [once, fourfold]) in totals.iter_mut().zip(sums) {
                let sum = i16x8_add(once, i16x8_shr(fourfold, 2));
                *total = i32x4_add(*total, i32x4_extadd_pairwise_i16x8(sum));
            }
        }
        begin = end;
    }
    horizontal_sums(totals)
}

/// The activations that the four fields of chunk `chunk` meet.
///
/// # Safety
/// `token` must have 64 codes for each chunk up to this one.
#[inline(always)]
unsafe fn load_chunk(token: &[i8], chunk: usize) -> [v128; 4] {
    std::array::from_fn(|field| {
        // SAFETY: the caller has made sure; v128_load needs no alignment.
        unsafe { v128_load(token.as_ptr().add(CHUNK * chunk + 16 * field).cast()) }
    })
}
