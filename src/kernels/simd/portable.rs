//! WebAssembly's vector instructions in plain Rust, by their own names: what each does is what the specification says.

use std::{array, mem};

use super::Number;

/// 16 bytes. Lanes wider than a byte are little-endian, as in WebAssembly.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub(crate) struct v128([u8; 16]);

const _: () = assert!(cfg!(target_endian = "little"));

impl v128 {
    #[inline(always)]
    fn lanes<T: Number, const N: usize>(self) -> [T; N] {
        const { assert!(size_of::<[T; N]>() == 16) }
        // SAFETY: of one size, as asserted; any bytes are numbers, and little-endian ones as the processor has them.
        unsafe { mem::transmute_copy(&self.0) }
    }
}

#[inline(always)]
fn vector<T: Number, const N: usize>(lanes: [T; N]) -> v128 {
    const { assert!(size_of::<[T; N]>() == 16) }
    // SAFETY: of one size, as asserted; numbers have no padding.
    v128(unsafe { mem::transmute_copy(&lanes) })
}

#[inline(always)]
fn map<T: Number, U: Number, const N: usize>(a: v128, f: impl Fn(T) -> U) -> v128 {
    vector(a.lanes::<T, N>().map(f))
}

#[inline(always)]
fn zip<T: Number, const N: usize>(a: v128, b: v128, f: impl Fn(T, T) -> T) -> v128 {
    let (a, b) = (a.lanes::<T, N>(), b.lanes::<T, N>());
    vector::<T, N>(array::from_fn(|i| f(a[i], b[i])))
}

/// # Safety
/// 16 bytes from `from` on must be readable; they need no alignment.
#[inline(always)]
pub(crate) unsafe fn v128_load(from: *const v128) -> v128 {
    // SAFETY: the caller's promise.
    v128(unsafe { from.cast::<[u8; 16]>().read() })
}

/// # Safety
/// 16 bytes from `to` on must be writable; they need no alignment.
#[inline(always)]
pub(crate) unsafe fn v128_store(to: *mut v128, value: v128) {
    // SAFETY: the caller's promise.
    unsafe { to.cast::<[u8; 16]>().write(value.0) }
}

/// # Safety
/// 8 bytes from `from` on must be readable; they need no alignment.
#[inline(always)]
pub(crate) unsafe fn v128_load64_zero(from: *const u64) -> v128 {
    // SAFETY: the caller's promise.
    let bytes = unsafe { from.cast::<[u8; 8]>().read() };
    vector([u64::from_le_bytes(bytes), 0])
}

/// # Safety
/// 4 bytes from `from` on must be readable; they need no alignment.
#[inline(always)]
pub(crate) unsafe fn v128_load32_splat(from: *const u32) -> v128 {
    // SAFETY: the caller's promise.
    vector([unsafe { from.read_unaligned() }; 4])
}

/// # Safety
/// 8 bytes from `from` on must be readable.
#[inline(always)]
pub(crate) unsafe fn i16x8_load_extend_i8x8(from: *const i8) -> v128 {
    // SAFETY: the caller's promise.
    vector(unsafe { from.cast::<[i8; 8]>().read() }.map(i16::from))
}

macro_rules! splats {
    ($($name:ident: $type:ty, $lanes:literal;)*) => {
        $(#[inline(always)]
        pub(crate) fn $name(lane: $type) -> v128 {
            vector([lane; $lanes])
        })*
    };
}
splats! {
    i8x16_splat: i8, 16;
    u8x16_splat: u8, 16;
    i16x8_splat: i16, 8;
    u16x8_splat: u16, 8;
    i32x4_splat: i32, 4;
    f32x4_splat: f32, 4;
}

macro_rules! binary {
    ($($name:ident: $type:ty, $lanes:literal, $f:expr;)*) => {
        $(#[inline(always)]
        pub(crate) fn $name(a: v128, b: v128) -> v128 {
            zip::<$type, $lanes>(a, b, $f)
        })*
    };
}
binary! {
    v128_and: u8, 16, |a, b| a & b;
    v128_or: u8, 16, |a, b| a | b;
    v128_xor: u8, 16, |a, b| a ^ b;
    i8x16_add: i8, 16, i8::wrapping_add;
    i8x16_sub: i8, 16, i8::wrapping_sub;
    u8x16_min: u8, 16, Ord::min;
    i16x8_add: i16, 8, i16::wrapping_add;
    i16x8_mul: i16, 8, i16::wrapping_mul;
    i32x4_add: i32, 4, i32::wrapping_add;
    i32x4_sub: i32, 4, i32::wrapping_sub;
    i32x4_max: i32, 4, Ord::max;
    f32x4_add: f32, 4, |a, b| a + b;
    f32x4_mul: f32, 4, |a, b| a * b;
    f32x4_pmin: f32, 4, |a, b| if b < a { b } else { a };
    f32x4_pmax: f32, 4, |a, b| if a < b { b } else { a };
}

macro_rules! shifts {
    ($($name:ident: $type:ty, $lanes:literal, $f:expr;)*) => {
        $(#[inline(always)]
        pub(crate) fn $name(a: v128, bits: u32) -> v128 {
            map::<$type, $type, $lanes>(a, |lane| $f(lane, bits))
        })*
    };
}
shifts! {
    i16x8_shl: i16, 8, i16::wrapping_shl;
    u16x8_shl: u16, 8, u16::wrapping_shl;
    i16x8_shr: i16, 8, i16::wrapping_shr;
    u16x8_shr: u16, 8, u16::wrapping_shr;
    i32x4_shl: i32, 4, i32::wrapping_shl;
    u32x4_shl: u32, 4, u32::wrapping_shl;
    i32x4_shr: i32, 4, i32::wrapping_shr;
}

