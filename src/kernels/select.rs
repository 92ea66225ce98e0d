//! Which kernel is fastest here: a short measurement, because the order differs between engines and processors.

use crate::Result;
use crate::pool::Pool;

use super::coarse_timer::{CoarseTimer, MOST_PASSES};
use super::conformance;
use super::scales::GroupScheme;
use super::ternary::{
    ActivationScales, Activations, GroupedActivations, GroupedJob, GroupedMatrix, Job, Kernel, TernaryMatrix,
    grouped_matmul, matmul,
};

/// A matrix of BitNet b1.58 2B4T's widths and several times a second-level cache: 9 MB packed. One pass takes one or two
/// milliseconds, which fits between what other programs do.
const ROWS: usize = 2 * 6912;
const COLS: usize = 2560;
/// Rounds over all kernels, of one timed piece each; the best piece counts, because neighbours only ever make it slower.
const ROUNDS: usize = 16;
/// Fewer rounds if they take longer than this, in milliseconds, but no fewer than [`FEWEST_PASSES`] of each kernel.
const PATIENCE: f64 = 60.0;
const FEWEST_PASSES: usize = 4;

/// A kernel's matrix and input for timed passes.
struct TimedKernel {
    matrix: TernaryMatrix,
    x: Activations,
    out: Vec<f32>,
}

impl TimedKernel {
    fn new(kernel: Kernel) -> Result<Self> {
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

/// How fast a kernel is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// The kernel.
    pub kernel: Kernel,
    /// Weights per second in matrix times vector, on all threads of the pool.
    pub weights_per_second: f64,
}

/// Measures group-scaled weights of `scheme` where `kernel` was chosen, in matrix times vector on all threads of the pool: weights per
/// second.
///
/// # Errors
/// `OutOfMemory` if the test matrix does not fit.
pub fn measure_scheme(pool: &Pool, kernel: Kernel, scheme: GroupScheme, now: impl FnMut() -> f64) -> Result<f64> {
    let matrix = GroupedMatrix::filled(kernel, scheme, ROWS, COLS)?;
    let (mut x, mut out) = (GroupedActivations::default(), vec![0.0; ROWS]);
    x.quantize_with(pool, kernel, scheme, ActivationScales::Group, true, 1, COLS, |_, x| x.fill(1.0));
    let pass = |_| grouped_matmul(pool, &x, &mut [GroupedJob { matrix: &matrix, out: &mut out }]);
    Ok(weights_per_second(least_times(1, now, pass)[0]))
}

/// The milliseconds of a pass of each of `count` candidates, in its best piece: they take turns.
fn least_times(count: usize, now: impl FnMut() -> f64, mut pass: impl FnMut(usize)) -> Vec<f64> {
    let clock = &mut CoarseTimer::new(now);
    let begin = clock.now();
    let (mut least, mut passes) = (vec![f64::INFINITY; count], 0);
    for _ in 0..ROUNDS {
        let mut fewest = MOST_PASSES;
        for (candidate, least) in least.iter_mut().enumerate() {
            let piece = clock.time(|| pass(candidate));
            *least = least.min(piece.milliseconds);
            fewest = fewest.min(piece.passes);
        }
        passes += fewest;
        if passes >= FEWEST_PASSES && clock.now() - begin > PATIENCE {
            break;
        }
    }
    least
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
    for kernel in Kernel::all().filter(|&kernel| kernel != Kernel::SCALAR) {
        if conformance::check_kernel(pool, kernel).is_err() {
            continue;
        }
        candidates.push(TimedKernel::new(kernel)?);
    }
    let least = least_times(candidates.len(), now, |index| candidates[index].pass(pool));
    let timing = |(candidate, milliseconds): (TimedKernel, f64)| Timing {
        kernel: candidate.matrix.kernel(),
        weights_per_second: weights_per_second(milliseconds),
    };
    let mut timings: Vec<Timing> = candidates.into_iter().zip(least).map(timing).collect();
    timings.sort_by(|a, b| b.weights_per_second.total_cmp(&a.weights_per_second));
    if timings.is_empty() {
        timings.push(Timing { kernel: Kernel::SCALAR, weights_per_second: 0.0 });
    }
    Ok(timings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scales::GroupColumns;

    #[test]
    fn each_scheme_is_measured() {
        let (mut time, pool) = (0.0, Pool::new(1));
        let kernel = Kernel::from_name("lut").unwrap();
        for scheme in [GroupScheme::ternary(GroupColumns::C64), GroupScheme::binary(GroupColumns::C128)] {
            // A clock that goes on by a millisecond whenever it is read.
            let now = || {
                time += 1.0;
                time
            };
            let speed = measure_scheme(&pool, kernel, scheme, now).unwrap();
            assert!(speed > 0.0 && speed.is_finite());
        }
    }

    #[test]
    fn every_kernel_is_measured_but_the_reference() {
        let timings = measure(&Pool::new(1), || 0.0).unwrap();
        assert_eq!(timings.len(), Kernel::all().count() - 1);
        assert!(timings.iter().all(|timing| timing.kernel != Kernel::SCALAR));
    }
}
