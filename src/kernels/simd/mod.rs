//! Vectors of 128 bits, by the names of WebAssembly's instructions, and what is put together of them.
//!
//! A routine is written once, on these names. In a module with simd128 each is one instruction; elsewhere it is
//! `portable.rs`'s definition of that instruction, so that native tests run the very algorithms that ship.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use core::arch::wasm32::{
    f32x4_add, f32x4_convert_i32x4, f32x4_mul, f32x4_splat, i8x16_add, i8x16_narrow_i16x8, i8x16_shuffle, i8x16_splat,
    i8x16_sub, i16x8_add, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i16x8_load_extend_i8x8, i16x8_mul,
    i16x8_neg, i16x8_shl, i16x8_shr, i16x8_shuffle, i16x8_splat, i32x4_add, i32x4_dot_i16x8, i32x4_extend_high_i16x8,
    i32x4_extend_low_i16x8, i32x4_extract_lane, i32x4_max, i32x4_shl, i32x4_shr, i32x4_shuffle, i32x4_splat, i32x4_sub,
    i64x2_shuffle, u8x16_min, u8x16_splat, u16x8_shl, u16x8_shr, u16x8_splat, u32x4_extend_low_u16x8, u32x4_shl, v128,
    v128_and, v128_load, v128_load32_splat, v128_load64_zero, v128_or, v128_store, v128_xor,
};
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
use core::arch::wasm32::{f32x4_lt, i32x4_relaxed_laneselect};
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
pub(crate) use core::arch::wasm32::{
    i8x16_relaxed_swizzle, i16x8_relaxed_dot_i8x16_i7x16, i32x4_extadd_pairwise_i16x8,
    i32x4_relaxed_dot_i8x16_i7x16_add,
};

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub(crate) use portable::*;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
pub(crate) use core::arch::wasm32::{f32x4_pmax, f32x4_pmin};

/// Where there is no relaxed instruction, the plain one: for indices below 16 they are the same.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128", not(target_feature = "relaxed-simd")))]
pub(crate) use core::arch::wasm32::i8x16_swizzle as i8x16_relaxed_swizzle;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;

/// `f32x4.pmin`: `b` where it is less than `a`, otherwise, also where one is no number, `a`.
///
/// Where there are relaxed instructions, LLVM makes `f32x4.relaxed_min` of core's function, and of the next one
/// `f32x4.relaxed_max`, which give on some processors what is no number. A mask of whole lanes selects the same everywhere.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
#[inline(always)]
pub(crate) fn f32x4_pmin(a: v128, b: v128) -> v128 {
    i32x4_relaxed_laneselect(b, a, f32x4_lt(b, a))
}

/// `f32x4.pmax`: `b` where `a` is less than it, otherwise, also where one is no number, `a`.
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
#[inline(always)]
pub(crate) fn f32x4_pmax(a: v128, b: v128) -> v128 {
    i32x4_relaxed_laneselect(b, a, f32x4_lt(a, b))
}

/// A number without padding of which any bits are a value.
///
/// # Safety
/// As said.
pub(crate) unsafe trait Number: Copy {}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(
            // SAFETY: every bit pattern is a value, and there is no padding.
            unsafe impl Number for $type {}
        )*
    };
}
numbers!(i8, u8, i16, u16, i32, u32, u64, f32);

/// The first 16 bytes of `values`.
///
/// # Panics
/// If there are fewer.
#[inline(always)]
pub(crate) fn load<T: Number>(values: &[T]) -> v128 {
    let values = &values[..16 / size_of::<T>()];
    // SAFETY: the slice is 16 readable bytes; v128_load needs no alignment.
    unsafe { v128_load(values.as_ptr().cast()) }
}

/// To the first 16 bytes of `out`.
///
/// # Panics
/// If there are fewer.
#[inline(always)]
pub(crate) fn store<T: Number>(value: v128, out: &mut [T]) {
    let out = &mut out[..16 / size_of::<T>()];
    // SAFETY: the slice is 16 writable bytes, of which any are valid numbers; v128_store needs no alignment.
    unsafe { v128_store(out.as_mut_ptr().cast(), value) }
}

/// The first 8 bytes of `values`, and zeros behind them.
///
/// # Panics
/// If there are fewer.
#[inline(always)]
pub(crate) fn load_half<T: Number>(values: &[T]) -> v128 {
    let values = &values[..8 / size_of::<T>()];
    // SAFETY: the slice is 8 readable bytes; v128_load64_zero needs no alignment.
    unsafe { v128_load64_zero(values.as_ptr().cast()) }
}

/// The first 8 bytes of `values` as 16-bit lanes.
///
/// # Panics
/// If there are fewer.
#[inline(always)]
pub(crate) fn load_widened(values: &[i8]) -> v128 {
    let values = &values[..8];
    // SAFETY: the slice is 8 readable bytes; i16x8_load_extend_i8x8 needs no alignment.
    unsafe { i16x8_load_extend_i8x8(values.as_ptr()) }
}

