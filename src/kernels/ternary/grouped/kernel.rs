//! What a kernel of group-scaled weights is, and the walk through a matrix that the fast ones share.

use std::array;
use std::ops::Range;

use super::super::super::row_groups::QUARTERS;
use super::super::super::simd::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, store, v128, v128_load32_splat, v128_load64_zero,
};
use super::super::layout::CHUNK;
use super::blocks::{Blocks, SideBySide, widen_halves};
use super::product::{GroupedProduct, GroupedToken};

/// A way to multiply group-scaled weights with single tokens. All agree to the bit with the scalar one.
pub(crate) trait GroupedKernel: Sync {
    /// How its matrices lie in memory.
    fn side(&self) -> SideBySide {
        SideBySide::Four
    }

    /// Numbers that [`prepare`](Self::prepare) makes of each 64 columns; 0 where the kernel reads the codes themselves.
    fn prepared_per_chunk(&self) -> usize {
        0
    }

    /// Makes of a token's codes, whole chunks of 64, what [`multiply`](Self::multiply) reads.
    fn prepare(&self, _codes: &[i8], _out: &mut [u32]) {}

    /// Multiplies the rows of some units with every token, and stores each result once. A unit is the rows side by
    /// side of each quarter of the matrix, see [`units_of`].
    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>);
}

/// The number of units that the work on a matrix is cut into.
pub(super) fn units_of(blocks: Blocks) -> usize {
    blocks.strips().div_ceil(QUARTERS)
}

/// The strips of a unit. Rows that lie a quarter of the matrix apart are four streams of addresses, see `row_groups.rs`. Behind
/// the last strip it comes again.
pub(super) fn strips_of(blocks: Blocks, data: &[u8], unit: usize) -> [&[u8]; QUARTERS] {
    array::from_fn(|index| {
        let strip = (unit + index * units_of(blocks)).min(blocks.strips() - 1);
        &data[strip * blocks.strip_bytes()..][..blocks.strip_bytes()]
    })
}

/// Sums of codes times activations in whole chunks of 64 columns of a block.
pub(super) trait Dot {
    /// What the block's columns meet.
    type Operand: Copy;

    /// Where a token's operands begin for a group.
    fn operands<'a>(token: &GroupedToken<'a>, columns: Range<usize>) -> &'a [Self::Operand];

    /// `start[t]` plus the sums over some chunks for each token: a lane for each row of the block.
    ///
    /// # Safety
    /// From `codes` on, 64 bytes must be readable for each chunk; from each of `operands` on, what the kernel prepared, or the
    /// activation's codes, for as many columns.
    unsafe fn sums<const T: usize>(
        codes: *const u8,
        chunks: usize,
        operands: [*const Self::Operand; T],
        start: [v128; T],
    ) -> [v128; T];
}

/// Multiplies units by the sums that `D` computes.
#[inline(always)]
pub(super) fn multiply_units<D: Dot>(product: &GroupedProduct<'_>, units: Range<usize>) {
    for unit in units {
        let (fours, rest) = product.tokens.as_chunks::<4>();
        for (index, tokens) in fours.iter().enumerate() {
            multiply_unit::<D, 4>(product, unit, tokens, 4 * index);
        }
        let first = 4 * fours.len();
        match rest {
            [a] => multiply_unit::<D, 1>(product, unit, &[*a], first),
            [a, b] => multiply_unit::<D, 2>(product, unit, &[*a, *b], first),
            [a, b, c] => multiply_unit::<D, 3>(product, unit, &[*a, *b, *c], first),
            _ => {}
        }
    }
}

/// One unit times some tokens, the first of which is the product's token `first`.
#[inline(never)]
fn multiply_unit<D: Dot, const T: usize>(
    product: &GroupedProduct<'_>,
    unit: usize,
    tokens: &[GroupedToken<'_>; T],
    first: usize,
) {
    let (blocks, data) = (product.weights.blocks, product.weights.data);
    let (columns, chunks) = (blocks.columns.count(), blocks.columns.count() / CHUNK);
    let streams = strips_of(blocks, data, unit);
    let mut totals = [[f32x4_splat(0.0); T]; QUARTERS];
    for group in 0..blocks.groups() {
        let begin = columns * group;
        let operands: [&[D::Operand]; T] = array::from_fn(|t| D::operands(&tokens[t], begin..begin + columns));
        let operands = operands.map(<[D::Operand]>::as_ptr);
        // SAFETY: references to four bytes each.
        let starts: [v128; T] =
            array::from_fn(|t| unsafe { v128_load32_splat((&raw const tokens[t].starts[group]).cast()) });
        // SAFETY: as above.
        let steps: [v128; T] =
            array::from_fn(|t| unsafe { v128_load32_splat((&raw const tokens[t].steps[group]).cast()) });
        for (totals, stream) in totals.iter_mut().zip(streams) {
            let block = &stream[group * blocks.block_bytes()..][..blocks.block_bytes()];
            // SAFETY: a block has a byte for each column, and 8 behind them; the operands are those of all columns of a group.
            let (sums, scales) = unsafe {
                let sums = D::sums(block.as_ptr(), chunks, operands, starts);
                (sums, widen_halves(v128_load64_zero(block.as_ptr().add(columns).cast())))
            };
            for t in 0..T {
                let scaled = f32x4_mul(f32x4_convert_i32x4(sums[t]), f32x4_mul(scales, steps[t]));
                totals[t] = f32x4_add(totals[t], scaled);
            }
        }
    }
    for (index, totals) in totals.into_iter().enumerate() {
        let strip = unit + index * units_of(blocks);
        if strip < blocks.strips() {
            for (t, total) in totals.into_iter().enumerate() {
                let mut sums = [0.0; 4];
                store(total, &mut sums);
                product.out.store(product.first_token + first + t, 4 * strip, &sums);
            }
        }
    }
}
