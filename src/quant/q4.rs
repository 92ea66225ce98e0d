//! Q4_0, Q4_1 and IQ4_NL (ggml types 2, 3 and 20): blocks of 32 weights with codes of 4 bits.
//!
//! Q4_0 is `f16 d; u8 qs[16]` with weight `d (code - 8)`, Q4_1 `f16 d; f16 m; u8 qs[16]` with weight `d code + m`, IQ4_NL
//! `f16 d; u8 qs[16]` with weight `d table[code]`. Source: ggml `dequantize_row_q4_0`, `_q4_1`, `_iq4_nl`.

use super::blocks::{half_at, nibbles};

/// The 16 values of IQ4_NL: `kvalues_iq4nl` of ggml-common.h.
const IQ4_NL: [f32; 16] =
    [-127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0, 89.0, 113.0];

pub(super) fn q4_0(block: &[u8; 18], values: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (value, code) in values.iter_mut().zip(nibbles(&block[2..])) {
        *value = d * (f32::from(code) - 8.0);
    }
}

pub(super) fn q4_1(block: &[u8; 20], values: &mut [f32; 32]) {
    let (d, m) = (half_at(block, 0), half_at(block, 2));
    for (value, code) in values.iter_mut().zip(nibbles(&block[4..])) {
        *value = d * f32::from(code) + m;
    }
}

pub(super) fn iq4_nl(block: &[u8; 18], values: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (value, code) in values.iter_mut().zip(nibbles(&block[2..])) {
        *value = d * IQ4_NL[usize::from(code & 15)];
    }
}
