//! Q5_0 and Q5_1 (ggml types 6 and 7): blocks of 32 weights with codes of 5 bits, the fifth ones apart.
//!
//! Q5_0 is `f16 d; u8 qh[4]; u8 qs[16]` with weight `d (code - 16)`, Q5_1 `f16 d; f16 m; u8 qh[4]; u8 qs[16]` with weight
//! `d code + m`. Bit `i` of `qh` is the fifth bit of weight `i`. Source: ggml `dequantize_row_q5_0`, `_q5_1`.

use super::blocks::{half_at, nibbles};

pub(super) fn q5_0(block: &[u8; 22], values: &mut [f32; 32]) {
    let d = half_at(block, 0);
    let fifth = fifth_bits(block, 2);
    nibbles(&block[6..], values, |i, code| d * (f32::from(code | fifth(i)) - 16.0));
}

pub(super) fn q5_1(block: &[u8; 24], values: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    let fifth = fifth_bits(block, 4);
    nibbles(&block[8..], values, |i, code| d * f32::from(code | fifth(i)) + m);
}

/// The fifth bit of a weight, in its place: 0 or 16.
#[inline(always)]
fn fifth_bits(block: &[u8], at: usize) -> impl Fn(usize) -> u8 {
    let bits = u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    move |i| (((bits >> i) & 1) << 4) as u8
}
