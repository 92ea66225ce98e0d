//! Packed weights to indices of quads, numbers of four digits in base 3.

use core::hint::black_box;

use super::super::simd::{i8x16_sub, i16x8_mul, u8x16_min, u8x16_splat, u16x8_shr, u16x8_splat, v128, v128_and};
use super::layout::QUAD_VALUES;

/// The constants of the conversion. The compiler cannot see through the values: engines build a constant anew at each use,
/// also in a loop, where a value stays in its register.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    low_fields: v128,
    low_nibbles: v128,
    seven: v128,
    most: v128,
}

impl Digits {
    pub(crate) fn new() -> Self {
        Self {
            low_fields: black_box(u8x16_splat(0x33)),
            low_nibbles: black_box(u8x16_splat(0x0f)),
            seven: black_box(u16x8_splat(7)),
            most: black_box(u8x16_splat(QUAD_VALUES as u8 - 1)),
        }
    }

    /// Bytes of four 2-bit digits to indices.
    #[inline(always)]
    pub(crate) fn indices_of_fields(self, packed: v128) -> v128 {
        // In each nibble 4 high + low becomes 3 high + low.
        self.indices_of_nibbles(i8x16_sub(packed, v128_and(u16x8_shr(packed, 2), self.low_fields)))
    }

    /// Bytes of two digits of base 9 to indices, which are never more than 80, whatever the digits are.
    #[inline(always)]
    pub(crate) fn indices_of_nibbles(self, nibbles: v128) -> v128 {
        let high = v128_and(u16x8_shr(nibbles, 4), self.low_nibbles);
        // 16 high + low - 7 high. 7 * 15 is a byte, so a product of 16 bits is the products of both its bytes.
        u8x16_min(i8x16_sub(nibbles, i16x8_mul(high, self.seven)), self.most)
    }
}
