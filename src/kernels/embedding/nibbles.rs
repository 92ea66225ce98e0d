//! Products of rows that are kept as planes of nibbles.

use super::super::row_groups::QUARTERS;
use super::super::simd::{
    horizontal_sums, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4_add, i32x4_dot_i16x8, i32x4_splat, lanes,
    store, u8x16_splat, u16x8_shl, u16x8_shr, v128, v128_and, v128_load, v128_or, v128_xor,
};

/// Columns of 16 bytes of a plane: byte `p` holds the nibble of column `p` and, in its high half, that of column `16 + p`.
pub(super) const CHUNK: usize = 32;
/// Rows are padded to a multiple of so many columns: their products fit 16 bits.
pub(super) const BLOCK: usize = 128;

/// The int8 code of the first column of two bytes, from both planes. The upper nibble is that of the code plus 128.
pub(super) fn first_code(upper: u8, lower: u8) -> i8 {
    ((upper << 4 | lower & 0x0f) ^ 0x80) as i8
}

/// The same of the second column.
pub(super) fn second_code(upper: u8, lower: u8) -> i8 {
    ((upper & 0xf0 | lower >> 4) ^ 0x80) as i8
}

/// The codes of a chunk's columns, 16 and 16, to both planes.
#[inline(always)]
pub(super) fn split([first, second]: [v128; 2], upper: &mut [u8; 16], lower: &mut [u8; 16]) {
    let (low, high, sign) = (u8x16_splat(0x0f), u8x16_splat(0xf0), u8x16_splat(0x80));
    let up = |codes| v128_xor(codes, sign);
    store(v128_or(v128_and(u16x8_shr(up(first), 4), low), v128_and(up(second), high)), upper);
    store(v128_or(v128_and(first, low), v128_and(u16x8_shl(second, 4), high)), lower);
}

#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
pub(super) use relaxed::{dot as dot_upper, operand};
#[cfg(all(target_arch = "wasm32", not(target_feature = "relaxed-simd")))]
pub(super) use widened::{dot as dot_upper, operand};

/// Four rows of the upper plane times an int8 vector, the sums of nibble times activation: by relaxed dot products in 16
/// bits. A block of them adds up to at most 4 * 4 * 15 * 127 = 30480.
#[cfg(any(not(target_arch = "wasm32"), target_feature = "relaxed-simd"))]
mod relaxed {
    use super::super::super::simd::{
        horizontal_sums, i16x8_add, i16x8_relaxed_dot_i8x16_i7x16, i16x8_splat, i32x4_add, i32x4_extadd_pairwise_i16x8,
        i32x4_splat, lanes, u8x16_splat, u16x8_shr, v128_and, v128_load,
    };
    use super::{BLOCK, CHUNK, QUARTERS};

    const BLOCK_CHUNKS: usize = BLOCK / CHUNK;

    pub(in super::super) fn operand(q: &[i8]) -> Vec<i8> {
        q.to_vec()
    }

    pub(in super::super) fn dot(rows: [&[u8]; QUARTERS], q: &[i8]) -> [i32; QUARTERS] {
        let chunks = q.len() / CHUNK;
        assert!(chunks.is_multiple_of(BLOCK_CHUNKS) && rows.iter().all(|row| row.len() == 16 * chunks));
        let rows = rows.map(<[u8]>::as_ptr);
        let low = u8x16_splat(0x0f);
        let mut totals = [i32x4_splat(0); QUARTERS];
        // A row at a time: with four of them the engine would run out of registers.
        for block in (0..chunks).step_by(BLOCK_CHUNKS) {
            for (total, row) in totals.iter_mut().zip(rows) {
                let mut narrow = i16x8_splat(0);
                for chunk in block..block + BLOCK_CHUNKS {
                    // SAFETY: chunk < chunks, so 32 bytes of `q` and 16 of the row are in bounds, as asserted above;
                    // v128_load needs no alignment.
                    let (first, second, packed) = unsafe {
                        let q = q.as_ptr().add(CHUNK * chunk);
                        (v128_load(q.cast()), v128_load(q.add(16).cast()), v128_load(row.add(16 * chunk).cast()))
                    };
                    let dot = i16x8_relaxed_dot_i8x16_i7x16(first, v128_and(packed, low));
                    narrow = i16x8_add(narrow, dot);
                    let dot = i16x8_relaxed_dot_i8x16_i7x16(second, v128_and(u16x8_shr(packed, 4), low));
                    narrow = i16x8_add(narrow, dot);
                }
                *total = i32x4_add(*total, i32x4_extadd_pairwise_i16x8(narrow));
            }
        }
        lanes(horizontal_sums(totals))
    }
}

/// The same without relaxed instructions, in 16-bit lanes, as `mad` does it: the nibbles of a byte are masked in place, and the activations that meet the
/// lower ones are multiplied by 16 beforehand.
#[cfg(any(test, all(target_arch = "wasm32", not(target_feature = "relaxed-simd"))))]
mod widened {
    use super::super::super::simd::{
        horizontal_sums, i32x4_add, i32x4_dot_i16x8, i32x4_shr, i32x4_splat, lanes, u16x8_shr, u16x8_splat, v128_and,
        v128_load,
    };
    use super::{CHUNK, QUARTERS};

