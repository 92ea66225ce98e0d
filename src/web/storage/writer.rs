//! The queue of writes to the store. One runs at a time, and each end is reported to the [`EventQueue`].

use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Uint8Array;

use super::event_queue::{Event, EventQueue};
use super::problem::Problem;
use super::quota;
use super::store::{Bytes, Store};
use crate::source::manifest::Part;
use crate::source::{Download, Manifest};
use crate::web::runtime::task;

/// One write.
pub enum Write {
    /// A chunk and the manifest that names it; reported as [`Event::Saved`].
    Chunk { revision: u32, index: u64, bytes: Uint8Array },
    /// Bytes of a chunk that is on its way, and the manifest that names them; reported as [`Event::SavedPart`].
    Part { revision: u32, part: Part, bytes: Uint8Array },
    /// The manifest alone; reported as [`Event::Written`].
    Seal,
    /// The removal of a revision; reported as [`Event::Written`].
    Forget(String),
}

/// The writes of one load. Without a store none is begun.
pub struct Writer {
    store: Option<Rc<Store>>,
    events: Rc<EventQueue>,
    queue: VecDeque<Write>,
    busy: bool,
    /// Whether a manifest of the present revision is in the store.
    recorded: bool,
    /// The write under way is of a revision that has ended.
    stale: bool,
}

impl Writer {
    /// An empty queue. `recorded`: the store has a manifest of the revision that is being loaded.
    pub fn new(store: Option<Rc<Store>>, events: &Rc<EventQueue>, recorded: bool) -> Self {
        Self { store, events: Rc::clone(events), queue: VecDeque::new(), busy: false, recorded, stale: false }
    }

    /// Adds a write at the end of the queue.
    pub fn push(&mut self, write: Write) {
        self.queue.push_back(write);
    }

    /// The revision `id` is to go, and with it all writes that wait.
    pub fn forget(&mut self, id: String) {
        self.queue.clear();
        self.recorded = false;
        self.stale = self.busy;
        self.queue.push_back(Write::Forget(id));
    }

    /// Nothing more is kept: only removals stay.
    pub fn drop_chunks(&mut self) {
        self.queue.retain(|write| matches!(write, Write::Forget(_)));
    }

    /// Whether a write is under way.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// A write was reported. `recorded`: a chunk is in the store now, and so is its manifest.
    pub fn ended(&mut self, recorded: bool) {
        self.busy = false;
        self.recorded |= recorded && !std::mem::take(&mut self.stale);
    }

    /// Begins the next write unless one is under way. The manifest is that of this moment.
    pub fn start(&mut self, download: &Download) {
        if self.busy {
            return;
        }
        let (Some(store), Some(write)) = (self.store.clone(), self.queue.pop_front()) else { return };
        let (events, known) = (Rc::clone(&self.events), self.recorded);
        self.busy = true;
        match write {
            Write::Chunk { revision, index, bytes } => {
                let manifest = download.manifest_with(revision, Some(index));
                task::spawn(async move {
                    let bytes = Bytes { index, part: None, bytes };
                    let problem = put(&store, manifest, bytes, known).await;
                    events.push(Event::Saved { revision, index, problem });
                });
            }
            Write::Part { revision, part, bytes } => {
                let manifest = download.manifest_with_part(revision, &part);
                let written = manifest.is_some();
                task::spawn(async move {
                    let bytes = Bytes { index: part.index, part: Some(part.start), bytes };
                    let problem = put(&store, manifest, bytes, known).await;
                    events.push(Event::SavedPart { revision, part, written, problem });
                });
            }
            Write::Seal => {
                let manifest = download.manifest_with(0, None);
                task::spawn(async move {
                    if let Some(manifest) = manifest {
                        // Without it the next load asks the server once more; nothing is lost.
                        let _ = store.write(&manifest, None, known).await;
                    }
                    events.push(Event::Written);
                });
            }
            Write::Forget(id) => task::spawn(async move {
                // Chunks that stay are orphans, which the next listing removes.
                let _ = store.forget(&id).await;
                events.push(Event::Written);
            }),
        }
    }
}

/// Writes bytes with the manifest that names them, if there is one. The sentence says why that failed.
async fn put(store: &Store, manifest: Option<Manifest>, bytes: Bytes, known: bool) -> Option<String> {
    match store.write(&manifest?, Some(bytes), known).await.err()? {
        Problem::Full => Some(quota::full_sentence().await),
        other => Some(other.sentence()),
    }
}
