//! The one loop of attention in int8: see `int8.rs` for what it multiplies.

use super::super::simd::{i32x4_add, i32x4_dot_i16x8, i32x4_splat, load_widened, store};

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

/// `sums[head][lane] = sum_i codes[i][lane][0] * weights[i][head][0] + codes[i][lane][1] * weights[i][head][1]`:
/// 16 codes are loaded and widened once for all heads. The weights of the heads lie side by side, so that the loop has two
/// addresses to move.
///
/// # Panics
/// If there are fewer weights than codes.
#[inline(always)]
pub(super) fn pair_dots<const H: usize>(codes: &[Codes], weights: &[[Pair; H]]) -> [[i32; WIDE]; H] {
    let mut sums = [[i32x4_splat(0); 2]; H];
    for (codes, weights) in codes.iter().zip(&weights[..codes.len()]) {
        let (low, high) = codes.split_at(WIDE);
        let (low, high) = (load_widened(low), load_widened(high));
        for (sums, &weight) in sums.iter_mut().zip(weights) {
            let weight = i32x4_splat(weight);
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
