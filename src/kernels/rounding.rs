//! Floats to whole numbers, in forms that compilers vectorize and that give the same bits everywhere.

use core::hint::black_box;

use crate::Result;

use super::conformance::check::Check;
use super::simd::{
    f32x4_add, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, i8x16_shuffle, i16x8_shuffle, i32x4_max, i32x4_splat,
    lanes, store, v128, v128_and,
};
use super::vector::Stored;

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
pub(super) fn scale_to_i8<A: Stored>(values: &[A], factor: f32, out: &mut [i8]) {
    let (chunks, rest) = values.as_chunks::<16>();
    let (out_chunks, out_rest) = out.as_chunks_mut::<16>();
    let scaler = Scaler::new(factor);
    for (values, out) in chunks.iter().zip(out_chunks) {
        store(scaler.to_i8(values), out);
    }
    out_rest.iter_mut().zip(rest).for_each(|(out, value)| *out = round_to_i8(value.to_f32() * factor));
}

/// [`scale_to_i8`] of 16 values at a time, with its constants in registers.
pub(super) struct Scaler<A: Stored> {
    factors: v128,
    most: v128,
    least: v128,
    rounder: v128,
    constants: A::Constants,
}

impl<A: Stored> Scaler<A> {
    #[inline(always)]
    pub(super) fn new(factor: f32) -> Self {
        Self {
            factors: f32x4_splat(factor),
            most: black_box(f32x4_splat(127.0)),
            least: black_box(f32x4_splat(-128.0)),
            rounder: black_box(f32x4_splat(ROUNDER)),
            constants: A::constants(),
        }
    }

    #[inline(always)]
    pub(super) fn to_i8(&self, values: &[A; 16]) -> v128 {
        let Self { factors, most, least, rounder, constants } = *self;
        let quarters = values.as_chunks::<4>().0;
        let integers: [v128; 4] = std::array::from_fn(|quarter| {
            // In this order what is no number becomes 127, as in `round_to_i8`.
            let scaled = f32x4_mul(A::load4(&quarters[quarter], constants), factors);
            f32x4_add(f32x4_pmax(least, f32x4_pmin(most, scaled)), rounder)
        });
        // The low bytes. Saturating instructions would do, but LLVM takes them apart.
        let halves = |a, b| i16x8_shuffle::<0, 2, 4, 6, 8, 10, 12, 14>(a, b);
        let (low, high) = (halves(integers[0], integers[1]), halves(integers[2], integers[3]));
        i8x16_shuffle::<0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30>(low, high)
    }
}

/// `|x|max` of stored values; 0 of none. `None` if one is no finite number.
pub(super) fn largest_finite<A: Stored>(values: &[A]) -> Option<f32> {
    // Without their signs, floats are ordered as their bits are, and what is no number comes last.
    let magnitudes = |values| v128_and(values, i32x4_splat(i32::MAX));
    let (chunks, rest) = values.as_chunks::<16>();
    let mut largest = [i32x4_splat(0); 4];
    let constants = A::constants();
    for values in chunks {
        for (largest, values) in largest.iter_mut().zip(values.as_chunks::<4>().0) {
            *largest = i32x4_max(*largest, magnitudes(A::load4(values, constants)));
        }
    }
    let bits = largest.into_iter().flat_map(lanes);
    let bits = bits.chain(rest.iter().map(|value| (value.to_f32().to_bits() & 0x7fff_ffff) as i32));
    let largest = f32::from_bits(bits.fold(0, i32::max) as u32);
    (largest <= A::LARGEST).then_some(largest)
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

/// For the conformance suite: every function against its definition, on values around all ties, and on what no number is.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let mut values: Vec<f32> = (-2100..=2100).map(|i| i as f32 / 16.0).collect();
    values.extend(values.clone().iter().flat_map(|value| [value.next_up(), value.next_down()]));
    values.extend([f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38, -0.0]);
    values.extend(check.random.normal(100));
    let to_i8 = |value: f32| value.round_ties_even().clamp(-128.0, 127.0) as i8;
    for factor in [1.0, 0.3, -17.0, 1e-9, 7e5] {
        let mut codes = vec![0; values.len()];
        scale_to_i8(&values, factor, &mut codes);
        let want: Vec<i8> = values.iter().map(|value| to_i8(value * factor)).collect();
        check.equal(format_args!("scale_to_i8 by {factor}"), &codes, &want);
        let codes: Vec<i8> = values.iter().map(|value| round_to_i8(value * factor)).collect();
        check.equal(format_args!("round_to_i8 of multiples of {factor}"), &codes, &want);
    }
    let mut codes = [0; 17];
    scale_to_i8(&[f32::NAN; 17], 1.0, &mut codes);
    check.equal(format_args!("scale_to_i8 of NaN"), &codes, &[127; 17]);
    let values: Vec<f32> = (-65534..=65534).map(|i| i as f32 / 2.0).collect();
    let codes: Vec<i16> = values.iter().map(|value| round_to_i16(*value)).collect();
    let want: Vec<i16> = values.iter().map(|value| value.round_ties_even() as i16).collect();
    check.equal(format_args!("round_to_i16"), &codes, &want);
    for len in 0..40 {
        let mut values = check.random.normal(len);
        let want = values.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        check.same_bits(format_args!("largest_magnitude of {len}"), &[largest_magnitude(&values)], &[want]);
        check.equal(format_args!("largest_finite of {len}"), &[largest_finite(&values)], &[Some(want)]);
        for strange in [f32::NAN, f32::NEG_INFINITY] {
            for at in 0..len {
                let before = std::mem::replace(&mut values[at], strange);
                check.equal(format_args!("{strange} at {at} of {len}"), &[largest_finite(&values)], &[None]);
                values[at] = before;
            }
        }
    }
    Ok(())
}
