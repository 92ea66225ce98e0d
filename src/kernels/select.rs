//! Which kernel is fastest here: a short measurement, because the order differs between engines and processors.

use crate::pool::Pool;
use crate::{Error, ErrorKind, Result};

use super::{Activations, Job, KernelKind, TernaryMatrix, conformance, matmul};

/// A matrix of BitNet b1.58 2B4T's widths and several times a second-level cache: 9 MB packed. One pass takes one or two
/// milliseconds, which fits between what other programs do.
const ROWS: usize = 2 * 6912;
const COLS: usize = 2560;
/// Rounds over all kernels, of one timed piece each; the best piece counts, because neighbours only ever make it slower.
const ROUNDS: usize = 16;
/// Fewer rounds if they take longer than this, in milliseconds, but no fewer than [`FEWEST_PASSES`] of each kernel.
const PATIENCE: f64 = 60.0;
const FEWEST_PASSES: usize = 4;

/// A timed piece lasts as many ticks of the clock, or [`LONG`], but at least one tick.
const TICKS: f64 = 10.0;
/// Milliseconds, several passes of the slowest kernel.
const LONG: f64 = 10.0;
/// Looks at a clock after which it is taken to stand still: some hundred milliseconds.
const LOOKS: usize = 1 << 22;
/// Passes of a piece after which the same is done.
const MOST_PASSES: usize = 4096;

/// Streams that each thread of [`read_limit`] reads at once.
const READ_STREAMS: usize = 4;
/// Bytes that each thread reads between two looks at the clock: one or two milliseconds, a piece where the clock is fine.
const READ_PIECE: usize = 16 << 20;
/// How often the whole buffer is read.
const READ_PASSES: usize = 8;

/// A clock that may be coarse. Browsers make theirs so on purpose: it ticks every 5 to 100 microseconds on an isolated
/// page, up to a millisecond elsewhere, and ten times a second where Firefox resists fingerprinting. What is shorter than a
/// tick seems to take no time at all or a whole tick.
struct Ticking<F> {
    now: F,
    /// The least that a piece lasts, milliseconds.
    least: f64,
}

/// How fast one kernel is on one pool after another.
pub struct Trial<F> {
    kernel: TimedKernel,
    clock: Ticking<F>,
}

impl<F: FnMut() -> f64> Trial<F> {
    /// With the last kernel of the build's list; `now` gives milliseconds.
    ///
    /// # Errors
    /// `OutOfMemory` if the test matrix does not fit.
    pub fn new(now: F) -> Result<Self> {
        let kind = KernelKind::available().last().unwrap_or(KernelKind::Scalar);
        Ok(Self { kernel: TimedKernel::new(kind)?, clock: Ticking::new(now) })
    }

    /// Weights per second on all threads of `pool`, the best of some pieces.
    pub fn speed(&mut self, pool: &Pool) -> f64 {
        let mut passes = 0;
        let mut best = f64::INFINITY;
        while passes < FEWEST_PASSES {
            let piece = self.clock.time(|| self.kernel.pass(pool));
            best = best.min(piece.milliseconds);
            passes += piece.passes;
        }
        weights_per_second(best)
    }
}

/// A kernel's matrix and input for timed passes.
struct TimedKernel {
    matrix: TernaryMatrix,
    x: Activations,
    out: Vec<f32>,
}

impl TimedKernel {
    fn new(kernel: KernelKind) -> Result<Self> {
        let matrix = TernaryMatrix::filled(kernel, ROWS, COLS)?;
        let mut x = Activations::new();
        x.quantize(&Pool::new(1), kernel, &vec![1.0; COLS], 1, COLS);
        Ok(Self { matrix, x, out: vec![0.0; ROWS] })
    }

    fn pass(&mut self, pool: &Pool) {
        matmul(pool, &self.x, &mut [Job { matrix: &self.matrix, out: &mut self.out }]);
    }
}

fn weights_per_second(milliseconds_of_a_pass: f64) -> f64 {
    (ROWS * COLS) as f64 / (milliseconds_of_a_pass.max(1e-3) / 1e3)
}

/// What [`Ticking::time`] found.
struct Piece {
    /// Of one pass.
    milliseconds: f64,
    passes: usize,
}

impl<F: FnMut() -> f64> Ticking<F> {
    fn new(now: F) -> Self {
        let mut clock = Self { now, least: 0.0 };
        let edges: [f64; 3] = std::array::from_fn(|_| clock.edge());
        // The lesser of two, because another program may have had the processor for a moment.
        let tick = (edges[1] - edges[0]).min(edges[2] - edges[1]);
        clock.least = (TICKS * tick).min(LONG).max(tick);
        clock
    }

