//! Timing by a clock that may be coarse.

/// A timed piece lasts as many ticks of the clock, or [`LONG`], but at least one tick.
const TICKS: f64 = 10.0;
/// Milliseconds, several passes of the slowest kernel.
const LONG: f64 = 10.0;
/// Looks at a clock after which it is taken to stand still: some hundred milliseconds.
const LOOKS: usize = 1 << 22;
/// Passes of a piece after which the same is done.
pub(super) const MOST_PASSES: usize = 4096;

/// A clock that may be coarse. Browsers make theirs so on purpose: it ticks every 5 to 100 microseconds on an isolated
/// page, up to a millisecond elsewhere, and ten times a second where Firefox resists fingerprinting. What is shorter than a
/// tick seems to take no time at all or a whole tick.
pub(super) struct CoarseTimer<F> {
    now: F,
    /// The least that a piece lasts, milliseconds.
    least: f64,
}

/// What [`CoarseTimer::time`] found.
pub(super) struct Timing {
    /// Of one pass.
    pub(super) milliseconds: f64,
    pub(super) passes: usize,
}

impl<F: FnMut() -> f64> CoarseTimer<F> {
    pub(super) fn new(now: F) -> Self {
        let mut clock = Self { now, least: 0.0 };
        let edges: [f64; 3] = std::array::from_fn(|_| clock.edge());
        // The lesser of two, because another program may have had the processor for a moment.
        let tick = (edges[1] - edges[0]).min(edges[2] - edges[1]);
        clock.least = (TICKS * tick).min(LONG).max(tick);
        clock
    }

    pub(super) fn now(&mut self) -> f64 {
        (self.now)()
    }

    /// Waits until the clock ticks, and tells what it shows then.
    fn edge(&mut self) -> f64 {
        let before = self.now();
        (0..LOOKS).map(|_| self.now()).find(|&now| now > before).unwrap_or(before)
    }

    /// Times `pass`, again and again from one edge of the clock to the first look after a later one.
    pub(super) fn time(&mut self, mut pass: impl FnMut()) -> Timing {
        let begin = self.edge();
        let mut passes = 0;
        loop {
            pass();
            passes += 1;
            let passed = self.now() - begin;
            if passed >= self.least || passes == MOST_PASSES {
                return Timing { milliseconds: passed / passes as f64, passes };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_coarse_clock_times_as_a_fine_one() {
        for tick in [0.005, 0.02, 0.1, 1.0, 100.0] {
            let time = Cell::new(0.0);
            let pass = |milliseconds: f64| time.set(time.get() + milliseconds);
            let mut clock = CoarseTimer::new(|| {
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
        assert_eq!(CoarseTimer::new(|| 0.0).time(|| ()).passes, 1);
    }
}
