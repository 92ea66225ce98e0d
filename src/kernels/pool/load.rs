//! How busy each thread of a pool is: the time that it spends in its tasks, without the waiting between them.
//!
//! Nothing is measured until somebody asks. Then every thread reads the clock before and after each of its tasks, and adds the
//! difference to a number of its own, in a cache line of its own. Until then a task costs one look at a flag.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Clock, Pool};

/// Nanoseconds that a thread has spent in its tasks. One per cache line, so that threads do not fight over it.
#[derive(Default)]
#[repr(align(128))]
struct Busy(AtomicU64);

/// The busy times of the threads of a pool.
pub(super) struct Load {
    is_measured: AtomicBool,
    clock: OnceLock<Clock>,
    busy: Box<[Busy]>,
}

impl Load {
    pub(super) fn new(threads: usize) -> Self {
        let busy = (0..threads).map(|_| Busy::default()).collect();
        Self { is_measured: AtomicBool::new(false), clock: OnceLock::new(), busy }
    }

    /// Does `task`, which is one of thread `index`, and counts its time if that is wanted.
    #[inline]
    pub(super) fn count<T>(&self, index: usize, task: impl FnOnce() -> T) -> T {
        if !self.is_measured.load(Ordering::Relaxed) {
            return task();
        }
        let Some(clock) = self.clock.get() else { return task() };
        let begin = clock();
        let value = task();
        self.busy[index].0.fetch_add(((clock() - begin) * 1e6) as u64, Ordering::Relaxed);
        value
    }
}

impl Pool {
    /// From now on measures with `clock` how long each thread is in its tasks, or no longer (`None`). The first clock stays.
    /// What was measured is kept.
    pub fn measure_load(&self, clock: Option<Clock>) {
        let load = &self.shared.load;
        if let Some(clock) = clock {
            load.clock.get_or_init(|| clock);
        }
        load.is_measured.store(clock.is_some(), Ordering::Relaxed);
    }

    /// Milliseconds that each thread has spent in its tasks while that was measured, the caller's first. A task is counted when
    /// it has ended.
    pub fn busy(&self) -> Vec<f64> {
        self.shared.load.busy.iter().map(|busy| busy.0.load(Ordering::Relaxed) as f64 / 1e6).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// 10 ms later each time that a thread reads it: each task takes 10 ms, and waiting nothing.
    fn ticks() -> f64 {
        thread_local!(static NOW: Cell<f64> = const { Cell::new(0.0) });
        NOW.replace(NOW.get() + 10.0)
    }

    #[test]
    fn tasks_are_counted_while_that_is_wanted() {
        let pool = Pool::new(1);
        pool.run(|_| {});
        assert_eq!(pool.busy(), [0.0]);
        pool.measure_load(Some(ticks));
        // A task of the whole pool, and ranges that one thread does by itself.
        pool.run(|_| {});
        pool.for_each_range(3, 8, |_| {});
        pool.for_each_range(0, 8, |_| {});
        assert_eq!(pool.busy(), [20.0]);
        pool.measure_load(None);
        pool.run(|_| {});
        assert_eq!(pool.busy(), [20.0], "what was measured is kept");
    }

    #[test]
    fn every_thread_counts_its_own_tasks() {
        let pool = Pool::new(3);
        pool.measure_load(Some(ticks));
        // Ranges may be over before a thread comes; a task of the whole pool needs all.
        pool.run(|_| {});
        pool.run(|_| {});
        assert_eq!(pool.busy(), vec![20.0; pool.threads()]);
        pool.set_width(1);
        pool.run(|_| {});
        pool.for_each_range(64, 1, |_| {});
        let mut expected = vec![20.0; pool.threads()];
        expected[0] = 40.0;
        assert_eq!(pool.busy(), expected, "the others sleep");
    }
}
