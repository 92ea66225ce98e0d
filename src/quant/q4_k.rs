//! Q4_K and Q5_K (ggml types 12 and 13): super-blocks of 256 weights in 8 groups of 32, each with a scale and a minimum of
//! 6 bits.
//!
//! Q4_K is `f16 d; f16 dmin; u8 scales[12]; u8 qs[128]`, Q5_K `f16 d; f16 dmin; u8 scales[12]; u8 qh[32]; u8 qs[128]`. Weight
//! = `(d scale) code - dmin minimum`. Of 32 bytes of `qs` the low nibbles are one group and the high ones the next; bit `g`
//! of `qh[i]` is the fifth bit of weight `i` of group `g`. Source: ggml `dequantize_row_q4_K`, `_q5_K`.

use super::blocks::half_at;

pub(super) fn q4_k(block: &[u8; 144], values: &mut [f32; 256]) {
    let groups = groups(block);
    for (pair, (qs, values)) in block[16..].chunks_exact(32).zip(values.as_chunks_mut::<64>().0).enumerate() {
        let (first, second) = values.split_at_mut(32);
        let ([d1, m1], [d2, m2]) = (groups[2 * pair], groups[2 * pair + 1]);
        for ((first, second), byte) in first.iter_mut().zip(second).zip(qs) {
            *first = d1 * f32::from(byte & 15) - m1;
            *second = d2 * f32::from(byte >> 4) - m2;
        }
    }
}

pub(super) fn q5_k(block: &[u8; 176], values: &mut [f32; 256]) {
    let groups = groups(block);
    let (qh, qs) = block[16..].split_at(32);
    let (qs, values) = (qs.as_chunks::<32>().0, values.as_chunks_mut::<64>().0);
    pair_of_q5_k::<0>(&groups, qh, &qs[0], &mut values[0]);
    pair_of_q5_k::<1>(&groups, qh, &qs[1], &mut values[1]);
    pair_of_q5_k::<2>(&groups, qh, &qs[2], &mut values[2]);
    pair_of_q5_k::<3>(&groups, qh, &qs[3], &mut values[3]);
}

/// Two groups. Which ones is a constant, so that the shift is one and the loop is vectorized.
#[inline(always)]
fn pair_of_q5_k<const PAIR: usize>(groups: &[[f32; 2]; 8], qh: &[u8], qs: &[u8; 32], values: &mut [f32; 64]) {
    let (first, second) = values.split_at_mut(32);
    let ([d1, m1], [d2, m2]) = (groups[2 * PAIR], groups[2 * PAIR + 1]);
    for (((first, second), byte), high) in first.iter_mut().zip(second).zip(qs).zip(qh) {
        let high = high >> (2 * PAIR);
        *first = d1 * f32::from(byte & 15 | (high & 1) << 4) - m1;
        *second = d2 * f32::from(byte >> 4 | (high & 2) << 3) - m2;
    }
}

/// Of each group, `d scale` and `dmin minimum`. Bytes 0 to 3 of `scales` hold the scales of groups 0 to 3 in 6 bits, bytes 4
/// to 7 their minima. Of groups 4 to 7, bytes 8 to 11 hold the lower 4 bits, of the scale below the minimum's, and the two
/// free bits of the other bytes the upper ones.
#[inline(always)]
fn groups(block: &[u8]) -> [[f32; 2]; 8] {
    let (d, dmin, scales) = (half_at(block, 0), half_at(block, 2), &block[4..16]);
    std::array::from_fn(|g| {
        let (scale, minimum) = if g < 4 {
            (scales[g] & 63, scales[g + 4] & 63)
        } else {
            (scales[g + 4] & 15 | scales[g - 4] >> 6 << 4, scales[g + 4] >> 4 | scales[g] >> 6 << 4)
        };
        [d * f32::from(scale), dmin * f32::from(minimum)]
    })
}
