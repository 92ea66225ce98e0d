//! The part of a pool that its workers see: what is to be done, who has done it, and how they sleep.

use std::any::Any;
use std::hint;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::load::Load;
use super::{ACTIVE_SPINS, lock};

/// Polls of the fork word before a worker sleeps between generations.
const IDLE_SPINS: u32 = 64;

/// A job as the workers see it: a borrowed closure whose lifetime the join guards.
pub(super) type Task = *const (dyn Fn(usize) + Sync);

/// One counter per cache line, so that threads do not fight over it.
#[repr(align(128))]
pub(super) struct Cursor(pub(super) AtomicUsize);

/// The part of a pool that its workers see.
pub struct PoolShared {
    pub(super) threads: usize,
    /// How many threads the next fork uses, 1 to `threads`.
    pub(super) width: AtomicUsize,
    /// The last fork: see [`ForkWord`]. A change is the signal to start.
    pub(super) fork: AtomicU32,
    /// Workers that have not finished the current task.
    pub(super) remaining: AtomicU32,
    /// 1 once a worker is lost.
    pub(super) poison: AtomicU32,
    pub(super) active: AtomicBool,
    pub(super) shutdown: AtomicBool,
    /// Workers that entered [`PoolShared::work`].
    pub(super) ready: AtomicU32,
    /// Workers asleep on `wake`.
    pub(super) sleepers: AtomicU32,
    pub(super) leader_sleeps: AtomicBool,
    pub(super) task: Mutex<Option<TaskPointer>>,
    /// Wakes workers that took part in the last fork.
    pub(super) wake: Condvar,
    /// Wakes workers that did not, when the width grows.
    pub(super) unpark: Condvar,
    pub(super) done: Condvar,
    /// The first worker's panic, carried to the leader.
    pub(super) panic: Mutex<Option<Box<dyn Any + Send>>>,
    /// Next unit of each thread's share, for [`Pool::for_each_range`](super::Pool::for_each_range).
    pub(super) cursors: Box<[Cursor]>,
    pub(super) forks: AtomicUsize,
    pub(super) sleeps: AtomicUsize,
    /// How long each thread was in its tasks, where somebody wants to know.
    pub(super) load: Load,
}

/// Which fork it is, and how many threads it uses: the number of the fork modulo 2^24 in the upper bits, the width in the
/// lower 8. The initial 0 uses no thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ForkWord(pub(super) u32);

impl ForkWord {
    /// The next fork's word.
    pub(super) fn next(self, width: usize) -> Self {
        Self((self.0 & !0xff).wrapping_add(0x100) | width as u32)
    }

    pub(super) fn width(self) -> usize {
        (self.0 & 0xff) as usize
    }
}

#[derive(Clone, Copy)]
pub(super) struct TaskPointer(pub(super) Task);

// SAFETY: the pointer is to a `Sync` closure that the forking call keeps alive until every worker has finished with it.
unsafe impl Send for TaskPointer {}

impl PoolShared {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            width: AtomicUsize::new(threads),
            fork: AtomicU32::new(0),
            remaining: AtomicU32::new(0),
            poison: AtomicU32::new(0),
            active: AtomicBool::new(false),
            shutdown: AtomicBool::new(false),
            ready: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
            leader_sleeps: AtomicBool::new(false),
            task: Mutex::new(None),
            wake: Condvar::new(),
            unpark: Condvar::new(),
            done: Condvar::new(),
            panic: Mutex::new(None),
            cursors: (0..threads).map(|_| Cursor(AtomicUsize::new(0))).collect(),
            forks: AtomicUsize::new(0),
            sleeps: AtomicUsize::new(0),
            load: Load::new(threads),
        }
    }

    /// The address of the 32-bit poison flag, for those who can only write memory: store 1.
    pub fn poison_address(&self) -> usize {
        &raw const self.poison as usize
    }

    /// Announces the next fork; gives the one before it.
    pub(super) fn start_fork(&self, width: usize) -> ForkWord {
        // Only the leader writes the word.
        let before = ForkWord(self.fork.load(Ordering::Relaxed));
        self.fork.store(before.next(width).0, Ordering::SeqCst);
        before
    }

    /// The life of worker `index` (`1..threads`, each exactly once): returns when the pool is dropped.
    pub fn work(&self, index: usize) {
        // A worker that is late for the first fork must still see it as new.
        let mut seen = ForkWord(0);
        self.ready.fetch_add(1, Ordering::AcqRel);
        loop {
            seen = self.wait_for_fork(index, seen);
            if self.shutdown.load(Ordering::SeqCst) {
                return;
            }
            let Some(TaskPointer(task)) = *lock(&self.task) else { continue };
            // SAFETY: the leader stored the pointer before it wrote the fork word, and keeps the closure alive until
            // `remaining` is 0, which needs the decrement below: this worker is within the fork's width.
            let task = unsafe { &*task };
            if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| self.load.count(index, || task(index)))) {
                lock(&self.panic).get_or_insert(payload);
                self.poison.store(1, Ordering::Release);
            }
            if self.remaining.fetch_sub(1, Ordering::SeqCst) == 1 && self.leader_sleeps.load(Ordering::SeqCst) {
                drop(lock(&self.task));
                self.done.notify_all();
            }
        }
    }

    /// Waits for the first fork after `seen` that uses worker `index`. The leader does not start another one before this
    /// worker has done its part; forks that do not use it may pass unseen.
    fn wait_for_fork(&self, index: usize, mut seen: ForkWord) -> ForkWord {
        let spins = if self.active.load(Ordering::Acquire) { ACTIVE_SPINS } else { IDLE_SPINS };
        for _ in 0..spins {
            let fork = ForkWord(self.fork.load(Ordering::SeqCst));
            if fork != seen {
                if fork.width() > index {
                    return fork;
                }
                break; // The leader goes on without this worker: it need not spin.
            }
            hint::spin_loop();
        }
        self.sleeps.fetch_add(1, Ordering::Relaxed);
        let mut guard = lock(&self.task);
        loop {
            let fork = ForkWord(self.fork.load(Ordering::SeqCst));
            if fork.width() <= index {
                // Remembered, so that the number of a later fork may come round to the one seen before.
                seen = fork;
                guard = self.unpark.wait(guard).unwrap_or_else(PoisonError::into_inner);
            } else if fork == seen {
                self.sleepers.fetch_add(1, Ordering::SeqCst);
                // A fork that was announced before the leader could see this sleeper is looked for once more.
                if ForkWord(self.fork.load(Ordering::SeqCst)) == seen {
                    guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
                }
                self.sleepers.fetch_sub(1, Ordering::SeqCst);
            } else {
                return fork;
            }
        }
    }
}
