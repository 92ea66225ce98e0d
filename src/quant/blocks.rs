//! What the block types share: walking through blocks, and 16 bytes that hold 32 numbers of 4 bits.

use super::float::half_to_f32;

/// Decodes whole blocks of `BYTES` bytes and `LEN` weights, one after the other.
#[inline(always)]
pub(super) fn each_block<const BYTES: usize, const LEN: usize>(
    bytes: &[u8],
    values: &mut [f32],
    decode: impl Fn(&[u8; BYTES], &mut [f32; LEN]),
) {
    for (block, values) in bytes.as_chunks::<BYTES>().0.iter().zip(values.as_chunks_mut::<LEN>().0) {
        decode(block, values);
    }
}

/// The half-precision float whose first byte is `block[at]`.
#[inline(always)]
pub(super) fn half_at(block: &[u8], at: usize) -> f32 {
    half_to_f32(u16::from_le_bytes([block[at], block[at + 1]]))
}

/// The 32 codes of 16 bytes: byte `j` holds that of weight `j` in its low nibble and that of weight `16 + j` in its high one.
#[inline(always)]
pub(super) fn nibbles(bytes: &[u8]) -> [u8; 32] {
    let mut codes = [0; 32];
    let (low, high) = codes.split_at_mut(16);
    for ((low, high), byte) in low.iter_mut().zip(high).zip(bytes) {
        *low = byte & 15;
        *high = byte >> 4;
    }
    codes
}
