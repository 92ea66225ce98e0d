//! What waits to be written to the store: one write after the other, each reported to the [`Inbox`].

use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Uint8Array;

use super::cache;
use super::inbox::{Event, Inbox};
use super::store::{Bytes, Problem, Store};
use super::task;
use crate::source::manifest::Part;
use crate::source::{Download, Manifest};

/// One write.
pub enum Write {
    /// A chunk and the manifest that names it; reported as [`Event::Saved`].
    Chunk { generation: u32, index: u64, bytes: Uint8Array },
    /// Bytes of a chunk that is on its way, and the manifest that names them; reported as [`Event::SavedPart`].
    Part { generation: u32, part: Part, bytes: Uint8Array },
    /// The manifest alone; reported as [`Event::Written`].
    Seal,
    /// The removal of a generation; reported as [`Event::Written`].
    Forget(String),
}

/// The writes of one load. Without a store they wait for ever, which nobody notices: none is begun.
pub struct Writer {
    store: Option<Rc<Store>>,
    inbox: Rc<Inbox>,
    queue: VecDeque<Write>,
    busy: bool,
    /// Whether a manifest of the present generation is in the store.
    recorded: bool,
    /// The write under way is of a generation that has ended.
    stale: bool,
}

impl Writer {
    /// Nothing waits. `recorded`: the store has a manifest of the generation that is being loaded.
    pub fn new(store: Option<Rc<Store>>, inbox: &Rc<Inbox>, recorded: bool) -> Self {
        Self { store, inbox: Rc::clone(inbox), queue: VecDeque::new(), busy: false, recorded, stale: false }
    }

    /// Adds a write behind the others.
    pub fn push(&mut self, write: Write) {
        self.queue.push_back(write);
    }

    /// The generation `id` is to go, and with it all writes that wait.
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
        let (inbox, known) = (Rc::clone(&self.inbox), self.recorded);
        self.busy = true;
        match write {
            Write::Chunk { generation, index, bytes } => {
                let manifest = download.manifest_with(generation, Some(index));
                task::spawn(async move {
                    let bytes = Bytes { index, part: None, bytes };
                    let problem = put(&store, manifest, bytes, known).await;
                    inbox.push(Event::Saved { generation, index, problem });
                });
            }
            Write::Part { generation, part, bytes } => {
                let manifest = download.manifest_with_part(generation, &part);
                let written = manifest.is_some();
                task::spawn(async move {
                    let bytes = Bytes { index: part.index, part: Some(part.start), bytes };
                    let problem = put(&store, manifest, bytes, known).await;
                    inbox.push(Event::SavedPart { generation, part, written, problem });
                });
            }
            Write::Seal => {
                let manifest = download.manifest_with(0, None);
                task::spawn(async move {
                    if let Some(manifest) = manifest {
                        // Without it the next load asks the server once more; nothing is lost.
                        let _ = store.write(&manifest, None, known).await;
                    }
                    inbox.push(Event::Written);
                });
            }
            Write::Forget(id) => task::spawn(async move {
                // Chunks that stay are orphans, which the next listing removes.
                let _ = store.forget(&id).await;
                inbox.push(Event::Written);
            }),
        }
    }
}

/// Writes bytes with the manifest that names them, if there is one. The sentence says why that failed.
async fn put(store: &Store, manifest: Option<Manifest>, bytes: Bytes, known: bool) -> Option<String> {
    match store.write(&manifest?, Some(bytes), known).await.err()? {
        Problem::Full => Some(cache::full_sentence().await),
        other => Some(other.sentence()),
    }
}
