//! The events of one load: its tasks push them, the code that leads it takes them in order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use js_sys::Uint8Array;

use super::lock::Lock;
use crate::Error;
use crate::source::manifest::Part;
use crate::source::{Progress, RequestId, ResponseHead};

/// One report.
pub enum Event {
    /// An answer began.
    Head(RequestId, ResponseHead),
    /// Bytes of an answer.
    Body(RequestId, Uint8Array),
    /// An answer ended.
    End(RequestId),
    /// A request failed.
    Failed(RequestId, Error),
    /// A chunk was read from the store, or could not be.
    Loaded { revision: u32, index: u64, bytes: Option<Vec<u8>> },
    /// A chunk was written, or the sentence why not.
    Saved { revision: u32, index: u64, problem: Option<String> },
    /// A part of a chunk was written, or there was nothing to write any more, or the sentence why not.
    SavedPart { revision: u32, part: Part, written: bool, problem: Option<String> },
    /// The parts of a chunk were read, those that could be.
    LoadedParts { revision: u32, index: u64, parts: Vec<Option<Vec<u8>>> },
    /// Another write has ended.
    Written,
    /// A time that was waited for has come.
    Tick,
    /// The file's length in bytes, as a `HEAD` request tells it.
    Length(u64),
    /// The progress of another tab that downloads the same file.
    Peer(Progress),
    /// This tab has the lock of the file now.
    Locked(Lock),
}

/// Events in order of arrival.
#[derive(Default)]
pub struct EventQueue {
    events: RefCell<VecDeque<Event>>,
    waker: RefCell<Option<Waker>>,
}

impl EventQueue {
    /// Adds a report.
    pub fn push(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// The next report, if it is already here.
    pub fn take(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }

    /// Waits for the next report.
    pub async fn next(&self) -> Event {
        poll_fn(|context| match self.take() {
            Some(event) => Poll::Ready(event),
            None => {
                *self.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            }
        })
        .await
    }
}
