//! Four f32 lanes: one SIMD register in WebAssembly, an array elsewhere. Every operation is IEEE arithmetic lane by lane,
//! so code written on it gives the same bits on both.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod lanes {
    use core::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub(in super::super) struct F32x4(v128);

    impl F32x4 {
        #[inline(always)]
        pub(in super::super) fn splat(value: f32) -> Self {
            Self(f32x4_splat(value))
        }

        #[inline(always)]
        pub(in super::super) fn load(values: &[f32; 4]) -> Self {
            // SAFETY: the reference is to 16 readable bytes; v128_load needs no alignment.
            Self(unsafe { v128_load(values.as_ptr().cast()) })
        }

        #[inline(always)]
        pub(in super::super) fn store(self, values: &mut [f32; 4]) {
            // SAFETY: the reference is to 16 writable bytes; v128_store needs no alignment.
            unsafe { v128_store(values.as_mut_ptr().cast(), self.0) }
        }

        #[inline(always)]
        pub(in super::super) fn add(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
        }

        #[inline(always)]
        pub(in super::super) fn mul(self, other: Self) -> Self {
            Self(f32x4_mul(self.0, other.0))
        }

        /// The upper halves of floats.
        #[inline(always)]
        pub(in super::super) fn from_bf16(bits: &[super::Bf16; 4]) -> Self {
            // SAFETY: the reference is to 8 readable bytes; the load needs no alignment.
            let bits = unsafe { v128_load64_zero(bits.as_ptr().cast()) };
            Self(u32x4_shl(u32x4_extend_low_u16x8(bits), 16))
        }

        /// Finite half-precision floats from their bits, see [`f16_to_f32`](super::f16_to_f32). The sign is extended
        /// before the shift, and its copies above the exponent are masked away.
        #[inline(always)]
        pub(in super::super) fn from_f16(bits: &[u16; 4], (mask, factor): (Self, Self)) -> Self {
            // SAFETY: the reference is to 8 readable bytes; the load needs no alignment.
            let bits = unsafe { v128_load64_zero(bits.as_ptr().cast()) };
            let shifted = i32x4_shl(i32x4_extend_low_i16x8(bits), 13);
            Self(f32x4_mul(v128_and(shifted, mask.0), factor.0))
        }

        /// A value that the compiler cannot see through: engines build a constant anew at each use, also in a loop,
        /// where a value stays in its register.
        #[inline(always)]
        pub(in super::super) fn opaque(self) -> Self {
            Self(core::hint::black_box(self.0))
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    #[derive(Clone, Copy)]
    pub(in super::super) struct F32x4([f32; 4]);

    impl F32x4 {
        #[inline(always)]
        pub(in super::super) fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        #[inline(always)]
        pub(in super::super) fn load(values: &[f32; 4]) -> Self {
            Self(*values)
        }

        #[inline(always)]
        pub(in super::super) fn store(self, values: &mut [f32; 4]) {
            *values = self.0;
        }

        #[inline(always)]
        pub(in super::super) fn add(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
        }

        #[inline(always)]
        pub(in super::super) fn mul(self, other: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] * other.0[i]))
        }

        /// The upper halves of floats.
        #[inline(always)]
        pub(in super::super) fn from_bf16(bits: &[super::Bf16; 4]) -> Self {
            Self(bits.map(super::Stored::to_f32))
        }

        /// Finite half-precision floats from their bits.
        #[inline(always)]
        pub(in super::super) fn from_f16(bits: &[u16; 4], _: (Self, Self)) -> Self {
            Self(bits.map(super::f16_to_f32))
        }

        /// Only the other form needs it.
        #[inline(always)]
        pub(in super::super) fn opaque(self) -> Self {
            self
        }
    }
}

pub(super) use lanes::F32x4;

use super::buffer::Plain;

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

// SAFETY: a transparent u16; every bit pattern is a value.
unsafe impl Plain for Bf16 {}

