//! Group-scaled matrices times some tokens' activations, on all threads.

use crate::pool::Pool;

use super::super::super::scales::CodeSet;
use super::super::matmul::{GRAIN_BYTES, pieces, share_batch};
use super::activations::GroupedActivations;
use super::batch::{self, RowBlock};
use super::kernel::units_of;
use super::list::kernel_of;
use super::matrix::GroupedMatrix;
use super::product::{GroupedProduct, GroupedToken, Output};
use super::scalar;
use super::tables::{Octets, Quads};

/// One product: `out[t, r] = sum_c matrix[r, c] x[t, c]`.
#[derive(Debug)]
pub struct GroupedJob<'a> {
    /// `[rows, cols]`
    pub matrix: &'a GroupedMatrix,
    /// `[tokens, rows]`
    pub out: &'a mut [f32],
}

/// Multiplies several matrices with the same input in one fork-join.
///
/// # Panics
/// If a matrix has other columns, another scheme or another kernel than `x` was quantized for, cannot be multiplied with a
/// batch although `x` has one, or an output has the wrong length.
pub fn grouped_matmul(pool: &Pool, x: &GroupedActivations, jobs: &mut [GroupedJob<'_>]) {
    let (matrices, outputs): (Vec<&GroupedMatrix>, Vec<Output<'_>>) = jobs
        .iter_mut()
        .map(|GroupedJob { matrix, out }| {
            assert_eq!((matrix.cols(), matrix.scheme(), matrix.kernel()), (x.cols(), x.scheme(), x.kernel()));
            assert!(out.len() == x.tokens() * matrix.rows() && (x.batched() == 0 || matrix.batches()));
            (*matrix, Output::new(out, matrix.rows(), matrix.packed().factor))
        })
        .unzip();
    if x.batched() > 0 {
        let rows: Vec<usize> = matrices.iter().map(|matrix| matrix.rows()).collect();
        share_batch(pool, &rows, x.batched(), |tokens, blocks| {
            let row_blocks: Vec<RowBlock<'_>> = blocks
                .iter()
                .map(|(job, rows)| RowBlock { job: *job, matrix: matrices[*job], rows: rows.clone() })
                .collect();
            let store = |job: usize, token: usize, row: usize, sums: &[f32]| outputs[job].store(token, row, sums);
            match x.scheme().codes {
                CodeSet::Ternary => batch::multiply::<Quads>(&row_blocks, x, tokens, store),
                CodeSet::Binary => batch::multiply::<Octets>(&row_blocks, x, tokens, store),
            }
        });
    }
    let tokens: Vec<GroupedToken<'_>> = x.singles().collect();
    if tokens.is_empty() {
        return;
    }
    let products: Vec<GroupedProduct<'_>> = matrices
        .iter()
        .zip(&outputs)
        .map(|(matrix, out)| GroupedProduct {
            weights: matrix.packed(),
            tokens: &tokens,
            first_token: x.batched(),
            out,
        })
        .collect();
    let counts: Vec<usize> = matrices.iter().map(|matrix| units_of(matrix.packed().blocks)).collect();
    let units: usize = counts.iter().sum();
    let bytes: usize = matrices.iter().map(|matrix| matrix.bytes()).sum();
    let grain = (units * GRAIN_BYTES).div_ceil(bytes.max(1)).max(1);
    pool.for_each_range(units, grain, |range| {
        for (job, units) in pieces(&counts, range) {
            kernel_of(x.kernel(), x.scheme().codes).multiply(&products[job], units);
        }
    });
}

/// `out[i] = sum_c matrix[rows[i], c] x[c]` for one token: the bits that [`grouped_matmul`] gives.
///
/// # Panics
/// If `x` is not one token that was quantized without a batch for the columns of `matrix`.
pub fn grouped_rows(pool: &Pool, matrix: &GroupedMatrix, x: &GroupedActivations, rows: &[u32], out: &mut [f32]) {
    assert_eq!((matrix.cols(), matrix.scheme(), out.len()), (x.cols(), x.scheme(), rows.len()));
    let tokens: Vec<GroupedToken<'_>> = x.singles().collect();
    let [token] = tokens.as_slice() else { panic!("one token expected, found {}", x.tokens()) };
    let weights = matrix.packed();
    pool.par_rows(out, 1, 16, |index, out| out[0] = scalar::dot(weights, rows[index] as usize, token) * weights.factor);
}
