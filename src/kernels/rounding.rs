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

/// `out[i] = round_to_i8(values[i] * factor)`; both of one length.
pub(super) fn scale_to_i8(values: &[f32], factor: f32, out: &mut [i8]) {
    let (chunks, rest) = values.as_chunks::<16>();
    let (out_chunks, out_rest) = out.as_chunks_mut::<16>();
    sixteen::scale_to_i8(chunks, factor, out_chunks);
    out_rest.iter_mut().zip(rest).for_each(|(out, value)| *out = round_to_i8(value * factor));
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod sixteen {
    use super::round_to_i8;

    pub(super) fn scale_to_i8(values: &[[f32; 16]], factor: f32, out: &mut [[i8; 16]]) {
        for (values, out) in values.iter().zip(out) {
            out.iter_mut().zip(values).for_each(|(out, value)| *out = round_to_i8(value * factor));
        }
    }
}

/// By hand, because compilers take four values at a time, and engines build every constant anew for each.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod sixteen {
    use core::arch::wasm32::*;
    use core::hint::black_box;

    use super::ROUNDER;

    pub(super) fn scale_to_i8(values: &[[f32; 16]], factor: f32, out: &mut [[i8; 16]]) {
        let factor = f32x4_splat(factor);
        let (most, least) = (black_box(f32x4_splat(127.0)), black_box(f32x4_splat(-128.0)));
        let rounder = black_box(f32x4_splat(ROUNDER));
        for (values, out) in values.iter().zip(out) {
            let integers: [v128; 4] = std::array::from_fn(|quarter| {
                // SAFETY: four of the 16 values; v128_load needs no alignment.
                let values = unsafe { v128_load(values.as_ptr().add(4 * quarter).cast()) };
                // In this order what is no number becomes 127, as in `round_to_i8`.
                let clamped = f32x4_pmax(least, f32x4_pmin(most, f32x4_mul(values, factor)));
                f32x4_add(clamped, rounder)
            });
            // The low bytes. Saturating instructions would do, but LLVM takes them apart.
            let halves = |a, b| i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(a, b);
            let (low, high) = (halves(integers[0], integers[1]), halves(integers[2], integers[3]));
            let bytes = i8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(low, high);
            // SAFETY: the reference is to 16 writable bytes; v128_store needs no alignment.
            unsafe { v128_store(out.as_mut_ptr().cast(), bytes) };
        }
    }
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
