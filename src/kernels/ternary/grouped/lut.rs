//! Lookup tables, see `lut.rs` of the plain kernels: a byte swizzle looks up 16 rows at a time.
//!
//! A nibble of the codes is a pair of columns, so that a table has all 16 sums, +2 included: of at most 508 in size, split into
//! `32 high + low` (`low` 0 to 31, `high` -16 to 15). Eight of them add up within bytes, and those of 128 columns within 16 bits.
//! `binary.rs` looks up what four binary weights make, with the same bounds for twice as many columns.

use core::hint::black_box;
use std::array;
use std::ops::Range;

use super::super::super::simd::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, i8x16_add, i8x16_narrow_i16x8, i8x16_relaxed_swizzle,
    i8x16_splat, i16x8_add, i16x8_mul, i16x8_shl, i16x8_shr, i16x8_splat, i32x4_add, i32x4_extend_high_i16x8,
    i32x4_extend_low_i16x8, load, store, u8x16_splat, u16x8_shr, u16x8_splat, v128, v128_and, v128_load,
    v128_load64_zero,
};
use super::super::layout::{CHUNK, TILE_ROWS};
use super::blocks::{Blocks, SideBySide, Widening};
use super::kernel::{GroupedKernel, Pointers, strips_of, units_of};
use super::product::{GroupedProduct, GroupedToken};

/// Numbers of a table: low and high bytes.
pub(super) const TABLE: usize = 2 * 4;
/// Numbers of the tables of a step: of both nibbles of a byte.
const STEP_TABLES: usize = 2 * TABLE;
/// Steps that bytes can take: 8 * 31 = 248, and 8 * -16 = -128.
const STEPS_PER_BLOCK: usize = 4;
/// Steps that an i16 lane can take: 64 sums of at most 508 make 32512.
const STEPS_PER_WIDENING: usize = 32;

/// Strips that share the loads of the tables.
const PAIR: usize = 2;

/// Sums of pairs, looked up.
#[derive(Debug)]
pub(crate) struct GroupedLut;

impl GroupedKernel for GroupedLut {
    fn side(&self) -> SideBySide {
        SideBySide::Sixteen
    }

    fn prepared_per_chunk(&self) -> usize {
        CHUNK / 2 * TABLE
    }

    /// For each pair of columns the sums `w0 a0 + w1 a1` by the index `(w0 + 1) + 4 (w1 + 1)`: a vector of `low` and one of
    /// `high`.
    fn prepare(&self, codes: &[i8], out: &mut [u32]) {
        let w0 = load(&[-1_i16, 0, 1, 2, -1, 0, 1, 2]);
        let w1 = [load(&[-1_i16, -1, -1, -1, 0, 0, 0, 0]), load(&[1_i16, 1, 1, 1, 2, 2, 2, 2])];
        for (&[a0, a1], table) in codes.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<TABLE>().0) {
            let (a0, a1) = (i16x8_mul(i16x8_splat(i16::from(a0)), w0), i16x8_splat(i16::from(a1)));
            split(w1.map(|w1| i16x8_add(a0, i16x8_mul(a1, w1))), table);
        }
    }

    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        multiply(product, units);
    }
}

/// Splits the 16 sums of a table into a vector of `low` and one of `high`.
#[inline(always)]
pub(super) fn split([first, last]: [v128; 2], table: &mut [u32; TABLE]) {
    let low = i8x16_narrow_i16x8(v128_and(first, i16x8_splat(31)), v128_and(last, i16x8_splat(31)));
    store(low, table);
    store(i8x16_narrow_i16x8(i16x8_shr(first, 5), i16x8_shr(last, 5)), &mut table[4..]);
}

/// As [`GroupedKernel::multiply`], by the tables that were prepared.
pub(super) fn multiply(product: &GroupedProduct<'_>, units: Range<usize>) {
    let blocks = product.weights.blocks;
    for unit in units {
        let strips = strips_of(blocks, product.weights.data, unit);
        for (index, token) in product.tokens.iter().enumerate() {
            // In pairs: the sums of four would not fit the registers.
            for (pair, strips) in strips.as_chunks::<PAIR>().0.iter().enumerate() {
                let totals = multiply_pair(blocks, *strips, token);
                for (quarter, totals) in (PAIR * pair..).zip(totals) {
                    let strip = unit + quarter * units_of(blocks);
                    if strip >= blocks.strips() {
                        break;
                    }
                    let mut sums = [0.0; TILE_ROWS];
                    totals.into_iter().zip(sums.chunks_exact_mut(4)).for_each(|(total, sums)| store(total, sums));
                    // Even rows come first, then the odd ones.
                    let sums: [f32; TILE_ROWS] = array::from_fn(|row| sums[row / 2 + row % 2 * TILE_ROWS / 2]);
                    product.out.store(product.first_token + index, TILE_ROWS * strip, &sums);
                }
            }
        }
    }
}

/// Values that the compiler cannot see through: engines build a constant anew at each use, also in a loop.
#[derive(Clone, Copy)]
struct Constants {
    nibble: v128,
    low_byte: v128,
    high_bits: v128,
    widening: Widening,
    /// [`STEPS_PER_BLOCK`]: LLVM would order what it unrolls by sums, and keep all tables in registers until the last.
    steps: usize,
}

