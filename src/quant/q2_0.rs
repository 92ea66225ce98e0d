//! Q2_0 (ggml type 42): blocks of 64 weights in 18 bytes, `f16 d; u8 qs[16]`, and PQ2_0 (type 142 of PrismML's fork): 128
//! weights in 34 bytes, `f16 d; u8 qs[32]`. Files older than ggml's Q2_0 have the latter under type 42.
//!
//! Weight `i` is `d (code - 1)`; its code is bits `2 (i % 4)` of byte `i / 4`, and 3 is a code as well. Source: ggml
//! `dequantize_row_q2_0`.

use super::blocks::bits_at;

/// Decodes one block of Q2_0; returns its scale.
pub(super) fn decode_64(block: &[u8; 18], codes: &mut [i8; 64]) -> u16 {
    fields(&block[2..], codes);
    bits_at(block, 0)
}

/// Decodes one block of PQ2_0; returns its scale.
pub(super) fn decode_128(block: &[u8; 34], codes: &mut [i8; 128]) -> u16 {
    fields(&block[2..], codes);
    bits_at(block, 0)
}

#[inline(always)]
fn fields(bytes: &[u8], codes: &mut [i8]) {
    for (codes, byte) in codes.as_chunks_mut::<4>().0.iter_mut().zip(bytes) {
        *codes = [0, 2, 4, 6].map(|shift| (byte >> shift & 3) as i8 - 1);
    }
}
