use std::panic::AssertUnwindSafe;
use std::sync::atomic::AtomicUsize;

use super::shared::ForkWord;
use super::*;

#[test]
fn run_calls_every_thread_once() {
    for threads in 1..4 {
        let pool = Pool::new(threads);
        for _ in 0..100 {
            let calls: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            pool.run(|thread| {
                calls[thread].fetch_add(1, Ordering::Relaxed);
            });
            assert!(calls.iter().all(|calls| calls.load(Ordering::Relaxed) == 1));
        }
    }
}

#[test]
fn ranges_cover_every_unit_once() {
    for threads in 1..5 {
        let pool = Pool::new(threads);
        for (units, grain) in [(0, 1), (1, 1), (2, 7), (7, 2), (100, 3), (101, 100), (1000, 0)] {
            let hits: Vec<AtomicUsize> = (0..units).map(|_| AtomicUsize::new(0)).collect();
            pool.for_each_range(units, grain, |range| {
                for unit in range {
                    hits[unit].fetch_add(1, Ordering::Relaxed);
                }
            });
            assert!(hits.iter().all(|hits| hits.load(Ordering::Relaxed) == 1), "{threads} {units} {grain}");
        }
    }
}

#[test]
fn rows_are_written_by_index() {
    let pool = Pool::new(3);
    pool.set_active(true);
    let mut data = vec![0_usize; 40 * 5];
    pool.par_rows(&mut data, 5, 2, |row, slice| slice.fill(row));
    assert!(data.iter().enumerate().all(|(i, &value)| value == i / 5));
}

#[test]
#[cfg_attr(target_arch = "wasm32", ignore = "WebAssembly does not unwind")]
fn a_panic_reaches_the_leader_and_poisons() {
    for culprit in 0..3 {
        let pool = Pool::new(3);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            pool.run(|thread| assert!(thread != culprit, "culprit {culprit}"));
        }));
        assert!(outcome.is_err(), "thread {culprit}");
        assert_eq!(pool.is_poisoned(), culprit != 0);
    }
}

#[test]
#[cfg_attr(target_arch = "wasm32", ignore = "WebAssembly does not unwind")]
fn a_poisoned_pool_refuses_to_fork() {
    let pool = Pool::new(2);
    pool.poison();
    assert!(panic::catch_unwind(AssertUnwindSafe(|| pool.run(|_| ()))).is_err());
}

#[test]
fn the_width_changes_between_forks() {
    let pool = Pool::new(4);
    // Faster than workers fall asleep, and slower: both orders of every race.
    for pause in [Duration::ZERO, Duration::from_micros(300)] {
        for active in [false, true] {
            pool.set_active(active);
            for round in 0..400_usize {
                let width = 1 + round * 7 % 4;
                pool.set_width(width);
                assert_eq!(pool.width(), width);
                let calls: [AtomicUsize; 4] = Default::default();
                pool.run(|thread| {
                    calls[thread].fetch_add(1, Ordering::Relaxed);
                });
                let units = AtomicUsize::new(0);
                pool.for_each_range(100, 3, |range| {
                    units.fetch_add(range.len(), Ordering::Relaxed);
                });
                let calls = calls.map(|calls| calls.load(Ordering::Relaxed));
                let expected: [usize; 4] = std::array::from_fn(|thread| usize::from(thread < width));
                assert_eq!((calls, units.load(Ordering::Relaxed)), (expected, 100), "round {round}");
                thread::sleep(pause);
            }
        }
    }
}

#[test]
fn the_number_of_a_fork_comes_round() {
    let word = ForkWord(0xffff_ff07).next(3);
    assert_eq!((word.0, word.width()), (3, 3));
}

#[test]
fn sleeping_workers_wake_up() {
    let pool = Pool::new(3);
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(1));
        let hits = AtomicUsize::new(0);
        pool.run(|_| {
            hits.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(hits.load(Ordering::Relaxed), 3);
    }
    assert!(pool.counters().sleeps > 0);
}
