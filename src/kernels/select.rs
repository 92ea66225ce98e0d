//! Which kernel is fastest here: a short measurement, because the order differs between engines and processors.

use crate::Result;
use crate::pool::Pool;

use super::{Activations, Job, KernelKind, TernaryMatrix, conformance, matmul};

/// A matrix of BitNet b1.58 2B4T's widths and several times a second-level cache: 18 MB packed.
const ROWS: usize = 4 * 6912;
const COLS: usize = 2560;
/// Timed passes of each kernel; the best one counts, because neighbours only ever make a pass slower.
const PASSES: usize = 3;

/// How fast a kernel is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// The kernel.
    pub kernel: KernelKind,
    /// Weights per second in matrix times vector, on all threads of the pool.
    pub weights_per_second: f64,
}

/// Measures every kernel of this build but the scalar one on `pool`, fastest first. A kernel that computes wrong
/// results in this engine is left out; if none is left, the scalar one is the answer.
///
/// `now` gives milliseconds; the core itself reads no clock.
///
/// # Errors
/// `OutOfMemory` if the test matrix does not fit.
pub fn measure(pool: &Pool, mut now: impl FnMut() -> f64) -> Result<Vec<Timing>> {
    let mut timings = Vec::new();
    for kernel in KernelKind::available().filter(|&kernel| kernel != KernelKind::Scalar) {
        if conformance::check(pool, kernel).is_err() {
            continue;
        }
        let matrix = TernaryMatrix::filled(kernel, ROWS, COLS)?;
        let mut x = Activations::new();
        x.quantize(pool, kernel, &vec![1.0; COLS], 1, COLS);
        let mut out = vec![0.0; ROWS];
        let mut best = f64::INFINITY;
        for _ in 0..PASSES {
            let begin = now();
            matmul(pool, &x, &mut [Job { matrix: &matrix, out: &mut out }]);
            best = best.min(now() - begin);
        }
        let weights_per_second = (ROWS * COLS) as f64 / (best.max(1e-3) / 1e3);
        timings.push(Timing { kernel, weights_per_second });
    }
    timings.sort_by(|a, b| b.weights_per_second.total_cmp(&a.weights_per_second));
    if timings.is_empty() {
        timings.push(Timing { kernel: KernelKind::Scalar, weights_per_second: 0.0 });
    }
    Ok(timings)
}
