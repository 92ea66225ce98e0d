//! A fork-join pool over N threads (native threads or Web Workers over one shared memory).
//!
//! The thread that owns the [`Pool`] is thread 0: it forks, takes its share, and joins. The others sit in
//! [`PoolShared::work`] until the pool is dropped. Between two forks they spin for a moment and then sleep, so a pool
//! that has nothing to do costs nothing.
//!
//! ```text
//! leader:  job = f; open the door; fork word = (generation + 1, W); wake;  f(0);  close the door; wait until all have left
//! worker:  wait until the fork word changed;  if index < W { if the door is open { enter; job(index); leave } } else { park }
//! ```
//!
//! `W`, the *width*, is how many of the N threads work. The leader may change it between two forks
//! ([`Pool::set_width`]), because more threads are not always faster: small models wait longer for each other than they
//! compute, and other programs use the cores too. Width and generation share one atomic word, so that a worker that is
//! late cannot take the width of one fork for that of another. Workers beyond the width sleep and cost nothing.
//!
//! Work is handed out by ranges: every thread starts at its own contiguous share, so that it streams through memory,
//! and one that is done early takes what is left of the others' shares. Where one core is slower than another its thread
//! takes fewer ranges, and one whose core has something else to do misses a fork that others have finished meanwhile. Which
//! thread computes a range never changes what is computed.
//!
//! A job that is [spawned](Pool::spawn) is done by one worker beside whatever the leader does; forks go on without that worker.
//!
//! A worker that panics poisons the pool, and the leader panics in turn at the join. In WebAssembly a trap ends the
//! worker without a trace: whoever sees the worker's `error` event writes 1 to [`PoolShared::poison_address`], and the
//! leader traps instead of waiting for ever.

mod load;
mod shared;
#[cfg(test)]
mod tests;

use std::fmt;
use std::hint;
use std::mem;
use std::ops::Range;
use std::panic;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use shared::PoolShared;
use shared::{Door, Task, TaskPointer};

/// Milliseconds since some moment that never changes.
pub type Clock = fn() -> f64;

/// The most threads a pool can have.
pub const MAX_THREADS: usize = 64;

/// Polls before a thread sleeps while tokens are being generated: longer than the leader's single-threaded stretches
/// between two forks.
const ACTIVE_SPINS: u32 = 20_000;
/// How long a sleeping leader waits before it looks at the poison flag again.
const POISON_CHECK: Duration = Duration::from_millis(20);

/// How often the pool forked, and how often a thread fell asleep waiting, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolCounters {
    /// Forks (each with its join).
    pub forks: usize,
    /// Times that a worker or the leader slept instead of spinning.
    pub sleeps: usize,
}

/// Runs what it is given on another thread and does not wait for it.
pub type Starter = fn(Box<dyn FnOnce() + Send>);

/// How a pool gets its workers in WebAssembly, if it starts them.
static STARTER: OnceLock<Starter> = OnceLock::new();

/// From now on a pool in WebAssembly has its workers started by `starter`. The tests need that; the page's compute workers
/// enter by themselves.
pub fn start_workers_by(starter: Starter) {
    // The first one stays.
    let _ = STARTER.set(starter);
}

/// How long the leader waited at its joins.
#[derive(Default)]
struct Waiting {
    /// `None`: nobody wants to know.
    clock: Option<Clock>,
    /// Milliseconds since the clock was set.
    total: f64,
}

/// A team of threads, of which the caller is thread 0.
pub struct Pool {
    shared: Arc<PoolShared>,
    /// Held during a fork: one at a time.
    leader: Mutex<Waiting>,
    handles: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("threads", &self.shared.threads).field("counters", &self.counters()).finish()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Panics are tracked by the poison flag, not by the mutexes.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    /// A pool of `threads` threads (1 to [`MAX_THREADS`], clamped), the caller included.
    ///
    /// Natively the other threads are started here, and the pool has fewer if the system refuses some. In WebAssembly
    /// none is started, unless [`start_workers_by`] says how: the page's workers must call [`PoolShared::work`] with the
    /// indices `1..threads` (see [`Pool::ready_workers`]).
    pub fn new(threads: usize) -> Self {
        let threads = threads.clamp(1, MAX_THREADS);
        if cfg!(target_family = "wasm") {
            let shared = Arc::new(PoolShared::new(threads));
            if let Some(start) = STARTER.get() {
                for index in 1..threads {
                    let worker = Arc::clone(&shared);
                    start(Box::new(move || worker.work(index)));
                }
            }
            return Self { shared, leader: Mutex::default(), handles: Vec::new() };
        }
        Self::with_native_threads(threads)
    }