#[inline(always)]
pub(crate) fn i16x8_neg(a: v128) -> v128 {
    map::<i16, i16, 8>(a, i16::wrapping_neg)
}

macro_rules! extensions {
    ($($name:ident: $from:ty, $from_lanes:literal, $to:ty, $lanes:literal, $first:literal;)*) => {
        $(#[inline(always)]
        pub(crate) fn $name(a: v128) -> v128 {
            let lanes = a.lanes::<$from, $from_lanes>();
            vector::<$to, $lanes>(array::from_fn(|i| lanes[$first + i].into()))
        })*
    };
}
extensions! {
    i16x8_extend_low_i8x16: i8, 16, i16, 8, 0;
    i16x8_extend_high_i8x16: i8, 16, i16, 8, 8;
    i32x4_extend_low_i16x8: i16, 8, i32, 4, 0;
    i32x4_extend_high_i16x8: i16, 8, i32, 4, 4;
    u32x4_extend_low_u16x8: u16, 8, u32, 4, 0;
}

#[inline(always)]
pub(crate) fn f32x4_convert_i32x4(a: v128) -> v128 {
    map::<i32, f32, 4>(a, |lane| lane as f32)
}

#[inline(always)]
pub(crate) fn i8x16_narrow_i16x8(a: v128, b: v128) -> v128 {
    let (a, b) = (a.lanes::<i16, 8>(), b.lanes::<i16, 8>());
    vector::<i8, 16>(array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] }.clamp(-128, 127) as i8))
}

#[inline(always)]
pub(crate) fn i32x4_extadd_pairwise_i16x8(a: v128) -> v128 {
    let a = a.lanes::<i16, 8>().map(i32::from);
    vector::<i32, 4>(array::from_fn(|i| a[2 * i] + a[2 * i + 1]))
}

#[inline(always)]
pub(crate) fn i32x4_dot_i16x8(a: v128, b: v128) -> v128 {
    let (a, b) = (a.lanes::<i16, 8>().map(i32::from), b.lanes::<i16, 8>().map(i32::from));
    vector::<i32, 4>(array::from_fn(|i| (a[2 * i] * b[2 * i]).wrapping_add(a[2 * i + 1] * b[2 * i + 1])))
}

/// Defined for lanes of `b` up to 127 alone; then nothing about it is relaxed.
#[inline(always)]
pub(crate) fn i16x8_relaxed_dot_i8x16_i7x16(a: v128, b: v128) -> v128 {
    let (a, b) = (a.lanes::<i8, 16>().map(i16::from), b.lanes::<i8, 16>().map(i16::from));
    debug_assert!(b.iter().all(|b| *b >= 0));
    vector::<i16, 8>(array::from_fn(|i| a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1]))
}

/// As [`i16x8_relaxed_dot_i8x16_i7x16`].
#[inline(always)]
pub(crate) fn i32x4_relaxed_dot_i8x16_i7x16_add(a: v128, b: v128, c: v128) -> v128 {
    i32x4_add(c, i32x4_extadd_pairwise_i16x8(i16x8_relaxed_dot_i8x16_i7x16(a, b)))
}

#[inline(always)]
pub(crate) fn i8x16_swizzle(a: v128, index: v128) -> v128 {
    v128(index.0.map(|i| a.0.get(usize::from(i)).copied().unwrap_or(0)))
}

/// Defined for indices below 16 alone; then nothing about it is relaxed.
#[inline(always)]
pub(crate) fn i8x16_relaxed_swizzle(a: v128, index: v128) -> v128 {
    debug_assert!(index.0.iter().all(|i| *i < 16));
    i8x16_swizzle(a, index)
}

/// The lanes of `a` and then those of `b`, by their numbers.
#[inline(always)]
fn shuffle<T: Number, const N: usize>(a: v128, b: v128, lanes: [usize; N]) -> v128 {
    let (a, b) = (a.lanes::<T, N>(), b.lanes::<T, N>());
    vector(lanes.map(|lane| if lane < N { a[lane] } else { b[lane - N] }))
}

#[rustfmt::skip]
#[inline(always)]
pub(crate) fn i8x16_shuffle<
    const A: usize, const B: usize, const C: usize, const D: usize, const E: usize, const F: usize, const G: usize,
    const H: usize, const I: usize, const J: usize, const K: usize, const L: usize, const M: usize, const N: usize,
    const O: usize, const P: usize,
>(a: v128, b: v128) -> v128 {
    shuffle::<u8, 16>(a, b, [A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P])
}

#[rustfmt::skip]
#[inline(always)]
pub(crate) fn i16x8_shuffle<
    const A: usize, const B: usize, const C: usize, const D: usize, const E: usize, const F: usize, const G: usize,
    const H: usize,
>(a: v128, b: v128) -> v128 {
    shuffle::<u16, 8>(a, b, [A, B, C, D, E, F, G, H])
}

#[inline(always)]
pub(crate) fn i32x4_shuffle<const A: usize, const B: usize, const C: usize, const D: usize>(a: v128, b: v128) -> v128 {
    shuffle::<u32, 4>(a, b, [A, B, C, D])
}

#[inline(always)]
pub(crate) fn i64x2_shuffle<const A: usize, const B: usize>(a: v128, b: v128) -> v128 {
    shuffle::<u64, 2>(a, b, [A, B])
}

#[inline(always)]
pub(crate) fn i32x4_extract_lane<const LANE: usize>(a: v128) -> i32 {
    a.lanes::<i32, 4>()[LANE]
}
