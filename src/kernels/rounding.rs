//! Floats to whole numbers, in forms that compilers vectorize and that give the same bits everywhere.

/// Added to a float below 2^22 in size, this rounds it to an integer, half to even as every addition does, and leaves
/// that integer in the low bits: 1.5 * 2^23.
const ROUNDER: f32 = 12_582_912.0;

/// `value` rounded half to even, within -128 to 127.
#[inline(always)]
pub(super) fn round_to_i8(value: f32) -> i8 {
    let value = if value < 127.0 { value } else { 127.0 };
    let value = if value > -128.0 { value } else { -128.0 };
    (value + ROUNDER).to_bits() as i8
}

/// `value`, at most 32767 in size, rounded half to even.
#[inline(always)]
pub(super) fn round_to_i16(value: f32) -> i16 {
    (value + ROUNDER).to_bits() as i16
}

/// `|x|max` of finite values; 0 of none. In lanes, so that it is vectorized.
pub(super) fn largest_magnitude(x: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let mut chunks = x.chunks_exact(16);
    for chunk in chunks.by_ref() {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            let magnitude = value.abs();
            *lane = if magnitude > *lane { magnitude } else { *lane };
        }
    }
    let rest = chunks.remainder().iter().map(|value| value.abs());
    lanes.into_iter().chain(rest).fold(0.0_f32, |max, v| if v > max { v } else { max })
}
