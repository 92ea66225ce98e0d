//! TQ2_0 (ggml type 35): blocks of 256 weights in 66 bytes, `u8 qs[64]; f16 d`.
//!
//! Two halves of 32 bytes; in each, byte `m` holds the codes of weights `m`, `32 + m`, `64 + m`, `96 + m` from its
//! **low** bits up (the opposite of I2_S). Weight = code - 1: ggml's quantizer writes no code 3, and its
//! kernels compute with 2 where a file has one. Source: ggml `dequantize_row_tq2_0` and `ggml_vec_dot_tq2_0_q8_K`.

use super::blocks::bits_at;

/// Decodes one block; returns its scale.
pub(super) fn decode_block(block: &[u8; 66], codes: &mut [i8; 256]) -> u16 {
    for (half, out) in block[..64].chunks_exact(32).zip(codes.chunks_exact_mut(128)) {
        for (field, weights) in out.chunks_exact_mut(32).enumerate() {
            for (weight, &byte) in weights.iter_mut().zip(half) {
                *weight = (byte >> (2 * field) & 3) as i8 - 1;
            }
        }
    }
    bits_at(block, 64)
}