/// The sum of each vector's four i32 lanes.
#[inline(always)]
pub(crate) fn horizontal_sums(vectors: [v128; 4]) -> v128 {
    let pair = |a, b| i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (low, high) = (pair(vectors[0], vectors[1]), pair(vectors[2], vectors[3]));
    i32x4_add(i64x2_shuffle::<0, 2>(low, high), i64x2_shuffle::<1, 3>(low, high))
}

/// The four i32 lanes.
#[inline(always)]
pub(crate) fn lanes(v: v128) -> [i32; 4] {
    [i32x4_extract_lane::<0>(v), i32x4_extract_lane::<1>(v), i32x4_extract_lane::<2>(v), i32x4_extract_lane::<3>(v)]
}

/// Rows and columns of a 4 x 4 matrix of 32-bit lanes, exchanged.
#[inline(always)]
pub(crate) fn transpose_4x4([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let (ab_low, ab_high) = (i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (cd_low, cd_high) = (i32x4_shuffle::<0, 4, 1, 5>(c, d), i32x4_shuffle::<2, 6, 3, 7>(c, d));
    [
        i64x2_shuffle::<0, 2>(ab_low, cd_low),
        i64x2_shuffle::<1, 3>(ab_low, cd_low),
        i64x2_shuffle::<0, 2>(ab_high, cd_high),
        i64x2_shuffle::<1, 3>(ab_high, cd_high),
    ]
}

/// Rows and columns of a 16 x 16 matrix of bytes, exchanged.
#[inline(always)]
pub(crate) fn transpose_16x16(rows: [v128; 16]) -> [v128; 16] {
    // Rows that lie 8 apart are interleaved; after four rounds rows and columns have changed places. Written out, because
    // an array that a loop replaces is copied through memory.
    let round = |[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]: [v128; 16]| {
        let (low, high) = (interleave_low, interleave_high);
        [
            [low(a, i), high(a, i), low(b, j), high(b, j), low(c, k), high(c, k), low(d, l), high(d, l)],
            [low(e, m), high(e, m), low(f, n), high(f, n), low(g, o), high(g, o), low(h, p), high(h, p)],
        ]
    };
    let flat = |[[a, b, c, d, e, f, g, h], [i, j, k, l, m, n, o, p]]: [[v128; 8]; 2]| {
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
    };
    flat(round(flat(round(flat(round(flat(round(rows))))))))
}

/// Byte `i` of each of the four vectors side by side, for `i` from 0 to 15: 64 bytes.
#[inline(always)]
pub(crate) fn interleave([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let low_pairs = |a, b| i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b);
    let high_pairs = |a, b| i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b);
    let (ab, cd) = (interleave_low(a, b), interleave_low(c, d));
    let (ab_high, cd_high) = (interleave_high(a, b), interleave_high(c, d));
    [low_pairs(ab, cd), high_pairs(ab, cd), low_pairs(ab_high, cd_high), high_pairs(ab_high, cd_high)]
}

/// The lower eight bytes of both, in turn.
#[inline(always)]
fn interleave_low(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23>(a, b)
}

/// The upper eight bytes of both, in turn.
#[inline(always)]
fn interleave_high(a: v128, b: v128) -> v128 {
    i8x16_shuffle::<8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31>(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_matrix_has_its_columns_as_rows() {
        let rows: [[u8; 16]; 16] = std::array::from_fn(|row| std::array::from_fn(|column| (16 * row + column) as u8));
        for (column, vector) in transpose_16x16(rows.map(|row| load(&row))).into_iter().enumerate() {
            let mut bytes = [0_u8; 16];
            store(vector, &mut bytes);
            assert_eq!(bytes, rows.map(|row| row[column]));
        }
        let rows: [[i32; 4]; 4] = std::array::from_fn(|row| std::array::from_fn(|column| (4 * row + column) as i32));
        for (column, vector) in transpose_4x4(rows.map(|row| load(&row))).into_iter().enumerate() {
            assert_eq!(lanes(vector), rows.map(|row| row[column]));
        }
    }

    #[test]
    fn interleaved_bytes_stand_side_by_side() {
        let rows: [[u8; 16]; 4] = std::array::from_fn(|row| std::array::from_fn(|byte| (16 * row + byte) as u8));
        let mut bytes = [0_u8; 64];
        for (out, vector) in bytes.chunks_exact_mut(16).zip(interleave(rows.map(|row| load(&row)))) {
            store(vector, out);
        }
        assert!(bytes.iter().enumerate().all(|(i, byte)| *byte == rows[i % 4][i / 4]));
    }

    #[test]
    fn each_vector_is_summed_into_its_lane() {
        let rows: [[i32; 4]; 4] =
            std::array::from_fn(|row| std::array::from_fn(|lane| 10_i32.pow(row as u32) * lane as i32));
        assert_eq!(lanes(horizontal_sums(rows.map(|row| load(&row)))), [6, 60, 600, 6000]);
    }
}
