//! Ternary matrices times a batch of activations, on all threads.

use std::ops::Range;

use crate::pool::Pool;

use super::activations::Activations;
use super::batch::{self, RowBlock};
use super::layout::TILE_ROWS;
use super::matrix::TernaryMatrix;
use super::product::{Output, Product, Token};

/// Packed bytes that a thread takes at a time: enough to hide the hand-out, few enough to share evenly.
pub(super) const GRAIN_BYTES: usize = 64 << 10;

/// One product: `out[t, r] = sum_c matrix[r, c] x[t, c]`.
#[derive(Debug)]
pub struct Job<'a> {
    /// `[rows, cols]`
    pub matrix: &'a TernaryMatrix,
    /// `[tokens, rows]`
    pub out: &'a mut [f32],
}

/// Multiplies several matrices with the same input in one fork-join: q, k and v, or gate and up.
///
/// # Panics
/// If a matrix has other columns or another kernel than `x` was quantized for, or an output has the wrong length.
pub fn matmul(pool: &Pool, x: &Activations, jobs: &mut [Job<'_>]) {
    let divisors: Vec<f32> = (0..x.tokens()).map(|token| x.scale(token)).collect();
    let (matrices, outputs): (Vec<&TernaryMatrix>, Vec<Output<'_>>) = jobs
        .iter_mut()
        .map(|Job { matrix, out }| {
            assert_eq!((matrix.cols(), matrix.kernel()), (x.cols(), x.kernel()));
            (*matrix, Output::new(out, matrix.rows(), matrix.scale(), &divisors))
        })
        .unzip();
    if x.batched() > 0 {
        multiply_batch(pool, x, &matrices, &outputs);
    }
    let tokens: Vec<Token<'_>> = x.singles().collect();
    if tokens.is_empty() {
        return;
    }
    let products: Vec<Product<'_>> = matrices
        .iter()
        .zip(&outputs)
        .map(|(matrix, out)| Product { weights: matrix.packed(), tokens: &tokens, first_token: x.batched(), out })
        .collect();
    let counts: Vec<usize> = matrices.iter().map(|matrix| matrix.row_groups()).collect();
    let groups: usize = counts.iter().sum();
    let bytes: usize = matrices.iter().map(|matrix| matrix.bytes()).sum();
    let grain = (groups * GRAIN_BYTES).div_ceil(bytes.max(1)).max(1);
    pool.for_each_range(groups, grain, |range| {
        for (job, groups) in pieces(&counts, range) {
            x.kernel().inner().multiply(&products[job], groups);
        }
    });
}

/// Cuts a range of the concatenation of several lists, which have `counts` elements, into ranges of each list.
pub(super) fn pieces(counts: &[usize], range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut offset = 0;
    counts.iter().enumerate().filter_map(move |(index, &count)| {
        let begin = range.start.saturating_sub(offset);
        let end = range.end.saturating_sub(offset).min(count);
        offset += count;
        (begin < end).then_some((index, begin..end))
    })
}

fn multiply_batch(pool: &Pool, x: &Activations, matrices: &[&TernaryMatrix], outputs: &[Output<'_>]) {
    let rows: Vec<usize> = matrices.iter().map(|matrix| matrix.rows()).collect();
    share_batch(pool, &rows, x.batched(), |tokens, blocks| {
        let row_blocks: Vec<RowBlock<'_>> = blocks
            .iter()
            .map(|(job, rows)| RowBlock { job: *job, matrix: matrices[*job], rows: rows.clone() })
            .collect();
        batch::multiply(&row_blocks, x, tokens, |job, token, row, sums| outputs[job].store(token, row, sums));
    });
}

/// Shares out a batch of `batched` tokens, which meet several matrices of `rows` rows: blocks of rows times groups of tokens.
/// A table serves all rows of a block, so a block has many; what a step touches should stay in a second-level cache, so it has
/// not too many. `multiply(tokens, blocks)` takes tokens from a multiple of [`batch::GROUP_TOKENS`] on, and rows of some
/// matrices, each from a multiple of [`TILE_ROWS`] on.
pub(super) fn share_batch(
    pool: &Pool,
    rows: &[usize],
    batched: usize,
    multiply: impl Fn(Range<usize>, &[(usize, Range<usize>)]) + Sync,
) {
    /// A megabyte of working memory with 64 tokens, a fifth of which a step of columns touches.
    const MOST_TILES: usize = 2560 / TILE_ROWS;
    /// With fewer rows for each thread it is better that two threads share them, and each takes some of the tokens.
    const FEWEST_TILES: usize = 640 / TILE_ROWS;

    let counts: Vec<usize> = rows.iter().map(|rows| rows.div_ceil(TILE_ROWS)).collect();
    let tiles: usize = counts.iter().sum();
    let groups = batched.div_ceil(batch::GROUP_TOKENS);
    let splits = (FEWEST_TILES * pool.width()).div_ceil(tiles.max(1)).clamp(1, groups);
    let share = (tiles * splits).div_ceil(pool.width());
    let grain = share.div_ceil(share.div_ceil(MOST_TILES).max(1));
    pool.for_each_range(tiles * splits, grain, |range| {
        for (split, mut range) in pieces(&vec![tiles; splits], range) {
            let first = |split: usize| groups * split / splits * batch::GROUP_TOKENS;
            let tokens = first(split)..first(split + 1).min(batched);
            while !range.is_empty() {
                let block = range.start..range.start + grain.min(range.len());
                range.start = block.end;
                let blocks: Vec<(usize, Range<usize>)> = pieces(&counts, block)
                    .map(|(job, tiles)| (job, TILE_ROWS * tiles.start..rows[job].min(TILE_ROWS * tiles.end)))
                    .collect();
                multiply(tokens.clone(), &blocks);
            }
        }
    });
}
