//! A load whose unpacking is done by a thread of the pool, while the engine's own waits for the next bytes.

use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::load::{LoadedModel, Loader};
use crate::pool::Pool;
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::timeline;
use crate::{Error, ErrorKind, Result};

/// A [`Loader`] that unpacks one piece while the next one is on its way. What is wrong with a piece is told with the next.
pub(super) struct BackgroundLoader<'a> {
    pool: &'a Pool,
    state: State,
}

enum State {
    /// Nothing is under way.
    Idle(Box<Loader>),
    /// A thread has it.
    Busy(Arc<Unpacked>),
    Failed,
}

/// What a thread has made of a piece, once it has.
#[derive(Default)]
struct Unpacked(Mutex<Outcome>);

#[derive(Default)]
struct Outcome {
    /// The loader, and how many milliseconds it took.
    done: Option<(Result<Box<Loader>>, f64)>,
    waker: Option<Waker>,
}

impl Unpacked {
    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, loader: Result<Box<Loader>>, milliseconds: f64) {
        let mut outcome = self.lock();
        outcome.done = Some((loader, milliseconds));
        let waker = outcome.waker.take();
        drop(outcome);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn wait(&self) -> (Result<Box<Loader>>, f64) {
        poll_fn(|context| {
            let mut outcome = self.lock();
            match outcome.done.take() {
                Some(done) => Poll::Ready(done),
                None => {
                    outcome.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl<'a> BackgroundLoader<'a> {
    pub(super) fn new(loader: Loader, pool: &'a Pool) -> Self {
        Self { pool, state: State::Idle(Box::new(loader)) }
    }

    /// Unpacks the next bytes of the file, once those before are unpacked.
    ///
    /// # Errors
    /// As [`Loader::push`], of bytes that were pushed before these; of these too where no thread is there to unpack them.
    pub(super) async fn push(&mut self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut loader = self.settle().await?;
        let unpacked = Arc::new(Unpacked::default());
        self.state = State::Busy(Arc::clone(&unpacked));
        self.pool.spawn(move || {
            let began = monotonic_ms();
            let outcome = loader.push(&bytes).map(|()| loader);
            drop(bytes);
            unpacked.set(outcome, monotonic_ms() - began);
        });
        if self.pool.threads() == 1 {
            let loader = self.settle().await?;
            self.state = State::Idle(loader);
        }
        Ok(())
    }

    /// The file has ended, or no more of it can be had, for which `outcome` is the reason: what is wrong with the bytes before
    /// is told instead.
    ///
    /// # Errors
    /// As [`Loader::push`] and [`Loader::finish`], or `outcome`.
    pub(super) async fn finish(mut self, outcome: Result<()>) -> Result<LoadedModel> {
        // Where a push has failed, `outcome` is its error.
        let loader = if matches!(self.state, State::Failed) { Err(failed()) } else { Ok(self.settle().await?) };
        outcome?;
        loader?.finish()
    }

    /// Waits for the piece that is under way.
    async fn settle(&mut self) -> Result<Box<Loader>> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Idle(loader) => Ok(loader),
            State::Busy(unpacked) => {
                let (loader, milliseconds) = unpacked.wait().await;
                timeline::tell("bitnet: unpack", milliseconds);
                loader
            }
            State::Failed => Err(failed()),
        }
    }
}

fn failed() -> Error {
    Error::new(ErrorKind::Internal, "the load has failed before")
}
