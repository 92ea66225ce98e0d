//! What the block types share: walking through blocks, digits of base 3, and 16 bytes that hold 32 numbers of 4 bits.

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

/// The same of blocks of ternary codes with a scale: `decode` gives its f16 bits.
#[inline(always)]
pub(super) fn each_group<const BYTES: usize, const LEN: usize>(
    bytes: &[u8],
    codes: &mut [i8],
    scales: &mut [u16],
    decode: impl Fn(&[u8; BYTES], &mut [i8; LEN]) -> u16,
) {
    let blocks = bytes.as_chunks::<BYTES>().0.iter().zip(codes.as_chunks_mut::<LEN>().0);
    for ((block, codes), scale) in blocks.zip(scales) {
        *scale = decode(block, codes);
    }
}

/// The same as values: codes times scales.
#[inline(always)]
pub(super) fn each_scaled<const BYTES: usize, const LEN: usize>(
    bytes: &[u8],
    values: &mut [f32],
    decode: impl Fn(&[u8; BYTES], &mut [i8; LEN]) -> u16,
) {
    each_block(bytes, values, |block: &[u8; BYTES], values: &mut [f32; LEN]| {
        let mut codes = [0; LEN];
        let scale = half_to_f32(decode(block, &mut codes));
        values.iter_mut().zip(codes).for_each(|(value, code)| *value = f32::from(code) * scale);
    });
}

/// The half-precision float whose first byte is `block[at]`.
#[inline(always)]
pub(super) fn half_at(block: &[u8], at: usize) -> f32 {
    half_to_f32(bits_at(block, at))
}

/// The bits of the half-precision float whose first byte is `block[at]`.
#[inline(always)]
pub(super) fn bits_at(block: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}

/// The weights of bytes that hold a digit of base 3 each `3^n` up, side by side; those of digit `n` follow those of digit
/// `n - 1`. The most significant digit is the first: digit `n` is `((byte * 3^n mod 256) * 3) >> 8`.
#[inline(always)]
pub(super) fn trits(bytes: &[u8], weights: &mut [i8]) {
    const POWERS_OF_3: [u8; 5] = [1, 3, 9, 27, 81];
    for (out, power) in weights.chunks_exact_mut(bytes.len()).zip(POWERS_OF_3) {
        for (weight, &byte) in out.iter_mut().zip(bytes) {
            let trit = (u16::from(byte.wrapping_mul(power)) * 3) >> 8;
            *weight = trit as i8 - 1;
        }
    }
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
