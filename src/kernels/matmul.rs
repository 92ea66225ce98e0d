//! Ternary matrices times a batch of activations, on all threads.

use std::ops::Range;

use crate::pool::Pool;

use super::{Activations, KernelKind, TernaryMatrix, scalar};

/// Packed bytes that a thread takes at a time: enough to hide the hand-out, few enough to share evenly.
const GRAIN_BYTES: usize = 64 << 10;

/// One product: `out[t, r] = sum_c matrix[r, c] x[t, c]`.
#[derive(Debug)]
pub struct Job<'a> {
    /// `[rows, cols]`
    pub matrix: &'a TernaryMatrix,
    /// `[tokens, rows]`
    pub out: &'a mut [f32],
}

/// A job whose output several threads write, each its own rows or tokens.
struct Shared<'a> {
    matrix: &'a TernaryMatrix,
    out: *mut f32,
    x: &'a Activations,
}

// SAFETY: rows and tokens are handed out once each, and `store` is only called for those, so no two threads write the
// same element of `out`, which is borrowed mutably for as long as this exists.
unsafe impl Sync for Shared<'_> {}

impl Shared<'_> {
    /// Writes a token's sums of weight times activation of adjacent rows, as floats.
    #[inline(always)]
    fn store(&self, token: usize, row: usize, sums: &[i32]) {
        let rows = self.matrix.rows();
        assert!(token < self.x.tokens() && row + sums.len() <= rows);
        // SAFETY: the range is inside `out`, which is `[tokens, rows]` (asserted in `matmul`); the kernels give each row
        // of their own units once, so no other thread has it.
        let out = unsafe { std::slice::from_raw_parts_mut(self.out.add(token * rows + row), sums.len()) };
        // The one place where the integers become floats again, so that every kernel gives the same bits.
        let (divisor, factor) = (self.x.scale(token), self.matrix.scale());
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = sum as f32 / divisor * factor;
        }
    }
}

/// Multiplies several matrices with the same input in one fork-join: q, k and v, or gate and up.
///
/// # Panics
/// If a matrix has other columns or another kernel than `x` was quantized for, or an output has the wrong length.
pub fn matmul(pool: &Pool, x: &Activations, jobs: &mut [Job<'_>]) {
    let jobs: Vec<Shared<'_>> = jobs
        .iter_mut()
        .map(|job| {
            assert_eq!(job.matrix.cols(), x.cols());
            assert_eq!(job.out.len(), x.tokens() * job.matrix.rows());
            Shared { matrix: job.matrix, out: job.out.as_mut_ptr(), x }
        })
        .collect();
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    if x.batched() > 0 {
        multiply_batch(pool, x, &jobs);
    }
    if x.batched() == x.tokens() {
        return;
    }
    let counts: Vec<usize> = jobs.iter().map(|job| job.matrix.units()).collect();
    let units: usize = counts.iter().sum();
    let bytes: usize = jobs.iter().map(|job| job.matrix.bytes()).sum();
    let grain = (units * GRAIN_BYTES).div_ceil(bytes.max(1)).max(1);
    pool.for_each_range(units, grain, |range| {
        for (job, units) in pieces(&counts, range) {
            multiply(&jobs[job], x, units);
        }
    });
}

/// What `range` of all lists behind each other is of each of them, where they have `counts` elements.
fn pieces(counts: &[usize], range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut offset = 0;
    counts.iter().enumerate().filter_map(move |(index, &count)| {
        let begin = range.start.saturating_sub(offset);
        let end = range.end.saturating_sub(offset).min(count);
        offset += count;
        (begin < end).then_some((index, begin..end))
    })
}

fn multiply(job: &Shared<'_>, x: &Activations, units: Range<usize>) {
    let matrix = job.matrix;
    let store = |token: usize, row: usize, sums: &[i32]| job.store(token, row, sums);
    match matrix.kind() {
        KernelKind::Scalar => scalar::multiply(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        KernelKind::Mad => super::streams::multiply::<super::mad::Mad>(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        KernelKind::Lut => super::lut::multiply(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        KernelKind::Relaxed => super::streams::multiply::<super::relaxed::Relaxed>(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        KernelKind::Relaxed16 => super::streams::multiply::<super::relaxed::Relaxed16>(matrix, x, units, store),
        #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
        _ => unreachable!("TernaryMatrix::builder refuses kernels that this build lacks"),
    }
}

/// Blocks of rows times groups of tokens. A table serves all rows of a block, so a block has many; what a step touches
/// should stay in a second-level cache, so it has not too many.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn multiply_batch(pool: &Pool, x: &Activations, jobs: &[Shared<'_>]) {
    use super::batch::{self, Part};
    use super::packed::TILE_ROWS;

    /// A megabyte of working memory with 64 tokens, a fifth of which a step of columns touches.
    const MOST_TILES: usize = 2560 / TILE_ROWS;
    /// With fewer rows for each thread it is better that two threads share them, and each takes some of the tokens.
    const FEWEST_TILES: usize = 640 / TILE_ROWS;

    let counts: Vec<usize> = jobs.iter().map(|job| job.matrix.rows().div_ceil(TILE_ROWS)).collect();
    let tiles: usize = counts.iter().sum();
    let groups = x.batched().div_ceil(batch::GROUP_TOKENS);
    let splits = (FEWEST_TILES * pool.width()).div_ceil(tiles.max(1)).clamp(1, groups);
    let share = (tiles * splits).div_ceil(pool.width());
    let grain = share.div_ceil(share.div_ceil(MOST_TILES).max(1));
    pool.for_each_range(tiles * splits, grain, |range| {
        for (split, mut range) in pieces(&vec![tiles; splits], range) {
            let first = |split: usize| groups * split / splits * batch::GROUP_TOKENS;
            let tokens = first(split)..first(split + 1).min(x.batched());
            while !range.is_empty() {
                let block = range.start..range.start + grain.min(range.len());
                range.start = block.end;
                let parts: Vec<Part<'_>> = pieces(&counts, block)
                    .map(|(job, tiles)| {
                        let matrix = jobs[job].matrix;
                        let rows = TILE_ROWS * tiles.start..matrix.rows().min(TILE_ROWS * tiles.end);
                        Part { job, matrix, rows }
                    })
                    .collect();
                batch::multiply(&parts, x, tokens.clone(), |job, token, row, sums| jobs[job].store(token, row, sums));
            }
        }
    });
}
