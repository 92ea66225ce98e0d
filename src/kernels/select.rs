//! Which kernel is fastest here: a short measurement, because the order differs between engines and processors.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::{Activations, Job, KernelKind, TernaryMatrix, conformance, matmul};

/// A matrix of BitNet b1.58 2B4T's widths and several times a second-level cache: 18 MB packed.
const ROWS: usize = 4 * 6912;
const COLS: usize = 2560;
/// Timed passes of each kernel; the best one counts, because neighbours only ever make a pass slower.
const PASSES: usize = 3;

/// Streams that each thread of [`read_limit`] reads at once.
const READ_STREAMS: usize = 4;

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

/// Bytes per second at which the threads of `pool` can read memory: the limit of every matrix-vector product. The best of
/// some passes over 71 MB, four streams a thread, summed so that nothing can be left out.
///
/// # Errors
/// `OutOfMemory` if the buffer does not fit.
pub fn read_limit(pool: &Pool, mut now: impl FnMut() -> f64) -> Result<f64> {
    let words = vec_of_ones(ROWS * COLS / 8)?;
    let mut sums = vec![0_u64; pool.threads()];
    let mut best = f64::INFINITY;
    for _ in 0..PASSES {
        let share = words.len() / sums.len();
        let begin = now();
        pool.par_rows(&mut sums, 1, 1, |thread, sum| sum[0] = sum_streams(&words[thread * share..][..share]));
        best = best.min(now() - begin);
        // A sum that nobody looks at need not be computed.
        std::hint::black_box(&mut sums);
    }
    Ok(size_of_val(words.as_slice()) as f64 / (best.max(1e-3) / 1e3))
}

fn vec_of_ones(len: usize) -> Result<Vec<u64>> {
    let mut words = Vec::new();
    words.try_reserve_exact(len).map_err(|e| {
        Error::new(ErrorKind::OutOfMemory, "no memory for measuring the speed of memory").with_source(e)
    })?;
    words.resize(len, 1);
    Ok(words)
}

fn sum_streams(words: &[u64]) -> u64 {
    let quarter = words.len() / READ_STREAMS;
    let streams: [&[u64]; READ_STREAMS] = std::array::from_fn(|stream| &words[stream * quarter..][..quarter]);
    let mut lanes = [[0_u64; 2]; READ_STREAMS];
    for pair in 0..quarter / 2 {
        for (lanes, stream) in lanes.iter_mut().zip(streams) {
            lanes[0] = lanes[0].wrapping_add(stream[2 * pair]);
            lanes[1] = lanes[1].wrapping_add(stream[2 * pair + 1]);
        }
    }
    lanes.iter().flatten().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_is_read() {
        let words: Vec<u64> = (0..80).collect();
        assert_eq!(sum_streams(&words), 80 * 79 / 2);
        let mut clock = 0.0;
        let limit = read_limit(&Pool::new(2), || {
            clock += 1.0;
            clock
        });
        assert_eq!(limit.unwrap(), (ROWS * COLS) as f64 * 1e3);
    }

    #[test]
    fn a_build_without_simd_has_the_scalar_kernel() {
        let timings = measure(&Pool::new(1), || 0.0).unwrap();
        assert_eq!(timings[0].kernel, KernelKind::Scalar);
    }
}
