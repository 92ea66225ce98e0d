//! Where the time of a pass goes, part by part. The core reads no clock: who wants to know passes one in, and without
//! one a lap is a single comparison.

use crate::pool::{Clock, Pool};

/// The parts of a token's computation, by which the leader's time is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Products with ternary matrices.
    Ternary,
    /// Rotations, keys and values stored, scores, weighted sums.
    Attention,
    /// The last norm and the logits.
    Head,
    /// Embedding, norms, activation functions, quantization to int8, residual sums.
    Norms,
    /// The next token from the logits, and its text.
    Sampling,
}

/// Milliseconds of each part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// See [`Part::Ternary`].
    pub ternary: f64,
    /// See [`Part::Attention`].
    pub attention: f64,
    /// See [`Part::Head`].
    pub head: f64,
    /// See [`Part::Norms`].
    pub norms: f64,
    /// See [`Part::Sampling`].
    pub sampling: f64,
    /// The leader waiting for the other threads, in whatever part that was; it is in no other part.
    pub barriers: f64,
}

impl Parts {
    fn part(&mut self, part: Part) -> &mut f64 {
        match part {
            Part::Ternary => &mut self.ternary,
            Part::Attention => &mut self.attention,
            Part::Head => &mut self.head,
            Part::Norms => &mut self.norms,
            Part::Sampling => &mut self.sampling,
        }
    }
}

/// Sums up the parts of the leader's time; does nothing until it is given a clock.
#[derive(Debug, Default)]
pub struct Stopwatch(Option<Running>);

#[derive(Debug)]
struct Running {
    clock: Clock,
    /// When the last lap ended.
    since: f64,
    /// The pool's waiting by then, milliseconds.
    waited: f64,
    parts: Parts,
}

impl Stopwatch {
    /// Begins anew with `clock`; `None` stops.
    pub fn set_clock(&mut self, clock: Option<Clock>) {
        self.0 = clock.map(|clock| Running { clock, since: clock(), waited: 0.0, parts: Parts::default() });
    }

    /// The time until now belongs to no part.
    pub fn start(&mut self, pool: &Pool) {
        if let Some(running) = &mut self.0 {
            (running.since, running.waited) = ((running.clock)(), pool.waited());
        }
    }

    /// The time since the last lap, or the start, was spent on `part` and on waiting for the other threads of `pool`.
    pub fn lap(&mut self, part: Part, pool: &Pool) {
        if let Some(running) = &mut self.0 {
            let (now, waited) = ((running.clock)(), pool.waited());
            let waiting = waited - running.waited;
            running.parts.barriers += waiting;
            *running.parts.part(part) += now - running.since - waiting;
            (running.since, running.waited) = (now, waited);
        }
    }

    /// The sums since they were last taken; `None` without a clock.
    pub fn take(&mut self) -> Option<Parts> {
        self.0.as_mut().map(|running| std::mem::take(&mut running.parts))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// A millisecond later each time it is read. Only one test reads it.
    fn ticks() -> f64 {
        static NOW: AtomicU32 = AtomicU32::new(0);
        NOW.fetch_add(1, Ordering::Relaxed).into()
    }

    #[test]
    fn laps_add_up_by_part_and_are_taken_once() {
        let (pool, mut watch) = (Pool::new(1), Stopwatch::default());
        watch.lap(Part::Head, &pool);
        assert_eq!(watch.take(), None);
        watch.set_clock(Some(ticks));
        ticks();
        watch.start(&pool);
        watch.lap(Part::Ternary, &pool);
        watch.lap(Part::Norms, &pool);
        watch.lap(Part::Ternary, &pool);
        assert_eq!(watch.take(), Some(Parts { ternary: 2.0, norms: 1.0, ..Parts::default() }));
        assert_eq!(watch.take(), Some(Parts::default()));
        watch.set_clock(None);
        assert_eq!(watch.take(), None);
    }

    /// Counts the readings of the leader alone. Only one test reads it.
    fn waits() -> f64 {
        static NOW: AtomicU32 = AtomicU32::new(0);
        NOW.fetch_add(10, Ordering::Relaxed).into()
    }

    #[test]
    fn waiting_for_other_threads_is_a_part_of_its_own() {
        let (pool, mut watch) = (Pool::new(2), Stopwatch::default());
        pool.set_clock(Some(waits));
        watch.set_clock(Some(waits));
        watch.start(&pool);
        pool.run(|thread| thread::sleep(Duration::from_millis(thread as u64)));
        watch.lap(Part::Attention, &pool);
        // Four readings, 10 ms apart: the start, before and after the wait, the lap.
        let expected = if pool.threads() == 2 { (20.0, 10.0) } else { (10.0, 0.0) };
        assert_eq!(watch.take().map(|parts| (parts.attention, parts.barriers)), Some(expected));
    }
}
