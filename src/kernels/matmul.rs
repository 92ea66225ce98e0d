//! Ternary matrices times a batch of activations, on all threads.

use std::ops::Range;

use crate::pool::Pool;

use super::packed::PANEL;
use super::{Activations, KernelKind, TernaryMatrix, scalar};

/// Packed bytes that a thread takes at a time: enough to hide the hand-out, few enough to share evenly.
const GRAIN_BYTES: usize = 64 << 10;
/// Panels of each stream that a thread takes at a time where there is a batch: whole ones, or the rest of one is wasted.
const GRAIN_PANELS: usize = 4;

/// One product: `out[t, r] = sum_c matrix[r, c] x[t, c]`.
#[derive(Debug)]
pub struct Job<'a> {
    /// `[rows, cols]`
    pub matrix: &'a TernaryMatrix,
    /// `[tokens, rows]`
    pub out: &'a mut [f32],
}

/// A job whose output several threads write, each its own rows.
struct Shared<'a> {
    matrix: &'a TernaryMatrix,
    out: *mut f32,
    units: Range<usize>,
}

// SAFETY: units are handed out once each, and a unit's rows belong to no other unit, so no two threads write the same
// element of `out`, which is borrowed mutably for as long as this exists.
unsafe impl Sync for Shared<'_> {}

/// Multiplies several matrices with the same input in one fork-join: q, k and v, or gate and up.
///
/// # Panics
/// If a matrix has other columns or another kernel than `x` was quantized for, or an output has the wrong length.
pub fn matmul(pool: &Pool, x: &Activations, jobs: &mut [Job<'_>]) {
    let mut units = 0;
    let mut bytes = 0;
    let shared: Vec<Shared<'_>> = jobs
        .iter_mut()
        .map(|job| {
            assert_eq!(job.matrix.cols(), x.cols());
            assert_eq!(job.out.len(), x.tokens() * job.matrix.rows());
            let begin = units;
            units += job.matrix.units();
            bytes += job.matrix.bytes();
            Shared { matrix: job.matrix, out: job.out.as_mut_ptr(), units: begin..units }
        })
        .collect();
    let grain = if x.tokens() > 1 && jobs.iter().all(|job| !job.matrix.kind().is_lut()) {
        GRAIN_PANELS * PANEL
    } else {
        (units * GRAIN_BYTES).div_ceil(bytes.max(1)).max(1)
    };
    pool.for_each_range(units, grain, |range| {
        for job in &shared {
            let begin = range.start.max(job.units.start);
            let end = range.end.min(job.units.end);
            if begin < end {
                multiply(job, x, begin - job.units.start..end - job.units.start);
            }
        }
    });
}

fn multiply(job: &Shared<'_>, x: &Activations, units: Range<usize>) {
    let matrix = job.matrix;
    let store = |token: usize, row: usize, sums: &[i32]| {
        assert!(token < x.tokens() && row + sums.len() <= matrix.rows());
        // SAFETY: the range is inside `out`, which is `[tokens, rows]` (asserted in `matmul`); the kernels give each row
        // of their own units once, so no other thread has it.
        let out = unsafe { std::slice::from_raw_parts_mut(job.out.add(token * matrix.rows() + row), sums.len()) };
        // The one place where the integers become floats again, so that every kernel gives the same bits.
        let (divisor, factor) = (x.scale(token), matrix.scale());
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = sum as f32 / divisor * factor;
        }
    };
    match matrix.kind() {
        KernelKind::Scalar => scalar::multiply(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        KernelKind::Mad => super::tile::multiply::<super::mad::Mad>(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        KernelKind::Lut => super::lut::multiply(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        KernelKind::Relaxed => super::tile::multiply::<super::relaxed::Relaxed<true>>(matrix, x, units, store),
        #[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
        KernelKind::Relaxed16 => super::tile::multiply::<super::relaxed::Relaxed<false>>(matrix, x, units, store),
        #[cfg(not(all(target_arch = "wasm32", target_feature = "relaxed-simd")))]
        _ => unreachable!("TernaryMatrix::builder refuses kernels that this build lacks"),
    }
}