/// Values that can be loaded as f32 lanes from how they are stored.
pub(super) trait Stored: Plain {
    /// What the conversion of many values shares.
    type Constants: Copy;
    fn constants() -> Self::Constants;
    fn load4(values: &[Self; 4], constants: Self::Constants) -> F32x4;
    fn to_f32(self) -> f32;
}

impl Stored for f32 {
    type Constants = ();

    #[inline(always)]
    fn constants() {}

    #[inline(always)]
    fn load4(values: &[Self; 4], (): ()) -> F32x4 {
        F32x4::load(values)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
}

/// The bits of a half-precision float.
impl Stored for u16 {
    /// A mask for sign and magnitude, and 2^112.
    type Constants = (F32x4, F32x4);

    #[inline(always)]
    fn constants() -> Self::Constants {
        (F32x4::splat(f32::from_bits(0x8fff_ffff)).opaque(), F32x4::splat(TWO_POW_112).opaque())
    }

    #[inline(always)]
    fn load4(values: &[Self; 4], constants: Self::Constants) -> F32x4 {
        F32x4::from_f16(values, constants)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f16_to_f32(self)
    }
}

impl Stored for Bf16 {
    type Constants = ();

    #[inline(always)]
    fn constants() {}

    #[inline(always)]
    fn load4(values: &[Self; 4], (): ()) -> F32x4 {
        F32x4::from_bf16(values)
    }

    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }
}

/// The dot product of two vectors of the same length: 16 lanes, added as a tree.
#[inline(always)]
pub(super) fn dot<A: Stored>(a: &[A], b: &[f32]) -> f32 {
    let constants = A::constants();
    let mut sums = [F32x4::splat(0.0); LANES / 4];
    let (whole_a, rest_a) = a.as_chunks::<LANES>();
    let (whole_b, rest_b) = b.as_chunks::<LANES>();
    for (a, b) in whole_a.iter().zip(whole_b) {
        for ((sum, a), b) in sums.iter_mut().zip(a.as_chunks::<4>().0).zip(b.as_chunks::<4>().0) {
            *sum = sum.add(A::load4(a, constants).mul(F32x4::load(b)));
        }
    }
    let mut lanes = [0.0; LANES];
    for (lanes, sum) in lanes.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
        sum.store(lanes);
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(rest_a.iter().zip(rest_b)) {
        *lane += a.to_f32() * b;
    }
    sum_lanes(lanes)
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
    let splats = weights.map(F32x4::splat);
    let len = out.len();
    let chunks = rows.map(|row| row[..len].as_chunks::<4>());
    let (whole, rest) = out.as_chunks_mut::<4>();
    for (index, out) in whole.iter_mut().enumerate() {
        let mut sum = F32x4::load(out);
        for (splat, (chunks, _)) in splats.iter().zip(&chunks) {
            sum = sum.add(splat.mul(F32x4::load(&chunks[index])));
        }
        sum.store(out);
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
        A::load4(values, constants).store(out);
    }
    for (out, value) in rest_out.iter_mut().zip(rest) {
        *out = value.to_f32();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_is_converted_exactly() {
        for bits in 0..=u16::MAX {
            let want = half::f16::from_bits(bits);
            if want.is_finite() {
                assert_eq!(f16_to_f32(bits).to_bits(), want.to_f32().to_bits());
                assert_eq!(f32_to_f16(want.to_f32()), bits);
            }
        }
        assert_eq!(f32_to_f16(1e6), 0x7bff);
    }

    #[test]
    fn odd_lengths_lose_nothing() {
        for len in 0..40 {
            let a: Vec<f32> = (1..=len).map(|i| i as f32).collect();
            let halves: Vec<u16> = a.iter().map(|&v| f32_to_f16(v)).collect();
            let want = (len * (len + 1) * (2 * len + 1) / 6) as f32;
            assert_eq!((dot(&a, &a), dot(&halves, &a)), (want, want));
            let mut out = a.clone();
            add_scaled(&mut out, [2.0, 3.0], [&a, &a]);
            assert!(out.iter().zip(&a).all(|(out, a)| *out == 6.0 * a));
            widen(&halves, &mut out);
            assert_eq!(out, a);
        }
    }
}
