//! Floats to whole numbers, in forms that compilers vectorize and that give the same bits everywhere.

use core::hint::black_box;

use super::simd::{
    f32x4_add, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, i8x16_shuffle, i16x8_shuffle, load, store, v128,
};

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

/// `out[i] = round_to_i8(values[i] * factor)`; both of one length.
///
/// By hand, because compilers take four values at a time, and engines build every constant anew for each.
pub(super) fn scale_to_i8(values: &[f32], factor: f32, out: &mut [i8]) {
    let (chunks, rest) = values.as_chunks::<16>();
    let (out_chunks, out_rest) = out.as_chunks_mut::<16>();
    let factors = f32x4_splat(factor);
    let (most, least) = (black_box(f32x4_splat(127.0)), black_box(f32x4_splat(-128.0)));
    let rounder = black_box(f32x4_splat(ROUNDER));
    for (values, out) in chunks.iter().zip(out_chunks) {
        let integers: [v128; 4] = std::array::from_fn(|quarter| {
            // In this order what is no number becomes 127, as in `round_to_i8`.
            let scaled = f32x4_mul(load(&values[4 * quarter..]), factors);
            f32x4_add(f32x4_pmax(least, f32x4_pmin(most, scaled)), rounder)
        });
        // The low bytes. Saturating instructions would do, but LLVM takes them apart.
        let halves = |a, b| i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(a, b);
        let (low, high) = (halves(integers[0], integers[1]), halves(integers[2], integers[3]));
        store(i8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(low, high), out);
    }
    out_rest.iter_mut().zip(rest).for_each(|(out, value)| *out = round_to_i8(value * factor));
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
