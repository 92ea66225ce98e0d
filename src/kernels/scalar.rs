//! The reference kernel: every other one must agree with it to the bit.

use std::ops::Range;

use super::packed::{CHUNK, STREAMS};
use super::{Activations, TernaryMatrix};

/// Multiplies the rows of `units` with every token that is not in a batch; `store(token, first_row, sums)` takes the sums
/// of weight times activation of adjacent rows.
pub(super) fn multiply(
    matrix: &TernaryMatrix,
    x: &Activations,
    units: Range<usize>,
    mut store: impl FnMut(usize, usize, &[i32]),
) {
    let layout = matrix.row_layout();
    let rows = (0..STREAMS).flat_map(|stream| units.clone().map(move |unit| unit + stream * layout.quarter));
    for row in rows.filter(|&row| row < matrix.rows()) {
        let bytes = &matrix.data()[row * layout.stride..][..layout.stride];
        for token in x.batched()..x.tokens() {
            store(token, row, &[dot(bytes, x.codes(token))]);
        }
    }
}

/// The packed weights of one row times the activations of one token.
fn dot(weights: &[u8], q: &[i8]) -> i32 {
    let mut sum = 0;
    for (bytes, q) in weights.chunks_exact(CHUNK / 4).zip(q.chunks_exact(CHUNK)) {
        for (p, byte) in bytes.iter().enumerate() {
            for field in 0..4 {
                let weight = i32::from(byte >> (2 * field) & 3) - 1;
                sum += weight * i32::from(q[16 * field + p]);
            }
        }
    }
    sum
}
