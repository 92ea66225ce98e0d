//! TQ1_0 (ggml type 34): blocks of 256 weights in 54 bytes, `u8 qs[48]; u8 qh[4]; f16 d`.
//!
//! A byte holds five trits (four in `qh`). `qs[0..32]` holds weights `32 n + m`, `qs[32..48]` weights `160 + 16 n + m`, `qh`
//! weights `240 + 4 n + j`. Source: ggml `dequantize_row_tq1_0`.

use super::blocks::{bits_at, trits};

/// Decodes one block; returns its scale. Every byte value is defined.
pub(super) fn decode_block(block: &[u8; 54], codes: &mut [i8; 256]) -> u16 {
    let (wide, rest) = codes.split_at_mut(160);
    let (narrow, last) = rest.split_at_mut(80);
    trits(&block[..32], wide);
    trits(&block[32..48], narrow);
    trits(&block[48..52], last);
    bits_at(block, 52)
}
