//! Lookup tables: a byte swizzle looks up 16 rows at a time.
//!
//! For every pair of columns a table holds the nine possible sums `w0 a0 + w1 a1` (|sum| <= 256) as a vector of low
//! bytes and one of high bytes (see `tabulate` in `activations.rs`). The index of each row's pair is a nibble. Two
//! swizzles and an interleave give 16 exact i16 sums; they are added in i16 and widened before 127 of them can
//! overflow. The idea is T-MAC's (arXiv:2407.00088) and TL1's of bitnet.cpp (arXiv:2502.11880), with 16-bit sums kept
//! exact.

use core::arch::wasm32::*;
use std::ops::Range;

use super::packed::{STREAMS, TILE_ROWS};
use super::{Activations, TernaryMatrix};

/// Steps of two pairs, at most 2 * 256 in size, that an i16 lane can take: 63 * 512 = 32256.
const STEPS_PER_WIDENING: usize = 63;
/// Bytes of one step's tables: two pairs, low and high bytes.
const STEP_TABLES: usize = 64;

/// As [`scalar::multiply`](super::scalar::multiply).
pub(super) fn multiply(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    mut store: impl FnMut(usize, usize, i32),
) {
    let layout = matrix.tile_layout();
    let mut sums = [[0_i32; TILE_ROWS]; STREAMS];
    for unit in units {
        let tiles: [&[u8]; STREAMS] = std::array::from_fn(|stream| {
            &matrix.data()[(unit + stream * layout.quarter) * layout.stride..][..layout.stride]
        });
        for token in 0..x.tokens() {
            look_up(tiles, x.tables(token), &mut sums);
            for (stream, sums) in sums.iter().enumerate() {
                let first = (unit + stream * layout.quarter) * TILE_ROWS;
                for (row, &sum) in (first..matrix.rows()).zip(sums) {
                    store(token, row, sum);
                }
            }
        }
    }
}

/// Four tiles times one token: the sums of weight times activation of their 64 rows.
fn look_up(tiles: [&[u8]; STREAMS], tables: &[u8], sums: &mut [[i32; TILE_ROWS]; STREAMS]) {
    let steps = tiles[0].len() / TILE_ROWS;
    assert!(tiles.iter().all(|tile| tile.len() == TILE_ROWS * steps) && tables.len() >= STEP_TABLES * steps);
    let tiles = tiles.map(<[u8]>::as_ptr);
    let nibble = u8x16_splat(0x0f);
    *sums = [[0; TILE_ROWS]; STREAMS];
    let mut begin = 0;
    while begin < steps {
        let end = steps.min(begin + STEPS_PER_WIDENING);
        // Rows 0..8 and 8..16 of each tile.
        let mut narrow = [[i16x8_splat(0); 2]; STREAMS];
        for step in begin..end {
            let table = |vector: usize| {
                // SAFETY: step < steps, so 64 bytes of tables are in bounds, as asserted above; vector < 4.
                unsafe { v128_load(tables.as_ptr().add(STEP_TABLES * step + 16 * vector).cast()) }
            };
            let (low0, high0, low1, high1) = (table(0), table(1), table(2), table(3));
            for (narrow, tile) in narrow.iter_mut().zip(tiles) {
                // SAFETY: step < steps, so 16 bytes of each tile are in bounds, as asserted above.
                let packed = unsafe { v128_load(tile.add(TILE_ROWS * step).cast()) };
                let first = v128_and(packed, nibble);
                let second = v128_and(u16x8_shr(packed, 4), nibble);
                add_looked_up(narrow, low0, high0, first);
                add_looked_up(narrow, low1, high1, second);
            }
        }
        for (sums, narrow) in sums.iter_mut().zip(narrow) {
            widen_into(sums, narrow);
        }
        begin = end;
    }
}

#[inline(always)]
fn add_looked_up(narrow: &mut [v128; 2], low: v128, high: v128, index: v128) {
    let (low, high) = (swizzle(low, index), swizzle(high, index));
    let first = i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(low, high);
    let second = i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(low, high);
    narrow[0] = i16x8_add(narrow[0], first);
    narrow[1] = i16x8_add(narrow[1], second);
}

/// Indices are below 16, where the relaxed and the plain instruction are the same.
#[inline(always)]
fn swizzle(table: v128, index: v128) -> v128 {
    #[cfg(target_feature = "relaxed-simd")]
    {
        i8x16_relaxed_swizzle(table, index)
    }
    #[cfg(not(target_feature = "relaxed-simd"))]
    {
        i8x16_swizzle(table, index)
    }
}

fn widen_into(sums: &mut [i32; TILE_ROWS], narrow: [v128; 2]) {
    let wide = [
        i32x4_extend_low_i16x8(narrow[0]),
        i32x4_extend_high_i16x8(narrow[0]),
        i32x4_extend_low_i16x8(narrow[1]),
        i32x4_extend_high_i16x8(narrow[1]),
    ];
    for (sums, wide) in sums.chunks_exact_mut(4).zip(wide) {
        // SAFETY: `sums` is four i32, 16 bytes; v128_load and v128_store need no alignment.
        unsafe {
            let total = i32x4_add(v128_load(sums.as_ptr().cast()), wide);
            v128_store(sums.as_mut_ptr().cast(), total);
        }
    }
}
