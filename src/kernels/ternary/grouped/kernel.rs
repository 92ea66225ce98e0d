//! What a kernel of group-scaled weights is, and the walk through a matrix that the fast ones share.

use std::ops::Range;
use std::{array, ptr};

use super::super::super::row_groups::QUARTERS;
use super::super::super::simd::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, i32x4_add, store, v128, v128_load32_splat, v128_load64_zero,
};
use super::super::layout::CHUNK;
use super::blocks::{Blocks, SideBySide, VECTOR_COLS, Widening};
use super::product::{GroupedProduct, GroupedToken};

/// Bytes of the scales of four rows.
const SCALE_BYTES: usize = 8;

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

/// Sums of codes times activations in the blocks of some strips.
pub(super) trait Dot {
    /// What the columns meet.
    type Operand: Copy;
    /// How many operands a vector of codes has.
    const OPERANDS: usize;

    /// What is the same for all blocks.
    type Constants: Copy;

    /// Values that the compiler cannot see through: engines build a constant anew at each use, also in a loop, where a value stays
    /// in its register.
    fn constants() -> Self::Constants;

    /// A token's operands.
    fn operands<'a>(token: &GroupedToken<'a>) -> &'a [Self::Operand];

    /// For each strip and token the sums over a block of `chunks` chunks of 64 columns: a lane for each row. Of each chunk a token's
    /// number from `starts` on is added. All pointers are left behind what was read.
    ///
    /// # Safety
    /// For each chunk, of which there is one at least, 64 bytes must be readable from each of `codes` on, from each of `operands` on
    /// [`OPERANDS`](Self::OPERANDS) for every vector of codes, and one number from each of `starts` on.
    unsafe fn sums<const S: usize, const T: usize>(
        constants: Self::Constants,
        codes: &mut Pointers<u8, S>,
        operands: &mut Pointers<Self::Operand, T>,
        starts: &mut Pointers<i32, T>,
        chunks: usize,
    ) -> [[v128; T]; S];
}

/// Multiplies units by the sums that `D` computes, for a single token those of `S` strips together.
#[inline(always)]
pub(super) fn multiply_units<D: Dot, const S: usize>(product: &GroupedProduct<'_>, units: Range<usize>) {
    for unit in units {
        let (fours, rest) = product.tokens.as_chunks::<4>();
        for (index, tokens) in fours.iter().enumerate() {
            multiply_unit::<D, 1, 4>(product, unit, tokens, 4 * index);
        }
        let first = 4 * fours.len();
        match rest {
            [a] => multiply_unit::<D, S, 1>(product, unit, &[*a], first),
            [a, b] => multiply_unit::<D, 2, 2>(product, unit, &[*a, *b], first),
            [a, b, c] => multiply_unit::<D, 1, 3>(product, unit, &[*a, *b, *c], first),
            _ => {}
        }
    }
}

