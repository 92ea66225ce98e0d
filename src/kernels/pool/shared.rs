//! The part of a pool that its workers see: what is to be done, who has done it, and how they sleep.

use std::any::Any;
use std::cell::UnsafeCell;
use std::collections::VecDeque;
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
    /// Who works on it: see [`Door`].
    pub(super) door: AtomicU32,
    /// Workers that have not done their part of the current fork.
    pub(super) remaining: AtomicU32,
    /// What is to be done: written by the leader while nobody is behind the door, read by workers behind it.
    pub(super) task: UnsafeCell<Option<TaskPointer>>,
    /// 1 once a worker is lost.
    pub(super) poison: AtomicU32,
    pub(super) active: AtomicBool,
    pub(super) shutdown: AtomicBool,
    /// Workers that entered [`PoolShared::work`].
    pub(super) ready: AtomicU32,
    /// What workers do beside the forks.
    pub(super) jobs: Mutex<VecDeque<Box<dyn FnOnce() + Send>>>,
    /// Whether there may be any.
    pub(super) has_jobs: AtomicBool,
    /// Whether a worker has gone to sleep on `wake` since the leader last notified it.
    pub(super) has_sleepers: AtomicBool,
    pub(super) leader_sleeps: AtomicBool,
    /// Held where somebody goes to sleep, and before somebody is woken.
    pub(super) bed: Mutex<()>,
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

/// The number of a fork as in its [`ForkWord`], in the upper bits; whether the door is closed, [`Door::CLOSED`]; how many workers
/// are behind it, in the lower 7 bits.
///
/// A worker takes part in a fork by going through its door, and leaves it when it is done. The leader closes the door once nothing
/// is left to be taken, and waits for those behind it: a worker that is late, because other programs use its core, is not waited
/// for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Door(pub(super) u32);

impl Door {
    pub(super) const CLOSED: u32 = 0x80;

    /// The open door of a fork, nobody behind it.
    pub(super) fn of(fork: ForkWord) -> Self {
        Self(fork.0 & !0xff)
    }

    fn is_open_for(self, fork: ForkWord) -> bool {
        self.0 & !0x7f == fork.0 & !0xff
    }

    pub(super) fn is_left(self) -> bool {
        self.0 & 0x7f == 0
    }
}

#[derive(Clone, Copy)]
pub(super) struct TaskPointer(pub(super) Task);

// SAFETY: the pointer is to a `Sync` closure that the forking call keeps alive until every worker has finished with it.
unsafe impl Send for TaskPointer {}

// SAFETY: all but `task` are `Sync`. The leader alone writes `task`, before it opens the door of a fork (with release ordering)
// and after it has closed the last one's and seen (with acquire ordering) that nobody is behind it; workers read it behind the
// door only.
unsafe impl Sync for PoolShared {}

impl PoolShared {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            width: AtomicUsize::new(threads),
            fork: AtomicU32::new(0),
            door: AtomicU32::new(Door::CLOSED),
            task: UnsafeCell::new(None),
            remaining: AtomicU32::new(0),
            poison: AtomicU32::new(0),
            active: AtomicBool::new(false),
            shutdown: AtomicBool::new(false),
            ready: AtomicU32::new(0),
            jobs: Mutex::new(VecDeque::new()),
            has_jobs: AtomicBool::new(false),
            has_sleepers: AtomicBool::new(false),
            leader_sleeps: AtomicBool::new(false),
            bed: Mutex::new(()),
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

    /// Announces the next fork, and opens its door; gives the one before it.
    pub(super) fn start_fork(&self, width: usize) -> ForkWord {
        // Only the leader writes the word.
        let before = ForkWord(self.fork.load(Ordering::Relaxed));
        let next = before.next(width);
        self.door.store(Door::of(next).0, Ordering::SeqCst);
        self.fork.store(next.0, Ordering::SeqCst);
        before
    }

    /// Lets every worker look for jobs: as a fork whose door is closed.
    pub(super) fn call_workers(&self) {
        let next = ForkWord(self.fork.load(Ordering::Relaxed)).next(self.threads);
        self.fork.store(next.0, Ordering::SeqCst);
        drop(lock(&self.bed)); // orders this after a sleeper's last look at the fork word
        self.has_sleepers.store(false, Ordering::SeqCst);
        self.wake.notify_all();
        self.unpark.notify_all();
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
            if self.has_jobs.load(Ordering::SeqCst) {
                self.do_jobs(index);
            }
            if !self.enter(seen) {
                continue; // The others have done it without this worker.
            }
            // Between the look at the fork word and the door 2^24 forks may have passed, whose number is the same.
            if ForkWord(self.fork.load(Ordering::SeqCst)).width() > index {
                self.do_part(index);
            }
            self.door.fetch_sub(1, Ordering::SeqCst);
            if self.leader_sleeps.load(Ordering::SeqCst) {
                drop(lock(&self.bed));
                self.done.notify_all();
            }
        }
    }

    /// Does jobs until there is none.
    fn do_jobs(&self, index: usize) {
        loop {
            let mut jobs = lock(&self.jobs);
            let job = jobs.pop_front();
            self.has_jobs.store(!jobs.is_empty(), Ordering::SeqCst);
            drop(jobs);
            match job {
                Some(job) => self.guard(|| self.load.count(index, job)),
                None => return,
            }
        }
    }

    /// Runs something whose panic is the leader's to hear.
    fn guard(&self, work: impl FnOnce()) {
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(work)) {
            lock(&self.panic).get_or_insert(payload);
            self.poison.store(1, Ordering::Release);
        }
    }

    /// Whether the door of `fork` was open: the worker is behind it then.
    fn enter(&self, fork: ForkWord) -> bool {
        let enter = |door| Door(door).is_open_for(fork).then(|| door + 1);
        self.door.fetch_update(Ordering::SeqCst, Ordering::SeqCst, enter).is_ok()
    }

    /// What a worker behind the door does.
    fn do_part(&self, index: usize) {
        // SAFETY: nobody writes it while this worker is behind the door.
        if let Some(TaskPointer(task)) = unsafe { *self.task.get() } {
            // SAFETY: the leader stored the pointer before it opened the door, and keeps the closure alive until nobody is
            // behind the door, where this worker is.
            let task = unsafe { &*task };
            self.guard(|| self.load.count(index, || task(index)));
        }
        self.remaining.fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits for the first fork after `seen` that uses worker `index`. Forks may pass unseen.
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
        let mut guard = lock(&self.bed);
        loop {
            let fork = ForkWord(self.fork.load(Ordering::SeqCst));
            if fork.width() <= index {
                // Remembered, so that the number of a later fork may come round to the one seen before.
                seen = fork;
                guard = self.unpark.wait(guard).unwrap_or_else(PoisonError::into_inner);
            } else if fork == seen {
                self.has_sleepers.store(true, Ordering::SeqCst);
                // A fork that was announced before the leader could see this sleeper is looked for once more.
                if ForkWord(self.fork.load(Ordering::SeqCst)) == seen {
                    guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
                }
            } else {
                return fork;
            }
        }
    }
}
