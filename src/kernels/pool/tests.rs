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

/// A worker on a slow core: it has taken one range when the other threads have done all others.
#[test]
fn a_slow_thread_gets_fewer_ranges() {
    for threads in 2..5 {
        let pool = Pool::new(threads);
        if pool.threads() < 2 {
            return; // the system refused more
        }
        for active in [false, true] {
            pool.set_active(active);
            let (others, leader) = (39, thread::current().id());
            let (taken, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let mut squares = vec![0_usize; others + 1];
            let hits: Vec<AtomicUsize> = squares.iter().map(|_| AtomicUsize::new(0)).collect();
            pool.par_rows(&mut squares, 1, 1, |row, square| {
                hits[row].fetch_add(1, Ordering::Relaxed);
                let is_slow = thread::current().id() != leader && taken.fetch_add(1, Ordering::SeqCst) == 0;
                if is_slow {
                    while done.load(Ordering::SeqCst) < others {
                        thread::yield_now();
                    }
                } else {
                    // The leader does nothing before the slow thread has its range.
                    while taken.load(Ordering::SeqCst) == 0 {
                        thread::yield_now();
                    }
                }
                square[0] = row * row;
                done.fetch_add(1, Ordering::SeqCst);
            });
            assert!(hits.iter().all(|hits| hits.load(Ordering::Relaxed) == 1));
            assert!(squares.iter().enumerate().all(|(row, &square)| square == row * row));
        }
    }
}

/// Workers whose cores are taken: none of them comes while there is something to do.
#[test]
fn threads_that_do_not_come_are_not_waited_for() {
    let shared = Arc::new(PoolShared::new(3));
    let pool = Pool { shared: Arc::clone(&shared), leader: Mutex::default(), handles: Vec::new() };
    let mut rows = vec![0_usize; 50];
    for _ in 0..3 {
        pool.par_rows(&mut rows, 1, 4, |row, out| out[0] += row);
    }
    assert!(rows.iter().enumerate().all(|(row, &out)| out == 3 * row));
    // Then they come, miss what is over, and take part in what begins.
    for index in 1..3 {
        let worker = Arc::clone(&shared);
        let work = move || worker.work(index);
        match STARTER.get() {
            Some(start) => start(Box::new(work)),
            None => drop(thread::spawn(work)),
        }
    }
    let calls = AtomicUsize::new(0);
    pool.run(|_| {
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(calls.load(Ordering::Relaxed), 3);
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

#[test]
fn jobs_run_beside_forks() {
    for threads in 1..4 {
        let pool = Pool::new(threads);
        let (send, receive) = std::sync::mpsc::channel();
        for job in 0..20 {
            // All that a width leaves out may be asleep, or the width may be 1.
            pool.set_width(1 + job % threads);
            let send = send.clone();
            pool.spawn(move || send.send(job).unwrap());
            let units = AtomicUsize::new(0);
            pool.for_each_range(100, 3, |range| {
                units.fetch_add(range.len(), Ordering::Relaxed);
            });
            assert_eq!(units.into_inner(), 100);
            if job % 3 == 0 {
                let calls = AtomicUsize::new(0);
                pool.run(|_| {
                    calls.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(calls.into_inner(), 1 + job % threads);
            }
        }
        drop(send);
        let mut done: Vec<usize> = receive.iter().collect();
        done.sort_unstable();
        assert_eq!(done, (0..20).collect::<Vec<_>>());
    }
}

/// The job goes on until the forks are over, which nobody but the leader works on.
#[test]
fn a_worker_with_a_job_is_not_waited_for() {
    let pool = Pool::new(2);
    if pool.threads() < 2 {
        return; // the system refused more
    }
    let is_over = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&is_over);
    pool.spawn(move || {
        while seen.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
    });
    let mut rows = vec![0_usize; 50];
    for _ in 0..3 {
        pool.par_rows(&mut rows, 1, 4, |row, out| out[0] += row);
    }
    is_over.store(1, Ordering::SeqCst);
    assert!(rows.iter().enumerate().all(|(row, &out)| out == 3 * row));
}
