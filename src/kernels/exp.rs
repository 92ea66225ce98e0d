//! `e^x` in plain f32 arithmetic: the same bits natively and in WebAssembly, and a form that compilers vectorize.

use crate::Result;

use super::conformance::check::Check;

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
    Ok(())
}
