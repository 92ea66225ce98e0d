//! A load whose unpacking is done by a thread of the pool, while the engine's own waits for the next bytes.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::load::{LoadedModel, Loader};
use crate::pool::Pool;
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::timeline;
use crate::{Error, ErrorKind, Result};

/// Bytes that may wait to be unpacked, where the file has eight times as many: the tokenizer takes long. The KV cache, which is not there yet, will take about as much.
const MOST_WAITING: u64 = 128 << 20;
/// Of a file whose length is not known, and at least.
const LEAST_WAITING: u64 = 8 << 20;

/// A [`Loader`] that unpacks pieces while the next ones are on their way.
pub(super) struct BackgroundLoader<'a> {
    pool: &'a Pool,
    /// Bytes that may wait.
    room: usize,
    work: Arc<Work>,
}

struct Work(Mutex<Queue>);

/// What lies between the thread that reads and the one that unpacks.
struct Queue {
    state: State,
    pieces: VecDeque<Vec<u8>>,
    /// Bytes of them.
    waiting: usize,
    /// What was done and not told yet, and the milliseconds that it has taken.
    times: Vec<(&'static str, f64)>,
    waker: Option<Waker>,
}

enum State {
    /// There is nothing to unpack.
    Idle(Box<Loader>),
    /// A thread has the loader.
    Busy,
    /// Something is wrong with the file, which was told, or not yet.
    Failed(Option<Error>),
}

impl Queue {
    /// Tells what is wrong, once.
    fn check(&mut self) -> Result<()> {
        match &mut self.state {
            State::Failed(error) => error.take().map_or(Ok(()), Err),
            State::Idle(_) | State::Busy => Ok(()),
        }
    }
}

impl Work {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unpacks all pieces that there are and come meanwhile, and makes the tokenizer as soon as none is there.
    fn unpack(&self, mut loader: Box<Loader>) {
        loop {
            let mut queue = self.lock();
            let piece = queue.pieces.pop_front();
            if piece.is_none() && !loader.owes_tokenizer() {
                queue.state = State::Idle(loader);
                return wake(queue);
            }
            queue.waiting -= piece.as_ref().map_or(0, Vec::len);
            wake(queue);
            let began = monotonic_ms();
            let (part, outcome) = match &piece {
                Some(bytes) => ("bitnet: unpack", loader.push(bytes)),
                None => ("bitnet: tokenizer", loader.make_tokenizer()),
            };
            drop(piece);
            let mut queue = self.lock();
            queue.times.push((part, monotonic_ms() - began));
            if let Err(error) = outcome {
                queue.state = State::Failed(Some(error));
                return wake(queue);
            }
        }
    }

    /// Waits until `take` gives something.
    async fn wait<T>(&self, mut take: impl FnMut(&mut Queue) -> Option<T>) -> T {
        poll_fn(|context| {
            let mut queue = self.lock();
            queue.times.drain(..).for_each(|(part, milliseconds)| timeline::tell(part, milliseconds));
            if let Some(taken) = take(&mut queue) {
                return Poll::Ready(taken);
            }
            queue.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

fn wake(mut queue: MutexGuard<'_, Queue>) {
    let waker = queue.waker.take();
    drop(queue);
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl<'a> BackgroundLoader<'a> {
    /// Of a file of `bytes` bytes, where that is known.
    pub(super) fn new(loader: Loader, pool: &'a Pool, bytes: Option<u64>) -> Self {
        let room = bytes.map_or(0, |bytes| bytes / 8).clamp(LEAST_WAITING, MOST_WAITING) as usize;
        let state = State::Idle(Box::new(loader));
        let queue = Queue { state, pieces: VecDeque::new(), waiting: 0, times: Vec::new(), waker: None };
        Self { pool, room, work: Arc::new(Work(Mutex::new(queue))) }
    }

    /// Has the next bytes of the file unpacked, once there is room for them.
    ///
    /// # Errors
    /// As [`Loader::push`], of bytes that were pushed before these; of these too where no thread is there to unpack them.
    pub(super) async fn push(&mut self, bytes: Vec<u8>) -> Result<()> {
        let length = bytes.len();
        if length == 0 {
            return Ok(());
        }
        let (room, mut bytes) = (self.room, Some(bytes));
        let idle = self.work.wait(|queue| {
            if matches!(queue.state, State::Busy) && queue.waiting > 0 && queue.waiting + length > room {
                return None;
            }
            queue.waiting += length;
            queue.pieces.extend(bytes.take());
            Some(match mem::replace(&mut queue.state, State::Busy) {
                State::Idle(loader) => Ok(Some(loader)),
                State::Busy => Ok(None),
                State::Failed(error) => {
                    queue.state = State::Failed(None);
                    Err(error.unwrap_or_else(failed))
                }
            })
        });
        if let Some(loader) = idle.await? {
            let work = Arc::clone(&self.work);
            self.pool.spawn(move || work.unpack(loader));
        }
        self.work.lock().check()
    }

    /// The file has ended, or no more of it can be had, for which `outcome` is the reason: what is wrong with the bytes before
    /// is told instead.
    ///
    /// # Errors
    /// As [`Loader::push`] and [`Loader::finish`], or `outcome`.
    pub(super) async fn finish(self, outcome: Result<()>) -> Result<LoadedModel> {
        let state = self.work.wait(|queue| match mem::replace(&mut queue.state, State::Busy) {
            State::Busy => None,
            state => Some(state),
        });
        match state.await {
            State::Failed(Some(error)) => Err(error),
            State::Idle(loader) => outcome.and_then(|()| loader.finish()),
            // A push has told what is wrong, which is the outcome.
            State::Failed(None) | State::Busy => outcome.and_then(|()| Err(failed())),
        }
    }
}

fn failed() -> Error {
    Error::new(ErrorKind::Internal, "the load has failed before")
}
