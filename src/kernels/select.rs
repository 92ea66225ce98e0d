//! Which kernel is fastest here: a short measurement, because the order differs between engines and processors.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::{Activations, Job, KernelKind, TernaryMatrix, conformance, matmul};

/// A matrix of BitNet b1.58 2B4T's widths and several times a second-level cache: 9 MB packed. One pass takes one or two
/// milliseconds, which fits between what other programs do.
const ROWS: usize = 2 * 6912;
const COLS: usize = 2560;
/// Timed passes of each kernel, all kernels in turn; the best one counts, because neighbours only ever make a pass slower.
const PASSES: usize = 16;
/// Fewer passes if they take longer than this, in milliseconds, but no fewer than [`FEWEST_PASSES`].
const PATIENCE: f64 = 60.0;
const FEWEST_PASSES: usize = 4;

/// Streams that each thread of [`read_limit`] reads at once.
const READ_STREAMS: usize = 4;
/// Bytes that each thread reads between two looks at the clock: one or two milliseconds.
const READ_PIECE: usize = 16 << 20;
/// How often the whole buffer is read.
const READ_PASSES: usize = 8;

/// A kernel's matrix and input for timed passes.
#[derive(Debug)]
pub struct Trial {
    matrix: TernaryMatrix,
    x: Activations,
    out: Vec<f32>,
}

impl Trial {
    /// For `kernel`.
    ///
    /// # Errors
    /// `OutOfMemory` if the matrix does not fit.
    pub fn new(kernel: KernelKind) -> Result<Self> {
        let matrix = TernaryMatrix::filled(kernel, ROWS, COLS)?;
        let mut x = Activations::new();
        x.quantize(&Pool::new(1), kernel, &vec![1.0; COLS], 1, COLS);
        Ok(Self { matrix, x, out: vec![0.0; ROWS] })
    }

    /// Weights per second of one pass on the threads of `pool`; `now` gives milliseconds.
    pub fn pass(&mut self, pool: &Pool, mut now: impl FnMut() -> f64) -> f64 {
        let begin = now();
        matmul(pool, &self.x, &mut [Job { matrix: &self.matrix, out: &mut self.out }]);
        (ROWS * COLS) as f64 / ((now() - begin).max(1e-3) / 1e3)
    }
}

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
    let mut candidates = Vec::new();
    for kernel in KernelKind::available().filter(|&kernel| kernel != KernelKind::Scalar) {
        if conformance::check(pool, kernel).is_err() {
            continue;
        }
        candidates.push((kernel, Trial::new(kernel)?, 0.0_f64));
    }
    let begin = now();
    for pass in 0..PASSES {
        for (_, trial, best) in &mut candidates {
            *best = best.max(trial.pass(pool, &mut now));
        }
        if pass + 1 >= FEWEST_PASSES && now() - begin > PATIENCE {
            break;
        }
    }
    let timing = |(kernel, _, weights_per_second)| Timing { kernel, weights_per_second };
    let mut timings: Vec<Timing> = candidates.into_iter().map(timing).collect();
    timings.sort_by(|a, b| b.weights_per_second.total_cmp(&a.weights_per_second));
    if timings.is_empty() {
        timings.push(Timing { kernel: KernelKind::Scalar, weights_per_second: 0.0 });
    }
    Ok(timings)
}

/// How fast memory can be read, in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadLimit {
    /// The best piece: the limit of every product whose matrices come from memory.
    pub best: f64,
    /// The middle of all pieces: far below the best one, others use the memory too.
    pub median: f64,
}

/// Measures how fast the threads of `pool` can read `bytes` of memory, four streams a thread, summed so that nothing can
/// be left out. Timed are pieces of one or two milliseconds, which fit between what other programs do. `bytes` must be
/// several times the last-level cache.
///
/// # Errors
/// `OutOfMemory` if the buffer does not fit.
pub fn read_limit(pool: &Pool, bytes: usize, mut now: impl FnMut() -> f64) -> Result<ReadLimit> {
    let mut sums = vec![0_u64; pool.threads()];
    let piece = pool.threads() * READ_PIECE;
    let words = vec_of_ones(bytes.next_multiple_of(piece) / size_of::<u64>())?;
    let mut speeds = Vec::new();
    for _ in 0..READ_PASSES {
        for words in words.chunks_exact(piece / size_of::<u64>()) {
            let share = words.len() / sums.len();
            let begin = now();
            pool.par_rows(&mut sums, 1, 1, |thread, sum| sum[0] = sum_streams(&words[thread * share..][..share]));
            speeds.push(piece as f64 * 1e3 / (now() - begin).max(1e-3));
            // A sum that nobody looks at need not be computed.
            std::hint::black_box(&mut sums);
        }
    }
    speeds.sort_by(f64::total_cmp);
    let at = |index: usize| speeds.get(index).copied().unwrap_or(0.0);
    Ok(ReadLimit { best: at(speeds.len().saturating_sub(1)), median: at(speeds.len() / 2) })
}

fn vec_of_ones(len: usize) -> Result<Vec<u64>> {
    let mut words = Vec::new();
    words.try_reserve_exact(len).map_err(|e| {
        Error::new(ErrorKind::OutOfMemory, "no memory for measuring the speed of memory").with_source(e)
    })?;
    words.resize(len, 1);
    Ok(words)
}

/// A line of 64 bytes.
type Line = [u64; 8];

/// The sum of whole lines; what is left at the end of each quarter is not read.
fn sum_streams(words: &[u64]) -> u64 {
    let quarter = words.len() / READ_STREAMS;
    let [a, b, c, d]: [&[Line]; READ_STREAMS] =
        std::array::from_fn(|stream| words[stream * quarter..][..quarter].as_chunks().0);
    let mut sums = [[0_u64; 2]; READ_STREAMS];
    for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
        for (sum, line) in sums.iter_mut().zip([a, b, c, d]) {
            let [first, second] = sum;
            *first = first.wrapping_add(line[0]).wrapping_add(line[2]).wrapping_add(line[4]).wrapping_add(line[6]);
            *second = second.wrapping_add(line[1]).wrapping_add(line[3]).wrapping_add(line[5]).wrapping_add(line[7]);
        }
    }
    sums.iter().flatten().fold(0, |sum, lane| sum.wrapping_add(*lane))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_is_read() {
        let words: Vec<u64> = (0..96).collect();
        assert_eq!(sum_streams(&words), 96 * 95 / 2);
    }

    #[test]
    fn the_best_piece_is_the_limit() {
        let (mut readings, mut now) = (0, 0.0);
        let limit = read_limit(&Pool::new(1), 5 * READ_PIECE, || {
            readings += 1;
            // Every piece takes 2 ms, but the third takes 1 and the last 10.
            now += match readings {
                6 => 1.0,
                n if n == 2 * 5 * READ_PASSES => 10.0,
                n => f64::from(n % 2 == 0) * 2.0,
            };
            now
        });
        let piece = READ_PIECE as f64;
        assert_eq!(limit.unwrap(), ReadLimit { best: piece * 1e3, median: piece * 1e3 / 2.0 });
    }

    #[test]
    fn a_build_without_simd_has_the_scalar_kernel() {
        let timings = measure(&Pool::new(1), || 0.0).unwrap();
        assert_eq!(timings[0].kernel, KernelKind::Scalar);
    }
}
