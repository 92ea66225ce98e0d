//! Lookup tables: a byte swizzle looks up 16 rows at a time.
//!
//! For every pair of columns a table holds the nine possible sums `w0 a0 + w1 a1` (|sum| <= 256) in two bytes,
//! `32 high + low` (see [`Lut::prepare`](TernaryKernel::prepare)). The index of each row's pair is a nibble. The looked-up bytes are
//! added as bytes, eight at a time, because `low <= 31` and `|high| <= 8`; then they are put together in i16, and those
//! are widened before they can overflow. Interleaving 16-bit sums after every lookup takes four shuffles for two pairs,
//! and shuffles are what a processor has the fewest units for.
//!
//! The idea is T-MAC's (arXiv:2407.00088) and TL1's of bitnet.cpp (arXiv:2502.11880), with sums kept exact.

use core::hint::black_box;
use std::ops::Range;

use super::super::row_groups::QUARTERS;
use super::super::simd::{
    i8x16_add, i8x16_narrow_i16x8, i8x16_relaxed_swizzle, i8x16_splat, i16x8_add, i16x8_mul, i16x8_shl, i16x8_shr,
    i16x8_splat, i32x4_add, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8, load, store, u8x16_splat, u16x8_shr,
    u16x8_splat, v128, v128_and, v128_load,
};
use super::grouped::{GroupedKernel, GroupedLut};
use super::kernel::{Feature, TernaryKernel};
use super::layout::{CHUNK, Layout, TILE_ROWS};
use super::product::Product;
use super::tiles::Tiles;

/// Steps of two pairs that bytes can take: 8 * 31 = 248.
const STEPS_PER_BLOCK: usize = 4;
/// Steps of blocks, each at most 8 * 256 in size, that an i16 lane can take: 15 * 2048 = 30720.
const STEPS_PER_WIDENING: usize = 15 * STEPS_PER_BLOCK;
/// Vectors of one step's tables: two pairs, low and high bytes.
const STEP_TABLES: usize = 4;

/// Sums of pairs, looked up.
#[derive(Debug)]
pub(crate) struct Lut;

impl TernaryKernel for Lut {
    fn name(&self) -> &'static str {
        "lut"
    }

    fn needs(&self) -> Feature {
        Feature::Simd128
    }

    fn layout(&self) -> &'static dyn Layout {
        &Tiles
    }

    fn prepared_per_chunk(&self) -> usize {
        CHUNK
    }

    /// The tables: for each pair of columns, the sums `w0 a0 + w1 a1` by the index `3 (w0 + 1) + w1 + 1`, split into
    /// `32 high + low`: a vector of `low` (0 to 31) and one of `high` (-8 to 8). Seven entries are unused.
    fn prepare(&self, codes: &[i8], out: &mut [v128]) {
        let w0 = load(&[-1_i16, -1, -1, 0, 0, 0, 1, 1]);
        let w1 = load(&[-1_i16, 0, 1, -1, 0, 1, -1, 0]);
        for (&[a0, a1], table) in codes.as_chunks::<2>().0.iter().zip(out.as_chunks_mut::<2>().0) {
            let (a0, a1) = (i16x8_splat(i16::from(a0)), i16x8_splat(i16::from(a1)));
            let first = i16x8_add(i16x8_mul(a0, w0), i16x8_mul(a1, w1));
            // The index 8, for two weights of 1.
            let last = i16x8_add(a0, a1);
            let low = i8x16_narrow_i16x8(v128_and(first, i16x8_splat(31)), v128_and(last, i16x8_splat(31)));
            *table = [low, i8x16_narrow_i16x8(i16x8_shr(first, 5), i16x8_shr(last, 5))];
        }
    }

    fn grouped(&self) -> &'static dyn GroupedKernel {
        &GroupedLut
    }

    fn multiply(&self, product: &Product<'_>, groups: Range<usize>) {
        let shape = product.weights.shape;
        let (stride, quarter) = (Tiles::stride(shape), Tiles.row_groups(shape));
        let mut sums = [[0_i32; TILE_ROWS]; QUARTERS];
        for group in groups {
            let tile = |index: usize| (group + index * quarter) * stride;
            let tiles = std::array::from_fn(|index| &product.weights.data[tile(index)..][..stride]);
            for (token, activations) in product.tokens.iter().enumerate() {
                look_up(tiles, activations.prepared, &mut sums);
                for (index, sums) in sums.iter().enumerate() {
                    let first = (group + index * quarter) * TILE_ROWS;
                    if first >= shape.rows {
                        break;
                    }
                    // Even rows come first, then the odd ones.
                    let sums: [i32; TILE_ROWS] = std::array::from_fn(|row| sums[row / 2 + row % 2 * TILE_ROWS / 2]);
                    product.store(token, first, &sums[..TILE_ROWS.min(shape.rows - first)]);
                }
            }
        }
    }
}

/// Four tiles times one token: the sums of weight times activation of each tile's even rows and then its odd rows.
fn look_up(tiles: [&[u8]; QUARTERS], tables: &[v128], sums: &mut [[i32; TILE_ROWS]; QUARTERS]) {
    let steps = tiles[0].len() / TILE_ROWS;
    *sums = [[0; TILE_ROWS]; QUARTERS];
    for begin in (0..steps).step_by(STEPS_PER_WIDENING) {
        let steps = begin..steps.min(begin + STEPS_PER_WIDENING);
        // In pairs: the sums of four would not fit the registers.
        for (tiles, sums) in tiles.as_chunks::<2>().0.iter().zip(sums.as_chunks_mut::<2>().0) {
            for (sums, narrow) in sums.iter_mut().zip(look_up_narrow(*tiles, tables, steps.clone())) {
                widen_into(sums, narrow);
            }
        }
    }
}

/// Some steps of two tiles: the 16-bit sums of each one's even and odd rows.
#[inline(always)]
fn look_up_narrow(tiles: [&[u8]; 2], tables: &[v128], steps: Range<usize>) -> [[v128; 2]; 2] {
    assert!(tiles.iter().all(|tile| tile.len() >= TILE_ROWS * steps.end) && tables.len() >= STEP_TABLES * steps.end);
    // Values that the compiler cannot see through: engines build a constant anew at each use, also in a loop.
    let nibble = black_box(u8x16_splat(0x0f));
    let mut narrow = [[i16x8_splat(0); 2]; 2];
    for begin in steps.clone().step_by(STEPS_PER_BLOCK) {
        let mut low = [u8x16_splat(0); 2];
        let mut high = [i8x16_splat(0); 2];
        for step in begin..steps.end.min(begin + STEPS_PER_BLOCK) {
            // SAFETY: step < steps.end, so four tables are in bounds, as asserted above.
            let [low0, high0, low1, high1] = unsafe { *tables.as_ptr().add(STEP_TABLES * step).cast::<[v128; 4]>() };
            for (index, tile) in tiles.iter().enumerate() {
                // SAFETY: step < steps.end, so 16 bytes of each tile are in bounds, as asserted above.
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

fn widen_into(sums: &mut [i32; TILE_ROWS], narrow: [v128; 2]) {
    let wide = [
        i32x4_extend_low_i16x8(narrow[0]),
        i32x4_extend_high_i16x8(narrow[0]),
        i32x4_extend_low_i16x8(narrow[1]),
        i32x4_extend_high_i16x8(narrow[1]),
    ];
    for (sums, wide) in sums.chunks_exact_mut(4).zip(wide) {
        store(i32x4_add(load(sums), wide), sums);
    }
}
