//! TQ1_0 (ggml type 34): blocks of 256 weights in 54 bytes, `u8 qs[48]; u8 qh[4]; f16 d`.
//!
//! A byte holds five trits (four in `qh`), most significant first, scaled so that trit `n` is
//! `((byte * 3^n mod 256) * 3) >> 8`. `qs[0..32]` holds weights `32 n + m`, `qs[32..48]` weights `160 + 16 n + m`,
//! `qh` weights `240 + 4 n + j`. Source: ggml `dequantize_row_tq1_0`.

use super::block_scale::BlockScale;

pub(super) const BLOCK_BYTES: usize = 54;
const POWERS_OF_3: [u8; 5] = [1, 3, 9, 27, 81];

/// Decodes one block of 54 bytes into 256 weights. Every byte value is defined.
pub(super) fn decode_block(block: &[u8], codes: &mut [i8]) -> BlockScale {
    let (wide, rest) = codes.split_at_mut(160);
    let (narrow, last) = rest.split_at_mut(80);
    decode_trits(&block[..32], wide);
    decode_trits(&block[32..48], narrow);
    decode_trits(&block[48..52], last);
    BlockScale { bits: u16::from_le_bytes([block[52], block[53]]), out_of_range: false }
}

/// `bytes.len()` bytes side by side; the weights of trit `n` follow those of trit `n - 1`.
fn decode_trits(bytes: &[u8], weights: &mut [i8]) {
    for (out, power) in weights.chunks_exact_mut(bytes.len()).zip(POWERS_OF_3) {
        for (weight, &byte) in out.iter_mut().zip(bytes) {
            let trit = (u16::from(byte.wrapping_mul(power)) * 3) >> 8;
            *weight = trit as i8 - 1;
        }
    }
}
