//! The one loop of attention in int8: see `int8.rs` for what it multiplies.

use super::super::simd::{
    i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4_add, i32x4_dot_i16x8, i32x4_splat, load, store,
};

/// Positions or dimensions that one step works on.
pub(super) const WIDE: usize = 8;
/// 8 lanes of two codes.
pub(super) type Codes = [i8; 2 * WIDE];
/// Two 16-bit weights, the first in the low half.
pub(super) type Pair = i32;

#[inline(always)]
pub(super) fn pair(low: i16, high: i16) -> Pair {
    i32::from(low as u16) | i32::from(high) << 16
}

/// `sums[head][lane] = sum_i codes[i][lane][0] * weights[head][i][0] + codes[i][lane][1] * weights[head][i][1]`:
/// 16 codes are loaded and widened once for all heads.
///
/// # Panics
/// If there are fewer weights than codes.
#[inline(always)]
pub(super) fn pair_dots<const H: usize>(codes: &[Codes], weights: [&[Pair]; H]) -> [[i32; WIDE]; H] {
    let weights = weights.map(|weights| &weights[..codes.len()]);
    let mut sums = [[i32x4_splat(0); 2]; H];
    for (index, codes) in codes.iter().enumerate() {
        let codes = load(codes);
        let (low, high) = (i16x8_extend_low_i8x16(codes), i16x8_extend_high_i8x16(codes));
        for (sums, weights) in sums.iter_mut().zip(&weights) {
            let weight = i32x4_splat(weights[index]);
            sums[0] = i32x4_add(sums[0], i32x4_dot_i16x8(low, weight));
            sums[1] = i32x4_add(sums[1], i32x4_dot_i16x8(high, weight));
        }
    }
    sums.map(|[low, high]| {
        let mut sums = [0; WIDE];
        store(low, &mut sums);
        store(high, &mut sums[WIDE / 2..]);
        sums
    })
}
