//! Lookup tables, see `lut.rs` of the plain kernels: a byte swizzle looks up 16 rows at a time.
//!
//! A nibble of the codes is a pair of columns, so that a table has all 16 sums, +2 included: of at most 508 in size, split into
//! `32 high + low` (`low` 0 to 31, `high` -16 to 15). Eight of them add up within bytes, and those of 128 columns within 16 bits.

use core::hint::black_box;
use std::ops::Range;

use super::super::super::row_groups::QUARTERS;
use super::super::super::simd::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, i8x16_add, i8x16_narrow_i16x8, i8x16_relaxed_swizzle,
    i8x16_splat, i16x8_add, i16x8_mul, i16x8_shl, i16x8_shr, i16x8_splat, i32x4_add, i32x4_extend_high_i16x8,
    i32x4_extend_low_i16x8, i32x4_splat, load, store, u8x16_splat, u16x8_shr, u16x8_splat, v128, v128_and, v128_load,
    v128_load64_zero,
};
use super::super::layout::{CHUNK, TILE_ROWS};
use super::blocks::{SideBySide, widen_halves};
use super::kernel::{GroupedKernel, strips_of, units_of};
use super::product::{GroupedProduct, GroupedToken};

/// Numbers of the tables of four columns: two pairs, low and high bytes.
const STEP_TABLES: usize = 4 * 4;
/// Steps of four columns that bytes can take: 8 * 31 = 248, and 8 * -16 = -128.
const STEPS_PER_BLOCK: usize = 4;
/// Steps that an i16 lane can take: 128 columns of at most 2 * 127 make 32512.
const STEPS_PER_WIDENING: usize = 32;

/// Sums of pairs, looked up.
#[derive(Debug)]
pub(crate) struct GroupedLut;

impl GroupedKernel for GroupedLut {
    fn side(&self) -> SideBySide {
        SideBySide::Sixteen
    }

    fn prepared_per_chunk(&self) -> usize {
        CHUNK / 4 * STEP_TABLES
    }

    /// For each pair of columns the sums `w0 a0 + w1 a1` by the index `(w0 + 1) + 4 (w1 + 1)`: a vector of `low` and one of
    /// `high`.
    fn prepare(&self, codes: &[i8], out: &mut [u32]) {
        let w0 = load(&[-1_i16, 0, 1, 2, -1, 0, 1, 2]);
        let w1 = [load(&[-1_i16, -1, -1, -1, 0, 0, 0, 0]), load(&[1_i16, 1, 1, 1, 2, 2, 2, 2])];
        for (&[a0, a1], table) in codes.as_chunks::<2>().0.iter().zip(out.chunks_exact_mut(STEP_TABLES / 2)) {
            let (a0, a1) = (i16x8_mul(i16x8_splat(i16::from(a0)), w0), i16x8_splat(i16::from(a1)));
            let [first, last] = w1.map(|w1| i16x8_add(a0, i16x8_mul(a1, w1)));
            let low = i8x16_narrow_i16x8(v128_and(first, i16x8_splat(31)), v128_and(last, i16x8_splat(31)));
            store(low, table);
            store(i8x16_narrow_i16x8(i16x8_shr(first, 5), i16x8_shr(last, 5)), &mut table[4..]);
        }
    }

    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        let blocks = product.weights.blocks;
        for unit in units {
            let strips = strips_of(blocks, product.weights.data, unit);
            for (index, token) in product.tokens.iter().enumerate() {
                let totals = multiply_unit(product, strips, token);
                for (quarter, totals) in totals.into_iter().enumerate() {
                    let strip = unit + quarter * units_of(blocks);
                    if strip >= blocks.strips() {
                        break;
                    }
                    let mut sums = [0.0; TILE_ROWS];
                    totals.into_iter().zip(sums.chunks_exact_mut(4)).for_each(|(total, sums)| store(total, sums));
                    // Even rows come first, then the odd ones.
                    let sums: [f32; TILE_ROWS] = std::array::from_fn(|row| sums[row / 2 + row % 2 * TILE_ROWS / 2]);
                    product.out.store(product.first_token + index, TILE_ROWS * strip, &sums);
                }
            }
        }
    }
}