    fn now(&mut self) -> f64 {
        (self.now)()
    }

    /// Waits until the clock ticks, and tells what it shows then.
    fn edge(&mut self) -> f64 {
        let before = self.now();
        (0..LOOKS).map(|_| self.now()).find(|&now| now > before).unwrap_or(before)
    }

    /// Times `pass`, again and again from one edge of the clock to the first look after a later one.
    fn time(&mut self, mut pass: impl FnMut()) -> Piece {
        let begin = self.edge();
        let mut passes = 0;
        loop {
            pass();
            passes += 1;
            let passed = self.now() - begin;
            if passed >= self.least || passes == MOST_PASSES {
                return Piece { milliseconds: passed / passes as f64, passes };
            }
        }
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
pub fn measure(pool: &Pool, now: impl FnMut() -> f64) -> Result<Vec<Timing>> {
    let mut candidates = Vec::new();
    for kernel in KernelKind::available().filter(|&kernel| kernel != KernelKind::Scalar) {
        if conformance::check(pool, kernel).is_err() {
            continue;
        }
        candidates.push((TimedKernel::new(kernel)?, f64::INFINITY));
    }
    let clock = &mut Ticking::new(now);
    let begin = clock.now();
    let mut passes = 0;
    for _ in 0..ROUNDS {
        let mut fewest = MOST_PASSES;
        for (kernel, best) in &mut candidates {
            let piece = clock.time(|| kernel.pass(pool));
            *best = best.min(piece.milliseconds);
            fewest = fewest.min(piece.passes);
        }
        passes += fewest;
        if passes >= FEWEST_PASSES && clock.now() - begin > PATIENCE {
            break;
        }
    }
    let timing = |(kernel, best): (TimedKernel, f64)| Timing {
        kernel: kernel.matrix.kind(),
        weights_per_second: weights_per_second(best),
    };
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
pub fn read_limit(pool: &Pool, bytes: usize, now: impl FnMut() -> f64) -> Result<ReadLimit> {
    let mut sums = vec![0_u64; pool.threads()];
    let piece = pool.threads() * READ_PIECE;
    let words = vec_of_ones(bytes.next_multiple_of(piece) / size_of::<u64>())?;
    let clock = &mut Ticking::new(now);
    let count = words.len() / (piece / size_of::<u64>());
    let mut left = READ_PASSES * count;
    let mut pieces = words.chunks_exact(piece / size_of::<u64>()).cycle();
    let mut speeds = Vec::new();
    while left > 0 {
        let timed = clock.time(|| {
            let words = pieces.next().unwrap_or_default();
            let share = words.len() / sums.len();
            pool.par_rows(&mut sums, 1, 1, |thread, sum| sum[0] = sum_streams(&words[thread * share..][..share]));
            // A sum that nobody looks at need not be computed.
            std::hint::black_box(&mut sums);
        });
        left = left.saturating_sub(timed.passes);
        speeds.push(piece as f64 * 1e3 / timed.milliseconds.max(1e-3));
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
    use std::cell::Cell;

    use super::*;

    #[test]
    fn every_stream_is_read() {
        let words: Vec<u64> = (0..96).collect();
        assert_eq!(sum_streams(&words), 96 * 95 / 2);
    }

    #[test]
    fn a_coarse_clock_times_as_a_fine_one() {
        for tick in [0.005, 0.02, 0.1, 1.0, 100.0] {
            let time = Cell::new(0.0);
            let pass = |milliseconds: f64| time.set(time.get() + milliseconds);
            let mut clock = Ticking::new(|| {
                pass(1e-4);
                (time.get() / tick).floor() * tick
            });
            for milliseconds in [0.3, 0.94, 1.7, 30.0] {
                let found = clock.time(|| pass(milliseconds));
                let error = found.milliseconds / milliseconds - 1.0;
                // Ending a piece is noticed up to a pass late, and a pass longer than a piece is known to a tick.
                assert!(error.abs() < 0.31, "{milliseconds} ms, tick {tick}: {}", found.milliseconds);
                assert!(found.passes < MOST_PASSES);
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_ends_a_piece() {
        assert_eq!(Ticking::new(|| 0.0).time(|| ()).passes, 1);
    }

    #[test]
    fn the_best_piece_is_the_limit() {
        let mut readings = 0;
        let limit = read_limit(&Pool::new(1), 5 * READ_PIECE, || {
            readings += 1;
            // Two milliseconds from look to look, and one later on.
            f64::from(if readings < 40 { 2 * readings } else { 40 + readings })
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
