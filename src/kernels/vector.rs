//! Vectors of f32: dot products, weighted sums, and floats in their stored forms. Every operation is IEEE arithmetic lane by
//! lane in one written order, so that the bits are the same everywhere.

use core::hint::black_box;

use crate::Result;

use super::conformance::check::Check;
use super::simd::{
    Number, f32x4_add, f32x4_mul, f32x4_splat, i32x4_extend_low_i16x8, i32x4_shl, load, load_half, store,
    u32x4_extend_low_u16x8, u32x4_shl, v128, v128_and,
};

const TWO_POW_112: f32 = f32::from_bits((127 + 112) << 23);

/// A finite half-precision float from its bits: the exponent is moved by a multiplication, which also gets the
/// subnormals right, and has no branch.
#[inline(always)]
pub(super) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * TWO_POW_112;
    f32::from_bits(magnitude.to_bits() | sign)
}

/// The bits of the nearest half-precision float (ties to even); beyond its range, the largest finite one.
#[inline(always)]
pub(super) fn f32_to_f16(value: f32) -> u16 {
    let clamped = value.clamp(-65504.0, 65504.0);
    half::f16::from_f32_const(clamped).to_bits()
}

/// Lanes of the reductions. Element `i` goes to lane `i % 16`: four registers, because an addition takes three or four
/// cycles and the next one into the same register must wait for it.
pub(super) const LANES: usize = 16;

/// The bits of the upper half of an f32.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Bf16(u16);

// SAFETY: a transparent u16; every bit pattern is a value, and there is no padding.
unsafe impl Number for Bf16 {}

/// Values that can be loaded as f32 lanes from how they are stored.
pub(super) trait Stored: Number {
    /// The largest finite value.
    const LARGEST: f32;
    /// What the conversion of many values shares.
    type Constants: Copy;
    fn constants() -> Self::Constants;
    /// Four values, in the low bits if they have 16 bits each, as f32 lanes.
    fn widen(stored: v128, constants: Self::Constants) -> v128;
    fn to_f32(self) -> f32;

    #[inline(always)]
    fn load4(values: &[Self; 4], constants: Self::Constants) -> v128 {
        let stored = if size_of::<Self>() == 4 { load(values) } else { load_half(values) };
        Self::widen(stored, constants)
    }
}

impl Stored for f32 {
    const LARGEST: f32 = f32::MAX;
    type Constants = ();

    #[inline(always)]
    fn constants() {}

    #[inline(always)]
    fn widen(stored: v128, (): ()) -> v128 {
        stored
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
}

/// The bits of a half-precision float.
impl Stored for u16 {
    const LARGEST: f32 = 65504.0;
    /// A mask for sign and magnitude, and 2^112.
    type Constants = (v128, v128);

    /// Values that the compiler cannot see through: engines build a constant anew at each use, also in a loop, where a
    /// value stays in its register.
    #[inline(always)]
    fn constants() -> Self::Constants {
        (black_box(f32x4_splat(f32::from_bits(0x8fff_ffff))), black_box(f32x4_splat(TWO_POW_112)))
    }

    /// As [`f16_to_f32`] for finite numbers; others become 65536 and more. The sign is extended before the shift, and
    /// its copies above the exponent are masked away.
    #[inline(always)]
    fn widen(stored: v128, (mask, factor): Self::Constants) -> v128 {
        let shifted = i32x4_shl(i32x4_extend_low_i16x8(stored), 13);
        f32x4_mul(v128_and(shifted, mask), factor)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f16_to_f32(self)
    }
}

impl Stored for Bf16 {
    const LARGEST: f32 = f32::from_bits(0x7f7f_0000);
    type Constants = ();

    #[inline(always)]
    fn constants() {}

    #[inline(always)]
    fn widen(stored: v128, (): ()) -> v128 {
        u32x4_shl(u32x4_extend_low_u16x8(stored), 16)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

/// Floats as a file has them: little-endian, at any address.
macro_rules! from_bytes {
    ($($name:ident: $bytes:literal, $number:ty, $value:expr;)*) => {
        $(#[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(super) struct $name([u8; $bytes]);

        // SAFETY: transparent bytes; every bit pattern is a value, and there is no padding.
        unsafe impl Number for $name {}

        impl Stored for $name {
            const LARGEST: f32 = <$number>::LARGEST;
            type Constants = <$number as Stored>::Constants;

            #[inline(always)]
            fn constants() -> Self::Constants {
                <$number>::constants()
            }

            #[inline(always)]
            fn widen(stored: v128, constants: Self::Constants) -> v128 {
                <$number>::widen(stored, constants)
            }

            #[inline(always)]
            fn to_f32(self) -> f32 {
                $value(self.0).to_f32()
            }
        }

        impl $name {
            /// The whole numbers of `bytes`.
            pub(super) fn all(bytes: &[u8]) -> &[Self] {
                let (chunks, _) = bytes.as_chunks::<$bytes>();
                // SAFETY: a transparent array of as many bytes.
                unsafe { std::slice::from_raw_parts(chunks.as_ptr().cast(), chunks.len()) }
            }
        })*
    };
}
from_bytes! {
    F16Bytes: 2, u16, u16::from_le_bytes;
    Bf16Bytes: 2, Bf16, |bytes| Bf16(u16::from_le_bytes(bytes));
    F32Bytes: 4, f32, f32::from_le_bytes;
}

/// The dot product of two vectors of the same length: 16 lanes, added as a tree.
#[inline(always)]
pub(super) fn dot<A: Stored>(a: &[A], b: &[f32]) -> f32 {
    let mut dot = Dot::new();
    let rest = a.len() - a.len() % LANES;
    dot.add(&a[..rest], &b[..rest]);
    let mut lanes = dot.lanes();
    for (lane, (a, b)) in lanes.iter_mut().zip(a[rest..].iter().zip(&b[rest..])) {
        *lane += a.to_f32() * b;
    }
    sum_lanes(lanes)
}

/// A dot product whose vectors come in pieces of whole [`LANES`].
pub(super) struct Dot([v128; LANES / 4]);

impl Dot {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([f32x4_splat(0.0); LANES / 4])
    }

    /// The next piece: what is left behind whole `LANES` is not read.
    #[inline(always)]
    pub(super) fn add<A: Stored>(&mut self, a: &[A], b: &[f32]) {
        let constants = A::constants();
        for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
            for ((sum, a), b) in self.0.iter_mut().zip(a.as_chunks::<4>().0).zip(b.as_chunks::<4>().0) {
                *sum = f32x4_add(*sum, f32x4_mul(A::load4(a, constants), load(b)));
            }
        }
    }

