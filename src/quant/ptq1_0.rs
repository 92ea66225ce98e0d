//! PTQ1_0 (type 143 of PrismML's fork): blocks of 128 weights in 28 bytes, `u8 qs[24]; u8 qh[2]; f16 d`.
//!
//! As in TQ1_0 a byte holds five trits (four in `qh`). `qs[0..16]` holds weights `16 n + m`, `qs[16..24]` weights
//! `80 + 8 n + m`, `qh` weights `120 + 2 n + j`. Source: PrismML-Eng/llama.cpp `dequantize_row_ptq1_0`.

use super::blocks::{bits_at, trits};

/// Decodes one block; returns its scale. Every byte value is defined.
pub(super) fn decode_block(block: &[u8; 28], codes: &mut [i8; 128]) -> u16 {
    let (wide, rest) = codes.split_at_mut(80);
    let (narrow, last) = rest.split_at_mut(40);
    trits(&block[..16], wide);
    trits(&block[16..24], narrow);
    trits(&block[24..26], last);
    bits_at(block, 26)
}
