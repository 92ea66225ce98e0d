//! The tables of a batch: for some columns and 8 tokens, the sum for each combination of weights.

use super::super::super::simd::{i16x8_add, i16x8_neg, i16x8_splat, v128};
use super::super::batch::{Columns, FEWEST_VECTORS, GROUP_VECTORS, tabulate};
use super::super::layout::{CHUNK, QUAD, QUAD_VALUES, STEP_QUADS};
use super::blocks::OCTET;

/// Tables of one kind.
pub(super) trait Tables {
    /// Columns of a table.
    const COLUMNS: usize;
    /// Its sums; an index is less.
    const VALUES: usize;
    /// Steps of a chunk, of [`STEP_QUADS`] tables each.
    const CHUNK_STEPS: usize = CHUNK / (Self::COLUMNS * STEP_QUADS);

    /// Vectors of 8 tokens that a group of tokens has at most: what decides how large the tables are.
    const VECTORS: usize;

    /// Fills a table, whose sums are `V` vectors apart, for the columns of table `table` and some tokens' vector.
    fn tabulate<const V: usize>(columns: &Columns<'_>, table: usize, vector: usize, out: &mut [v128]);
}

/// The 81 sums of four ternary weights.
#[derive(Debug)]
pub(super) struct Quads;

impl Tables for Quads {
    const COLUMNS: usize = QUAD;
    const VALUES: usize = QUAD_VALUES;
    const VECTORS: usize = GROUP_VECTORS;

    fn tabulate<const V: usize>(columns: &Columns<'_>, table: usize, vector: usize, out: &mut [v128]) {
        tabulate(columns.of_table(table, vector), out, V);
    }
}

/// The 256 sums of eight binary weights: twice as many weights a lookup, and no index needs to be computed.
#[derive(Debug)]
pub(super) struct Octets;

impl Tables for Octets {
    const COLUMNS: usize = OCTET;
    const VALUES: usize = 1 << OCTET;
    /// The four tables are 32 KB. With twice as many tokens they are no faster.
    const VECTORS: usize = FEWEST_VECTORS;

    fn tabulate<const V: usize>(columns: &Columns<'_>, table: usize, vector: usize, out: &mut [v128]) {
        tabulate_binary::<V>(&columns.of_table(table, vector), out);
    }
}

/// The 256 sums of an octet, `V` vectors apart: bit `i` of the index is set where weight `i` is 1, else it is -1.
#[inline(never)]
fn tabulate_binary<const V: usize>(q: &[v128; OCTET], out: &mut [v128]) {
    assert!(out.len() > (Octets::VALUES - 1) * V);
    let mut out = out.as_mut_ptr();
    // Those of the lower three weights stay in registers; the upper five begin at the sum of all weights being -1.
    let low: [v128; 8] = subsets(i16x8_splat(0), &q[..3]);
    let least = q.iter().skip(1).fold(q[0], |sum, &q| i16x8_add(sum, q));
    let high: [v128; 32] = subsets(i16x8_neg(least), &q[3..]);
    for high in high {
        for (index, &low) in low.iter().enumerate() {
            // SAFETY: 32 turns of 8 sums are the 256 of the table, which the assertion above covers.
            unsafe { *out.add(index * V) = i16x8_add(high, low) };
        }
        out = out.wrapping_add(8 * V);
    }
}

/// To `first` twice the sum of each subset of `q` added.
#[inline(always)]
fn subsets<const N: usize>(first: v128, q: &[v128]) -> [v128; N] {
    let mut sums = [first; N];
    for (bit, &q) in q.iter().enumerate() {
        let twice = i16x8_add(q, q);
        for index in 0..1 << bit {
            sums[(1 << bit) + index] = i16x8_add(sums[index], twice);
        }
    }
    sums
}
