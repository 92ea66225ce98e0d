//! Row groups: what a thread works on at a time takes one row from each quarter of a matrix.
//!
//! A hardware prefetcher follows one stream of addresses in a page; rows that lie a quarter of the matrix apart are four
//! streams, which read memory two to three times as fast as one.

use std::ops::Range;

/// Rows of a row group. Row group `g` of a matrix whose quarters have `quarter` rows is the rows `g`, `g + quarter`,
/// `g + 2 quarter` and `g + 3 quarter`.
pub(super) const QUARTERS: usize = 4;

/// Row groups whose sums are collected, so that those of adjacent rows become floats together. As many rows fit a
/// first-level cache if several tokens meet them.
const RUN: usize = 4;

/// Multiplies the row groups `groups` with each of `tokens`: `multiply(group, token)` gives the sums of the group's rows,
/// and `store(token, first_row, sums)` takes those of adjacent rows, of which there are `rows`.
#[inline(always)]
pub(super) fn for_each_group(
    groups: Range<usize>,
    tokens: Range<usize>,
    rows: usize,
    mut multiply: impl FnMut(usize, usize) -> [i32; QUARTERS],
    mut store: impl FnMut(usize, usize, &[i32]),
) {
    let quarter = rows.div_ceil(QUARTERS);
    for first in groups.clone().step_by(RUN) {
        let run = first..groups.end.min(first + RUN);
        for token in tokens.clone() {
            let mut sums = [[0; RUN]; QUARTERS];
            for (index, group) in run.clone().enumerate() {
                for (sums, sum) in sums.iter_mut().zip(multiply(group, token)) {
                    sums[index] = sum;
                }
            }
            for (index, sums) in sums.iter().enumerate() {
                let row = first + index * quarter;
                if row < rows {
                    store(token, row, &sums[..run.len().min(rows - row)]);
                }
            }
        }
    }
}
