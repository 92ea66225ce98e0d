//! Binary weights, a bit each: a nibble of the codes is four columns, so that a table has all 16 sums `w0 a0 + w1 a1 + w2 a2 + w3 a3`,
//! of at most 508 in size. They are looked up as those of `lut.rs`, with twice as many weights a lookup.

use std::ops::Range;

use super::super::super::simd::{i16x8_add, i16x8_mul, i16x8_neg, i16x8_splat, load};
use super::super::layout::CHUNK;
use super::blocks::SideBySide;
use super::kernel::GroupedKernel;
use super::lut::{self, TABLE};
use super::product::GroupedProduct;

/// Columns of a table.
const NIBBLE: usize = 4;

/// Sums of four, looked up.
#[derive(Debug)]
pub(crate) struct GroupedBinary;

impl GroupedKernel for GroupedBinary {
    fn side(&self) -> SideBySide {
        SideBySide::SixteenBinary
    }

    fn prepared_per_chunk(&self) -> usize {
        CHUNK / NIBBLE * TABLE
    }

    /// For each four columns the sums by the index whose bit `i` is set where weight `i` is 1.
    fn prepare(&self, codes: &[i8], out: &mut [u32]) {
        let signs = [[-1_i16, 1, -1, 1, -1, 1, -1, 1], [-1, -1, 1, 1, -1, -1, 1, 1], [-1, -1, -1, -1, 1, 1, 1, 1]];
        let signs = signs.map(|signs| load(&signs));
        for (codes, table) in codes.as_chunks::<NIBBLE>().0.iter().zip(out.as_chunks_mut::<TABLE>().0) {
            let a = codes.map(|code| i16x8_splat(i16::from(code)));
            let of_three =
                i16x8_add(i16x8_add(i16x8_mul(a[0], signs[0]), i16x8_mul(a[1], signs[1])), i16x8_mul(a[2], signs[2]));
            lut::split([i16x8_add(of_three, i16x8_neg(a[3])), i16x8_add(of_three, a[3])], table);
        }
    }

    fn multiply(&self, product: &GroupedProduct<'_>, units: Range<usize>) {
        lut::multiply(product, units);
    }
}