    fn with_native_threads(threads: usize) -> Self {
        let shared = Arc::new(PoolShared::new(threads));
        let mut handles = Vec::with_capacity(threads - 1);
        for index in 1..threads {
            let worker = Arc::clone(&shared);
            match thread::Builder::new().name(format!("bitnet-{index}")).spawn(move || worker.work(index)) {
                Ok(handle) => handles.push(handle),
                Err(_) => break,
            }
        }
        let pool = Self { shared, leader: Mutex::default(), handles };
        let started = pool.handles.len() + 1;
        if started == threads {
            pool
        } else {
            // Dropping the too small team ends it.
            drop(pool);
            Self::with_native_threads(started)
        }
    }

    /// The number of threads, the caller included.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// How many threads the next fork uses, the caller included.
    pub fn width(&self) -> usize {
        self.shared.width.load(Ordering::Relaxed)
    }

    /// From the next fork on, `width` threads work (1 to [`threads`](Self::threads), clamped); the others sleep.
    pub fn set_width(&self, width: usize) {
        self.shared.width.store(width.clamp(1, self.shared.threads), Ordering::Relaxed);
    }

    /// What the workers need; in WebAssembly its address goes to the compute workers.
    pub fn shared(&self) -> &Arc<PoolShared> {
        &self.shared
    }

    /// Workers that are in their loop; forking is safe from the start, but [`run`](Self::run) does not return before all are.
    pub fn ready_workers(&self) -> usize {
        self.shared.ready.load(Ordering::Acquire) as usize
    }

    /// Says that forks will follow each other closely (`true`: workers spin between them) or not (`false`: they sleep).
    pub fn set_active(&self, active: bool) {
        self.shared.active.store(active, Ordering::Release);
    }

    /// Marks the pool as broken: the current and every later fork panics.
    pub fn poison(&self) {
        self.shared.poison.store(1, Ordering::Release);
    }

    /// Whether a worker was lost.
    pub fn is_poisoned(&self) -> bool {
        self.shared.poison.load(Ordering::Acquire) != 0
    }

    /// What the pool did so far.
    pub fn counters(&self) -> PoolCounters {
        PoolCounters {
            forks: self.shared.forks.load(Ordering::Relaxed),
            sleeps: self.shared.sleeps.load(Ordering::Relaxed),
        }
    }

    /// From now on adds up how long the leader waits at its joins; `None` stops. The sum begins at 0.
    pub fn set_clock(&self, clock: Option<Clock>) {
        *lock(&self.leader) = Waiting { clock, total: 0.0 };
    }

    /// Milliseconds that the leader waited for the other threads since the clock was set.
    pub fn waited(&self) -> f64 {
        lock(&self.leader).total
    }

