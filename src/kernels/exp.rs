//! `e^x` in plain f32 arithmetic: the same bits natively and in WebAssembly, and a form that compilers vectorize.

use core::hint::black_box;

use crate::Result;

use super::conformance::check::Check;
use super::simd::{
    f32x4_add, f32x4_mul, f32x4_pmax, f32x4_pmin, f32x4_splat, i32x4_add, i32x4_shl, i32x4_splat, load, store,
};

/// Below this `e^x` is no normal f32; the result is 0 there to within what a softmax can see.
const MIN: f32 = -87.0;
/// Above this it would overflow.
const MAX: f32 = 88.0;
/// Adding it rounds to a whole number (half to even) and leaves that number in the low bits.
const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23
/// ln 2 in two parts: the first has zeros at its end, so that its product with a small whole number is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;

/// `e^x` for `x` clamped to [-87, 88]; within 2 units in the last place.
///
/// `x = n ln 2 + r`, `|r| <= ln 2 / 2`; `e^r` by its Taylor polynomial of degree 7, whose rest is below 1e-8 there.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let x = if x > MIN { x } else { MIN };
    let x = if x < MAX { x } else { MAX };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    // n stands in the low bits of `rounded`; shifted into the exponent it is 2^n.
    let power = f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23));
    p * power
}

/// `out[i] = exp(x[i] - max)`, the bits of [`exp`]; both of one length.
///
/// By hand, because engines build a constant anew at each use, which takes more instructions than the arithmetic; one that
/// the compiler cannot see through stays in a register or on the stack.
pub(super) fn exp_differences(x: &[f32], max: f32, out: &mut [f32]) {
    let constant = |value| black_box(f32x4_splat(value));
    let (least, most, minus_max) = (constant(MIN), constant(MAX), f32x4_splat(-max));
    let (log2_e, round, minus_round) = (constant(std::f32::consts::LOG2_E), constant(ROUND), constant(-ROUND));
    let (minus_high, minus_low) = (constant(-LN2_HIGH), constant(-LN2_LOW));
    let last = constant(1.0 / 5040.0);
    let coefficients = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5].map(constant);
    let (one, bias) = (constant(1.0), black_box(i32x4_splat(127 << 23)));
    let (whole, rest) = x.as_chunks::<4>();
    let (whole_out, rest_out) = out.as_chunks_mut::<4>();
    for (x, out) in whole.iter().zip(whole_out) {
        let x = f32x4_pmin(most, f32x4_pmax(least, f32x4_add(load(x), minus_max)));
        let rounded = f32x4_add(f32x4_mul(x, log2_e), round);
        let n = f32x4_add(rounded, minus_round);
        let r = f32x4_add(f32x4_add(x, f32x4_mul(n, minus_high)), f32x4_mul(n, minus_low));
        let p = coefficients.iter().fold(last, |p, &next| f32x4_add(f32x4_mul(p, r), next));
        let p = f32x4_add(f32x4_add(f32x4_mul(f32x4_mul(p, r), r), r), one);
        store(f32x4_mul(p, i32x4_add(i32x4_shl(rounded, 23), bias)), out);
    }
    rest_out.iter_mut().zip(rest).for_each(|(out, x)| *out = exp(x - max));
}

/// For the conformance suite: against a library's function, in double precision.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let mut worst = 0;
    for i in 0..=175_000 {
        let x = (MIN + i as f32 * 1e-3).min(MAX);
        let want = libm::exp(x.into()) as f32;
        worst = worst.max((exp(x).to_bits() as i32 - want.to_bits() as i32).abs());
    }
    check.equal(format_args!("more than 2 units in the last place off"), &[worst > 2], &[false]);
    check.same_bits(format_args!("e^0"), &[exp(0.0)], &[1.0]);
    check.near(format_args!("e^-1e9"), &[exp(-1e9)], &[0.0], 1e-37);
    check.same_bits(format_args!("e^1e9"), &[exp(1e9)], &[exp(MAX)]);
    let mut x: Vec<f32> = check.random.normal(1003).into_iter().map(|x| 30.0 * x).collect();
    x.extend([f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 0.0, -0.0, 1e9, -1e9]);
    for max in [0.0, 41.5, -3.0] {
        let mut got = vec![0.0; x.len()];
        exp_differences(&x, max, &mut got);
        let want: Vec<f32> = x.iter().map(|x| exp(x - max)).collect();
        check.same_bits(format_args!("e^(x - {max})"), &got, &want);
    }
    Ok(())
}
