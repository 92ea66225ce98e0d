//! Q1_0 (ggml type 41): blocks of 128 weights in 18 bytes, `f16 d; u8 qs[16]`. Weight `i` is `d` where bit `i % 8` of byte
//! `i / 8` is set, else `-d`. Source: ggml `dequantize_row_q1_0`.

use super::blocks::bits_at;

/// Decodes one block; returns its scale.
pub(super) fn decode_block(block: &[u8; 18], codes: &mut [i8; 128]) -> u16 {
    for (codes, byte) in codes.as_chunks_mut::<8>().0.iter_mut().zip(&block[2..]) {
        for (bit, code) in codes.iter_mut().enumerate() {
            *code = 2 * (byte >> bit & 1) as i8 - 1;
        }
    }
    bits_at(block, 0)
}