impl Constants {
    fn new() -> Self {
        Self {
            nibble: black_box(u8x16_splat(0x0f)),
            low_byte: black_box(u16x8_splat(0xff)),
            high_bits: black_box(i16x8_splat(-32)),
            widening: Widening::new(),
            steps: black_box(STEPS_PER_BLOCK),
        }
    }
}

/// Two strips times one token: the sums of each one's even and then its odd rows.
#[inline(never)]
fn multiply_pair(blocks: Blocks, strips: [&[u8]; PAIR], token: &GroupedToken<'_>) -> [[v128; 4]; PAIR] {
    let (groups, steps) = (blocks.groups(), blocks.columns.count() / blocks.side.byte_cols());
    assert!(strips.iter().all(|strip| strip.len() == groups * blocks.block_bytes()));
    assert!(token.prepared.len() == groups * steps * STEP_TABLES && token.steps.len() == groups);
    let constants = Constants::new();
    let mut codes: Pointers<u8, PAIR> = Pointers::new(|index| strips[index].as_ptr());
    let mut tables = token.prepared.as_ptr();
    let mut totals = [[f32x4_splat(0.0); 4]; PAIR];
    // Whole parts of at most STEPS_PER_WIDENING steps.
    let parts = steps.div_ceil(STEPS_PER_WIDENING);
    for &step in token.steps {
        // SAFETY: strips and tables are those of `groups` groups of `steps` steps, as asserted, and so many are taken.
        let mut part = || unsafe { look_up(constants, &mut codes, &mut tables, steps / parts / STEPS_PER_BLOCK) };
        let mut wide = part().map(widen);
        for _ in 1..parts {
            for (wide, part) in wide.iter_mut().zip(part().map(widen)) {
                *wide = array::from_fn(|index| i32x4_add(wide[index], part[index]));
            }
        }
        let step = f32x4_splat(step);
        for (tile, (totals, sums)) in totals.iter_mut().zip(wide).enumerate() {
            for (index, (total, sum)) in totals.iter_mut().zip(sums).enumerate() {
                // SAFETY: behind a block's codes are the 32 bytes of its scales, as `block_bytes` counts them.
                let scale = constants.widening.widen(unsafe { v128_load64_zero(codes.at(tile, 8 * index).cast()) });
                *total = f32x4_add(*total, f32x4_mul(f32x4_convert_i32x4(sum), f32x4_mul(scale, step)));
            }
        }
        codes.advance(2 * TILE_ROWS);
    }
    totals
}

/// The sums of even and odd rows in 32 bits.
#[inline(always)]
fn widen([even, odd]: [v128; 2]) -> [v128; 4] {
    [
        i32x4_extend_low_i16x8(even),
        i32x4_extend_high_i16x8(even),
        i32x4_extend_low_i16x8(odd),
        i32x4_extend_high_i16x8(odd),
    ]
}

/// Some blocks of [`STEPS_PER_BLOCK`] steps of both strips, at least one, behind which the pointers are left: the 16-bit sums
/// of each one's even and odd rows.
///
/// # Safety
/// 16 bytes of codes and [`STEP_TABLES`] numbers must be readable for each step.
#[inline(always)]
unsafe fn look_up(
    constants: Constants,
    codes: &mut Pointers<u8, PAIR>,
    tables: &mut *const u32,
    blocks: usize,
) -> [[v128; 2]; PAIR] {
    let mut narrow = [[i16x8_splat(0); 2]; PAIR];
    for _ in 0..blocks {
        let mut low = [u8x16_splat(0); PAIR];
        let mut high = [i8x16_splat(0); PAIR];
        let end = tables.wrapping_add(STEP_TABLES * constants.steps);
        while *tables != end {
            // SAFETY: the caller's promise.
            let [low0, high0, low1, high1]: [v128; 4] =
                array::from_fn(|table| unsafe { v128_load(tables.add(4 * table).cast()) });
            for tile in 0..PAIR {
                // SAFETY: as above.
                let packed = unsafe { v128_load(codes.at(tile, 0).cast()) };
                let first = v128_and(packed, constants.nibble);
                let second = v128_and(u16x8_shr(packed, 4), constants.nibble);
                low[tile] = i8x16_add(low[tile], i8x16_relaxed_swizzle(low0, first));
                high[tile] = i8x16_add(high[tile], i8x16_relaxed_swizzle(high0, first));
                low[tile] = i8x16_add(low[tile], i8x16_relaxed_swizzle(low1, second));
                high[tile] = i8x16_add(high[tile], i8x16_relaxed_swizzle(high1, second));
            }
            codes.advance(TILE_ROWS);
            *tables = tables.wrapping_add(STEP_TABLES);
        }
        for (narrow, (low, high)) in narrow.iter_mut().zip(low.into_iter().zip(high)) {
            let even = i16x8_add(v128_and(low, constants.low_byte), i16x8_shr(i16x8_shl(high, 8), 3));
            let odd = i16x8_add(u16x8_shr(low, 8), v128_and(i16x8_shr(high, 3), constants.high_bits));
            narrow[0] = i16x8_add(narrow[0], even);
            narrow[1] = i16x8_add(narrow[1], odd);
        }
    }
    narrow
}