    /// Lets a worker run `job` while the caller goes on. Without workers the caller runs it, before this returns. Until it is
    /// done [`run`](Self::run) waits for it, and ranges are given to the other threads.
    ///
    /// # Panics
    /// If the pool is poisoned, and without workers, if the job panics. On a worker a panic poisons the pool.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        assert!(!self.is_poisoned(), "a worker of the pool was lost");
        if self.shared.threads == 1 {
            return job();
        }
        let _leader = lock(&self.leader);
        lock(&self.shared.jobs).push_back(Box::new(job));
        self.shared.has_jobs.store(true, Ordering::SeqCst);
        self.shared.call_workers();
    }

    /// Runs `task(thread)` once on every thread of the current width and returns when all are done. Must not be called
    /// from inside a task.
    ///
    /// # Panics
    /// If the task panics on any thread, or the pool is poisoned.
    pub fn run<F: Fn(usize) + Sync>(&self, task: F) {
        let width = self.width();
        if width == 1 {
            return self.shared.load.count(0, || task(0));
        }
        self.fork(&mut lock(&self.leader), width, Until::AllDone, &task);
    }

    /// Covers `0..units` by disjoint ranges of at most `grain` units, each given to one call of `task`, on all threads.
    /// With one thread, or where there are no more than `grain` units, it is a single call on this thread. Threads that come
    /// too late for a range are not waited for.
    ///
    /// # Panics
    /// As [`Pool::run`].
    pub fn for_each_range<F: Fn(Range<usize>) + Sync>(&self, units: usize, grain: usize, task: F) {
        if units == 0 {
            return;
        }
        let grain = grain.max(1);
        let threads = self.width();
        if threads == 1 || units <= grain {
            return self.shared.load.count(0, || task(0..units));
        }
        let mut guard = lock(&self.leader);
        let share = |thread: usize| thread * units / threads..(thread + 1) * units / threads;
        for (thread, cursor) in self.shared.cursors[..threads].iter().enumerate() {
            cursor.0.store(share(thread).start, Ordering::Relaxed);
        }
        self.fork(&mut guard, threads, Until::AllLeft, &|thread: usize| {
            // The own share first, then what the others have not reached yet.
            for victim in (thread..threads).chain(0..thread) {
                let end = share(victim).end;
                let cursor = &self.shared.cursors[victim].0;
                loop {
                    let start = cursor.fetch_add(grain, Ordering::Relaxed);
                    if start >= end {
                        break;
                    }
                    task(start..end.min(start + grain));
                }
            }
        });
    }

    /// Splits `data` into rows of `row_len` and runs `task(row_index, row)` once for each, on all threads, handing out
    /// `grain` rows at a time.
    ///
    /// # Panics
    /// As [`Pool::run`], and if `data` is not a whole number of rows.
    pub fn par_rows<T: Send, F: Fn(usize, &mut [T]) + Sync>(
        &self,
        data: &mut [T],
        row_len: usize,
        grain: usize,
        task: F,
    ) {
        if data.is_empty() {
            return;
        }
        assert!(row_len > 0 && data.len().is_multiple_of(row_len), "{} is no multiple of {row_len}", data.len());
        let rows = data.len() / row_len;
        let base = SendPointer(data.as_mut_ptr());
        self.for_each_range(rows, grain, |range| {
            let base = &base;
            for row in range {
                // SAFETY: row < rows, so the slice is inside `data`, which is borrowed mutably for the whole call;
                // every row is in exactly one range, so no two threads hold the same slice.
                let slice = unsafe { std::slice::from_raw_parts_mut(base.0.add(row * row_len), row_len) };
                task(row, slice);
            }
        });
    }

    fn fork(&self, waiting: &mut Waiting, width: usize, until: Until, task: &(dyn Fn(usize) + Sync)) {
        let shared = &*self.shared;
        assert!(!self.is_poisoned(), "a worker of the pool was lost");
        shared.forks.fetch_add(1, Ordering::Relaxed);
        // SAFETY: only the lifetime changes. `Join` waits, also while unwinding, until no worker can use the pointer.
        let erased: Task = unsafe { mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Task>(task) };
        // SAFETY: this is the one leader, as it holds the lock; the last fork's `Join` has closed the door, and nobody was
        // left behind it.
        unsafe { *shared.task.get() = Some(TaskPointer(erased)) };
        shared.remaining.store(width as u32 - 1, Ordering::Relaxed);
        let before = shared.start_fork(width);
        if shared.has_sleepers.swap(false, Ordering::SeqCst) {
            // The lock orders this after the sleeper's last look at the fork word.
            drop(lock(&shared.bed));
            shared.wake.notify_all();
        }
        if width > before.width() {
            drop(lock(&shared.bed)); // as above
            shared.unpark.notify_all();
        }
        let join = Join { shared, until };
        shared.load.count(0, || task(0));
        let begin = waiting.clock.map_or(0.0, |clock| clock());
        drop(join);
        waiting.total += waiting.clock.map_or(0.0, |clock| clock() - begin);
        if self.is_poisoned() {
            match lock(&shared.panic).take() {
                Some(payload) => panic::resume_unwind(payload),
                None => panic!("a worker of the pool was lost"),
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.shutdown.store(true, Ordering::SeqCst);
        self.shared.start_fork(self.shared.threads);
        drop(lock(&self.shared.bed));
        self.shared.wake.notify_all();
        self.shared.unpark.notify_all();
        for handle in self.handles.drain(..) {
            // A worker never unwinds out of its loop, so there is no error to report.
            let _ = handle.join();
        }
    }
}

/// What the leader waits for at a join.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Every worker within the width has done its part.
    AllDone,
    /// Those that take part are done: there is nothing to do for others any more.
    AllLeft,
}

/// Waits for the workers when dropped, and lets nobody in any more.
struct Join<'a> {
    shared: &'a PoolShared,
    until: Until,
}

impl Join<'_> {
    /// Where a panic unwinds, lost workers do not exist: each one counts itself out, and the task must outlive them all.
    /// Where it aborts, a poisoned pool must not be waited for.
    fn wait(&self, is_over: impl Fn() -> bool) {
        let shared = self.shared;
        let is_over = || is_over() || (cfg!(panic = "abort") && shared.poison.load(Ordering::Acquire) != 0);
        for _ in 0..ACTIVE_SPINS {
            if is_over() {
                return;
            }
            hint::spin_loop();
        }
        shared.sleeps.fetch_add(1, Ordering::Relaxed);
        let mut guard = lock(&shared.bed);
        shared.leader_sleeps.store(true, Ordering::SeqCst);
        while !is_over() {
            guard = shared.done.wait_timeout(guard, POISON_CHECK).unwrap_or_else(PoisonError::into_inner).0;
        }
        shared.leader_sleeps.store(false, Ordering::SeqCst);
    }
}

impl Drop for Join<'_> {
    fn drop(&mut self) {
        let shared = self.shared;
        if self.until == Until::AllDone {
            self.wait(|| shared.remaining.load(Ordering::SeqCst) == 0);
        }
        shared.door.fetch_or(Door::CLOSED, Ordering::SeqCst);
        self.wait(|| Door(shared.door.load(Ordering::SeqCst)).is_left());
    }
}

/// A raw pointer that may cross threads; every use says why it is sound.
struct SendPointer<T>(*mut T);

// SAFETY: the pointer stands for `&mut [T]` handed out in disjoint parts, which is sound for `T: Send`.
unsafe impl<T: Send> Sync for SendPointer<T> {}