    #[inline(always)]
    pub(super) fn sum(self) -> f32 {
        sum_lanes(self.lanes())
    }

    #[inline(always)]
    fn lanes(self) -> [f32; LANES] {
        let mut lanes = [0.0; LANES];
        for (lanes, sum) in lanes.as_chunks_mut::<4>().0.iter_mut().zip(self.0) {
            store(sum, lanes);
        }
        lanes
    }
}

/// The sum of the lanes, as a tree: halves are added until one is left.
#[inline(always)]
pub(super) fn sum_lanes(lanes: [f32; LANES]) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|i| lanes[i] + lanes[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3])
}

/// `out += weights[0] * rows[0]`, then `weights[1] * rows[1]` and so on: as that many separate additions, but `out` is
/// loaded and stored once.
#[inline(always)]
pub(super) fn add_scaled<const N: usize>(out: &mut [f32], weights: [f32; N], rows: [&[f32]; N]) {
    let splats = std::array::from_fn::<_, N, _>(|i| f32x4_splat(weights[i]));
    let len = out.len();
    let chunks = rows.map(|row| row[..len].as_chunks::<4>());
    let (whole, rest) = out.as_chunks_mut::<4>();
    for (index, out) in whole.iter_mut().enumerate() {
        let mut sum = load(out);
        for (splat, (chunks, _)) in splats.iter().zip(&chunks) {
            sum = f32x4_add(sum, f32x4_mul(*splat, load(&chunks[index])));
        }
        store(sum, out);
    }
    for (index, out) in rest.iter_mut().enumerate() {
        for (weight, (_, rest)) in weights.iter().zip(&chunks) {
            *out += weight * rest[index];
        }
    }
}

/// Stored values as f32.
#[inline(always)]
pub(super) fn widen<A: Stored>(values: &[A], out: &mut [f32]) {
    let constants = A::constants();
    let (whole_out, rest_out) = out.as_chunks_mut::<4>();
    let (whole, rest) = values.as_chunks::<4>();
    for (out, values) in whole_out.iter_mut().zip(whole) {
        store(A::load4(values, constants), out);
    }
    for (out, value) in rest_out.iter_mut().zip(rest) {
        *out = value.to_f32();
    }
}

/// For the conformance suite: every function against its definition, one number at a time.
pub(super) fn check(check: &mut Check<'_>) -> Result<()> {
    let halves: Vec<u16> = (0..=u16::MAX).filter(|bits| half::f16::from_bits(*bits).is_finite()).collect();
    let want: Vec<f32> = halves.iter().map(|bits| half::f16::from_bits(*bits).to_f32()).collect();
    let mut got = vec![0.0; halves.len()];
    widen(&halves, &mut got);
    check.same_bits(format_args!("widen f16"), &got, &want);
    check.equal(
        format_args!("narrow to f16"),
        &want.iter().map(|value| f32_to_f16(*value)).collect::<Vec<_>>(),
        &halves,
    );
    check.equal(format_args!("what f16 cannot hold"), &[f32_to_f16(1e6), f32_to_f16(-1e6)], &[0x7bff, 0xfbff]);
    for len in (0..40).chain([128, 2560]) {
        let (a, b) = (check.random.normal(len), check.random.normal(len));
        let (halves, bf16s): (Vec<u16>, Vec<Bf16>) =
            a.iter().map(|value| (f32_to_f16(*value), Bf16((value.to_bits() >> 16) as u16))).unzip();
        let from_halves: Vec<f32> = halves.iter().map(|bits| half::f16::from_bits(*bits).to_f32()).collect();
        let from_bf16s: Vec<f32> = a.iter().map(|value| f32::from_bits(value.to_bits() >> 16 << 16)).collect();
        let mut widened = vec![0.0; len];
        widen(&bf16s, &mut widened);
        check.same_bits(format_args!("widen {len} bf16"), &widened, &from_bf16s);
        let got = [dot(&a, &b), dot(&halves, &b), dot(&bf16s, &b)];
        let want = [&a, &from_halves, &from_bf16s].map(|a| defined_dot(a, &b));
        check.same_bits(format_args!("dot of {len}"), &got, &want);
        let mut sum = a.clone();
        add_scaled(&mut sum, [2.5, -0.3], [&b, &a]);
        let want: Vec<f32> = a.iter().zip(&b).map(|(a, b)| a + 2.5 * b + -0.3 * a).collect();
        check.same_bits(format_args!("add_scaled to {len}"), &sum, &want);
    }
    Ok(())
}

/// As [`dot`], one product at a time.
fn defined_dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        lanes[i % LANES] += a * b;
    }
    let mut count = LANES;
    while count > 1 {
        count /= 2;
        for i in 0..count {
            lanes[i] += lanes[i + count];
        }
    }
    lanes[0]
}