/// One unit times some tokens, the first of which is the product's token `first`; `S` strips go together, so that they share
/// the loads of the activations.
#[inline(never)]
fn multiply_unit<D: Dot, const S: usize, const T: usize>(
    product: &GroupedProduct<'_>,
    unit: usize,
    tokens: &[GroupedToken<'_>; T],
    first: usize,
) {
    let blocks = product.weights.blocks;
    let strips = strips_of(blocks, product.weights.data, unit);
    for (index, strips) in strips.as_chunks::<S>().0.iter().enumerate() {
        let totals = multiply_strips::<D, S, T>(blocks, strips, tokens);
        for (strip, totals) in (S * index..).map(|index| unit + index * units_of(blocks)).zip(totals) {
            if strip < blocks.strips() {
                for (t, total) in totals.into_iter().enumerate() {
                    let mut sums = [0.0; 4];
                    store(total, &mut sums);
                    product.out.store(product.first_token + first + t, 4 * strip, &sums);
                }
            }
        }
    }
}

/// Some strips times some tokens.
#[inline(always)]
fn multiply_strips<D: Dot, const S: usize, const T: usize>(
    blocks: Blocks,
    strips: &[&[u8]; S],
    tokens: &[GroupedToken<'_>; T],
) -> [[v128; T]; S] {
    let (groups, chunks) = (blocks.groups(), blocks.columns.count() / CHUNK);
    let operands = tokens.each_ref().map(D::operands);
    assert!(strips.iter().all(|strip| strip.len() == groups * blocks.block_bytes()));
    assert!(operands.iter().all(|operands| operands.len() == groups * chunks * CHUNK / VECTOR_COLS * D::OPERANDS));
    assert!(tokens.iter().all(|token| token.steps.len() == groups && token.starts.len() == groups * chunks));
    let (widening, constants) = (Widening::new(), D::constants());
    let mut codes: Pointers<u8, S> = Pointers::new(|s| strips[s].as_ptr());
    let mut operands: Pointers<D::Operand, T> = Pointers::new(|t| operands[t].as_ptr());
    let mut steps: Pointers<f32, T> = Pointers::new(|t| tokens[t].steps.as_ptr());
    let mut starts: Pointers<i32, T> = Pointers::new(|t| tokens[t].starts.as_ptr());
    let mut totals = [[f32x4_splat(0.0); T]; S];
    for _ in 0..groups {
        // SAFETY: strips, operands, steps and starts are those of `groups` groups, as asserted. Behind the codes of a block are 8
        // bytes of scales.
        unsafe {
            let sums = D::sums(constants, &mut codes, &mut operands, &mut starts, chunks);
            let step: [v128; T] = array::from_fn(|t| v128_load32_splat(steps.at(t, 0).cast()));
            for s in 0..S {
                let scales = widening.widen(v128_load64_zero(codes.at(s, 0).cast()));
                for t in 0..T {
                    let scaled = f32x4_mul(f32x4_convert_i32x4(sums[s][t]), f32x4_mul(scales, step[t]));
                    totals[s][t] = f32x4_add(totals[s][t], scaled);
                }
            }
        }
        codes.advance(SCALE_BYTES);
        steps.advance(1);
    }
    totals
}

/// For each token the numbers of a group's chunks from `starts` on, added, in every lane.
///
/// # Safety
/// So many numbers must be readable, one at least.
#[inline(always)]
pub(super) unsafe fn starts_of<const T: usize>(starts: &mut Pointers<i32, T>, chunks: usize) -> [v128; T] {
    let next = |starts: &Pointers<i32, T>| -> [v128; T] {
        // SAFETY: the caller's promise.
        array::from_fn(|t| unsafe { v128_load32_splat(starts.at(t, 0).cast()) })
    };
    let mut totals = next(starts);
    starts.advance(1);
    for _ in 1..chunks {
        for (total, start) in totals.iter_mut().zip(next(starts)) {
            *total = i32x4_add(*total, start);
        }
        starts.advance(1);
    }
    totals
}

/// Pointers that advance together. Each is copied for itself: of two that are copied as a whole LLVM makes one number of 64 bits.
#[derive(Debug)]
pub(super) struct Pointers<T, const N: usize>([*const T; N]);

impl<T, const N: usize> Pointers<T, N> {
    #[inline(always)]
    pub(super) fn new(of: impl Fn(usize) -> *const T) -> Self {
        let mut pointers = [ptr::null(); N];
        for (index, pointer) in pointers.iter_mut().enumerate() {
            *pointer = of(index);
        }
        Self(pointers)
    }

    /// The first one, which is compared to know the end.
    #[inline(always)]
    pub(super) fn first(&self) -> *const T {
        self.0[0]
    }

    /// # Safety
    /// `offset` numbers from that pointer on stay within what it points into, as for a pointer's `add`.
    #[inline(always)]
    pub(super) unsafe fn at(&self, index: usize, offset: usize) -> *const T {
        // SAFETY: the caller's promise.
        unsafe { self.0[index].add(offset) }
    }

    #[inline(always)]
    pub(super) fn advance(&mut self, by: usize) {
        for pointer in &mut self.0 {
            *pointer = pointer.wrapping_add(by);
        }
    }
}