/// Four strips times one token: the sums of each one's even and then its odd rows.
fn multiply_unit(
    product: &GroupedProduct<'_>,
    strips: [&[u8]; QUARTERS],
    token: &GroupedToken<'_>,
) -> [[v128; 4]; QUARTERS] {
    let blocks = product.weights.blocks;
    let (steps, codes) = (blocks.columns.count() / 4, blocks.code_bytes());
    let tables = token.prepared.chunks_exact(STEP_TABLES * steps);
    let mut totals = [[f32x4_splat(0.0); 4]; QUARTERS];
    for (group, (tables, &step)) in tables.zip(token.steps).enumerate() {
        let step = f32x4_splat(step);
        // In pairs: the sums of four would not fit the registers.
        for (totals, strips) in totals.as_chunks_mut::<2>().0.iter_mut().zip(strips.as_chunks::<2>().0) {
            let tiles = strips.map(|strip| &strip[group * blocks.block_bytes()..][..blocks.block_bytes()]);
            let sums = look_up(tiles.map(|tile| &tile[..codes]), tables, steps);
            for ((totals, sums), tile) in totals.iter_mut().zip(sums).zip(tiles) {
                let scales = &tile[codes..];
                for (index, (total, sum)) in totals.iter_mut().zip(sums).enumerate() {
                    let halves: &[u8] = &scales[8 * index..][..8];
                    // SAFETY: `halves` are 8 readable bytes; the load needs no alignment.
                    let scale = widen_halves(unsafe { v128_load64_zero(halves.as_ptr().cast()) });
                    *total = f32x4_add(*total, f32x4_mul(f32x4_convert_i32x4(sum), f32x4_mul(scale, step)));
                }
            }
        }
    }
    totals
}

/// The sums of a group of two tiles: each one's even and then its odd rows.
#[inline(always)]
fn look_up(tiles: [&[u8]; 2], tables: &[u32], steps: usize) -> [[v128; 4]; 2] {
    assert!(tiles.iter().all(|tile| tile.len() == TILE_ROWS * steps) && tables.len() == STEP_TABLES * steps);
    let mut wide = [[i32x4_splat(0); 4]; 2];
    for begin in (0..steps).step_by(STEPS_PER_WIDENING) {
        let end = steps.min(begin + STEPS_PER_WIDENING);
        for (wide, [even, odd]) in wide.iter_mut().zip(look_up_narrow(tiles, tables, begin..end)) {
            wide[0] = i32x4_add(wide[0], i32x4_extend_low_i16x8(even));
            wide[1] = i32x4_add(wide[1], i32x4_extend_high_i16x8(even));
            wide[2] = i32x4_add(wide[2], i32x4_extend_low_i16x8(odd));
            wide[3] = i32x4_add(wide[3], i32x4_extend_high_i16x8(odd));
        }
    }
    wide
}

/// Some steps of both tiles, which are a multiple of [`STEPS_PER_BLOCK`]: the 16-bit sums of each one's even and odd rows.
#[inline(always)]
fn look_up_narrow(tiles: [&[u8]; 2], tables: &[u32], steps: Range<usize>) -> [[v128; 2]; 2] {
    assert!(tiles.iter().all(|tile| tile.len() >= TILE_ROWS * steps.end) && tables.len() >= STEP_TABLES * steps.end);
    // A value that the compiler cannot see through: engines build a constant anew at each use, also in a loop.
    let nibble = black_box(u8x16_splat(0x0f));
    let mut narrow = [[i16x8_splat(0); 2]; 2];
    for begin in steps.step_by(STEPS_PER_BLOCK) {
        let mut low = [u8x16_splat(0); 2];
        let mut high = [i8x16_splat(0); 2];
        for step in begin..begin + STEPS_PER_BLOCK {
            // SAFETY: the steps are whole blocks, so step < steps.end, and four tables are in bounds, as asserted above.
            let [low0, high0, low1, high1]: [v128; 4] = std::array::from_fn(|table| unsafe {
                v128_load(tables.as_ptr().add(STEP_TABLES * step + 4 * table).cast())
            });
            for (index, tile) in tiles.iter().enumerate() {
                // SAFETY: as above, 16 bytes of each tile.
                let packed = unsafe { v128_load(tile.as_ptr().add(TILE_ROWS * step).cast()) };
                let (first, second) = (v128_and(packed, nibble), v128_and(u16x8_shr(packed, 4), nibble));
                low[index] = i8x16_add(low[index], i8x16_relaxed_swizzle(low0, first));
                high[index] = i8x16_add(high[index], i8x16_relaxed_swizzle(high0, first));
                low[index] = i8x16_add(low[index], i8x16_relaxed_swizzle(low1, second));
                high[index] = i8x16_add(high[index], i8x16_relaxed_swizzle(high1, second));
            }
        }
        for (narrow, (low, high)) in narrow.iter_mut().zip(low.into_iter().zip(high)) {
            let even = i16x8_add(v128_and(low, u16x8_splat(0xff)), i16x8_shr(i16x8_shl(high, 8), 3));
            let odd = i16x8_add(u16x8_shr(low, 8), v128_and(i16x8_shr(high, 3), i16x8_splat(-32)));
            narrow[0] = i16x8_add(narrow[0], even);
            narrow[1] = i16x8_add(narrow[1], odd);
        }
    }
    narrow
}
