//! Q5_0 and Q5_1 (ggml types 6 and 7): blocks of 32 weights with codes of 5 bits, the fifth ones apart.
//!
//! Q5_0 is `f16 d; u8 qh[4]; u8 qs[16]` with weight `d (code - 16)`, Q5_1 `f16 d; f16 m; u8 qh[4]; u8 qs[16]` with weight
//! `d code + m`. Bit `i` of `qh` is the fifth bit of weight `i`. Source: ggml `dequantize_row_q5_0`, `_q5_1`.

use super::blocks::{half_at, nibbles};

pub(super) fn q5_0(block: &[u8; 22], values: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for ((value, code), fifth) in values.iter_mut().zip(nibbles(&block[6..])).zip(fifth_bits(&block[2..6])) {
        *value = d * (f32::from(code | fifth) - 16.0);
    }
}

pub(super) fn q5_1(block: &[u8; 24], values: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for ((value, code), fifth) in values.iter_mut().zip(nibbles(&block[8..])).zip(fifth_bits(&block[4..8])) {
        *value = d * f32::from(code | fifth) + m;
    }
}

/// The fifth bits of all weights, in their place: 0 or 16. By masks, because a shift by another count for each weight is not
/// vectorized.
#[inline(always)]
fn fifth_bits(qh: &[u8]) -> [u8; 32] {
    const MASKS: [u8; 8] = [1, 2, 4, 8, 16, 32, 64, 128];
    let mut bits = [0; 32];
    for (eight, byte) in bits.as_chunks_mut::<8>().0.iter_mut().zip(qh) {
        for (bit, mask) in eight.iter_mut().zip(MASKS) {
            *bit = if byte & mask == 0 { 0 } else { 16 };
        }
    }
    bits
}