    /// For each chunk of 32 columns four vectors: what meets the low nibbles of even bytes, their high nibbles, and both
    /// of odd bytes.
    pub(in super::super) fn operand(q: &[i8]) -> Vec<i16> {
        let mut out = Vec::with_capacity(q.len());
        for q in q.chunks_exact(CHUNK) {
            for odd in 0..2 {
                out.extend((0..8).map(|lane| 16 * i16::from(q[2 * lane + odd])));
                out.extend((0..8).map(|lane| i16::from(q[16 + 2 * lane + odd])));
            }
        }
        out
    }

    pub(in super::super) fn dot(rows: [&[u8]; QUARTERS], q: &[i16]) -> [i32; QUARTERS] {
        let chunks = q.len() / CHUNK;
        assert!(rows.iter().all(|row| row.len() == 16 * chunks));
        let rows = rows.map(<[u8]>::as_ptr);
        let masks = [u16x8_splat(0x000f), u16x8_splat(0x00f0)];
        let mut totals = [i32x4_splat(0); QUARTERS];
        for chunk in 0..chunks {
            // SAFETY: chunk < chunks, so 16 bytes of each row are in bounds, as asserted above.
            let mut packed = rows.map(|row| unsafe { v128_load(row.add(16 * chunk).cast()) });
            for odd in 0..2 {
                for (half, &mask) in masks.iter().enumerate() {
                    // SAFETY: 32 lanes of `q` belong to this chunk; v128_load needs no alignment.
                    let q = unsafe { v128_load(q.as_ptr().add(CHUNK * chunk + 8 * (2 * odd + half)).cast()) };
                    for (total, &packed) in totals.iter_mut().zip(&packed) {
                        *total = i32x4_add(*total, i32x4_dot_i16x8(v128_and(packed, mask), q));
                    }
                }
                packed = packed.map(|packed| u16x8_shr(packed, 8));
            }
        }
        lanes(i32x4_shr(horizontal_sums(totals), 4))
    }
}

/// Four whole rows, an upper and a lower part each, times one vector: nibbles put together to bytes, bytes widened to i16,
/// products added in pairs to i32.
pub(super) fn dot(rows: [(&[u8], &[u8]); QUARTERS], q: &[i16]) -> [i32; QUARTERS] {
    let chunks = q.len() / CHUNK;
    assert!(rows.iter().all(|(upper, lower)| upper.len() == 16 * chunks && lower.len() == 16 * chunks));
    let rows = rows.map(|(upper, lower)| (upper.as_ptr(), lower.as_ptr()));
    let (low, high, sign) = (u8x16_splat(0x0f), u8x16_splat(0xf0), u8x16_splat(0x80));
    let mut totals = [[i32x4_splat(0); 2]; QUARTERS];
    for chunk in 0..chunks {
        // SAFETY: chunk < chunks, so 32 lanes of `q` are in bounds; v128_load needs no alignment.
        let q: [v128; 4] = std::array::from_fn(|i| unsafe { v128_load(q.as_ptr().add(CHUNK * chunk + 8 * i).cast()) });
        for (total, (upper, lower)) in totals.iter_mut().zip(rows) {
            // SAFETY: both parts have 16 bytes for each chunk, as asserted above.
            let (upper, lower) =
                unsafe { (v128_load(upper.add(16 * chunk).cast()), v128_load(lower.add(16 * chunk).cast())) };
            let first = v128_or(v128_and(u16x8_shl(upper, 4), high), v128_and(lower, low));
            let second = v128_or(v128_and(upper, high), v128_and(u16x8_shr(lower, 4), low));
            let (first, second) = (v128_xor(first, sign), v128_xor(second, sign));
            total[0] = i32x4_add(total[0], i32x4_dot_i16x8(i16x8_extend_low_i8x16(first), q[0]));
            total[1] = i32x4_add(total[1], i32x4_dot_i16x8(i16x8_extend_high_i8x16(first), q[1]));
            total[0] = i32x4_add(total[0], i32x4_dot_i16x8(i16x8_extend_low_i8x16(second), q[2]));
            total[1] = i32x4_add(total[1], i32x4_dot_i16x8(i16x8_extend_high_i8x16(second), q[3]));
        }
    }
    lanes(horizontal_sums(totals.map(|[even, odd]| i32x4_add(even, odd))))
}

#[cfg(test)]
mod tests {
    use super::super::super::conformance::check::Random;
    use super::super::conformance::nibble;
    use super::*;

    /// The conformance suite compares that of the two which the build uses.
    #[test]
    fn both_ways_to_multiply_the_upper_plane_agree() {
        let mut random = Random::new(20_261_126);
        let rows: [Vec<u8>; QUARTERS] = std::array::from_fn(|_| random.bytes(3 * BLOCK / 2));
        let rows = rows.each_ref().map(Vec::as_slice);
        for q in [127, -128] {
            let q = [q; 3 * BLOCK];
            let want = rows.map(|row| (0..q.len()).map(|col| nibble(row, col) * i32::from(q[col])).sum::<i32>());
            assert_eq!(dot_upper(rows, &operand(&q)), want);
            assert_eq!(widened::dot(rows, &widened::operand(&q)), want);
        }
    }
}
