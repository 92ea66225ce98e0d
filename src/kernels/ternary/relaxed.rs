//! Relaxed dot products in 32 bits: int8 activations times unsigned codes {0, 1, 2}, and the activations' sum taken off.
//!
//! The second operand has 7 bits, so the relaxed instruction is fully defined. It is one instruction per 16 weights where
//! the engine may use VNNI or ARM's dot product. Elsewhere it becomes multiply-add pairs, widen and add; there
//! `relaxed16` is cheaper.

use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::super::simd::{
    horizontal_sums, i32x4_add, i32x4_relaxed_dot_i8x16_i7x16_add, i32x4_splat, load, u8x16_splat, u16x8_shr, v128,
    v128_and, v128_load,
};
use super::grouped::{GroupedKernel, GroupedRelaxed};
use super::kernel::{Feature, TernaryKernel, chunks_of, multiply_rows};
use super::layout::{CHUNK, Layout};
use super::product::{Product, Token};
use super::rows::Rows;

/// 32-bit accumulators.
#[derive(Debug)]
pub(crate) struct Relaxed;

impl TernaryKernel for Relaxed {
    fn name(&self) -> &'static str {
        "relaxed"
    }

    fn needs(&self) -> Feature {
        Feature::RelaxedSimd
    }

    fn layout(&self) -> &'static dyn Layout {
        &Rows
    }

    fn grouped(&self) -> &'static dyn GroupedKernel {
        &GroupedRelaxed
    }

    fn multiply(&self, product: &Product<'_>, groups: Range<usize>) {
        multiply_rows(product, groups, dot);
    }
}

/// Four packed rows times one token: the sums of code times activation, one in each 32-bit lane.
#[inline(always)]
fn dot(rows: [&[u8]; QUARTERS], token: &Token<'_>) -> v128 {
    let chunks = chunks_of(rows, token.codes.len());
    let rows = rows.map(<[u8]>::as_ptr);
    let three = u8x16_splat(3);
    // Even and odd fields apart: one chain of additions for each row would wait for itself.
    let mut totals = [[i32x4_splat(0); 2]; QUARTERS];
    for (chunk, codes) in token.codes.as_chunks::<CHUNK>().0.iter().enumerate().take(chunks) {
        let q: [v128; 4] = std::array::from_fn(|field| load(&codes[16 * field..]));
        for (totals, row) in totals.iter_mut().zip(rows) {
            // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as `chunks_of` asserted.
            let packed = unsafe { v128_load(row.add(16 * chunk).cast()) };
            for (field, &q) in q.iter().enumerate() {
                let codes = v128_and(u16x8_shr(packed, 2 * field as u32), three);
                let total = &mut totals[field % 2];
                *total = i32x4_relaxed_dot_i8x16_i7x16_add(q, codes, *total);
            }
        }
    }
    horizontal_sums(totals.map(|[even, odd]| i32x4_add(even, odd)))
}
