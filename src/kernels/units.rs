//! Units of four rows that lie a quarter of a matrix apart, in order.

use std::ops::Range;

use super::packed::STREAMS;

/// Units whose sums are collected, so that those of adjacent rows become floats together. As many rows fit a first-level
/// cache if several tokens meet them.
const RUN: usize = 4;

/// Multiplies the rows of `units` with each of `tokens`: `multiply(unit, token)` gives the sums of rows `unit`,
/// `unit + quarter` and so on, and `store(token, first_row, sums)` takes those of adjacent rows, of which there are `rows`.
#[inline(always)]
pub(super) fn for_each_unit(
    units: Range<usize>,
    tokens: Range<usize>,
    (rows, quarter): (usize, usize),
    mut multiply: impl FnMut(usize, usize) -> [i32; STREAMS],
    mut store: impl FnMut(usize, usize, &[i32]),
) {
    for first in units.clone().step_by(RUN) {
        let run = first..units.end.min(first + RUN);
        for token in tokens.clone() {
            let mut sums = [[0; RUN]; STREAMS];
            for (index, unit) in run.clone().enumerate() {
                for (sums, sum) in sums.iter_mut().zip(multiply(unit, token)) {
                    sums[index] = sum;
                }
            }
            for (stream, sums) in sums.iter().enumerate() {
                let row = first + stream * quarter;
                if row < rows {
                    store(token, row, &sums[..run.len().min(rows - row)]);
                }
            }
        }
    }
}
