//! Carries out what a [`Download`] wants: requests, the store, the lock that two tabs share.

mod open;

use std::collections::HashMap;
use std::rc::Rc;

use js_sys::Uint8Array;

use super::event_queue::{Event, EventQueue};
use super::fetch::{self, Request, Target};
use super::lock::Lock;
use super::peers::Channel;
use super::quota;
use super::source_options::SourceOptions;
use super::store::Store;
use super::writer::{Write, Writer};
use crate::Result;
use crate::source::digest::Verifier;
use crate::source::manifest::Part;
use crate::source::{Action, Download, Phase, Report, RequestId, ResponseHead};
use crate::web::runtime::timeline::Span;
use crate::web::runtime::{clock, globals, task};

/// The least time between two reports, in milliseconds.
const REPORT_MS: f64 = 100.0;

/// Bytes of an answer that are taken at once: a service worker may answer with everything in one piece.
const PART_BYTES: u32 = 1 << 20;

/// The loading of one file by its address.
pub struct Remote {
    download: Download,
    target: Rc<Target>,
    options: SourceOptions,
    store: Option<Rc<Store>>,
    lock: Option<Lock>,
    channel: Option<Channel>,
    events: Rc<EventQueue>,
    requests: HashMap<RequestId, Request>,
    /// Pieces of answers that were read and not yet taken.
    pieces: HashMap<RequestId, Uint8Array>,
    writer: Writer,
    room_checked: bool,
    length_asked: bool,
    verifier: Option<Verifier>,
    timer: f64,
    /// Time, phase and message of the last report.
    reported: (f64, Option<Phase>, Option<String>),
    /// When a report that was held back is due.
    report_due: Option<f64>,
}

impl Remote {
    /// The file's length, once it is certain.
    pub fn total(&self) -> Option<u64> {
        self.download.certain_total()
    }

    /// The next bytes in order, verified; `None` at the end of the file.
    pub async fn next(&mut self, report: Report<'_>) -> Result<Option<Vec<u8>>> {
        loop {
            self.report(report);
            match self.download.next(clock::unix_ms()) {
                Action::Get { request, range, if_range } => {
                    let sent = fetch::get(&self.target, request, range, if_range.as_deref(), &self.events);
                    self.requests.insert(request, sent);
                }
                Action::Cancel { request } => {
                    self.requests.remove(&request);
                    self.pieces.remove(&request);
                }
                Action::Load { revision, index } => self.load(revision, index),
                Action::Save { revision, index } => self.save(revision, index).await,
                Action::SavePart { revision, part } => self.save_part(revision, part).await,
                Action::LoadParts { revision, index } => self.load_parts(revision, index),
                Action::Seal => self.writer.push(Write::Seal),
                Action::Forget { id } => self.writer.forget(id),
                Action::Deliver { bytes } => {
                    if let Some(verifier) = &mut self.verifier {
                        verifier.update(&bytes);
                    }
                    return Ok(Some(bytes));
                }
                Action::Done => {
                    self.conclude().await?;
                    self.report(report);
                    return Ok(None);
                }
                Action::Fail(error) => {
                    self.requests.clear();
                    self.flush().await;
                    self.let_others_go();
                    return Err(error);
                }
                Action::Wait { .. } if self.take_parts() => {}
                Action::Wait { until } => {
                    self.writer.start(&self.download);
                    self.set_timer(until.into_iter().chain(self.report_due).reduce(f64::min));
                    let event = self.events.next().await;
                    self.handle(event);
                }
            }
        }
    }

    /// The model was built from these bytes: notes the use.
    pub async fn finish(&mut self) {
        if self.download.is_stored() {
            self.writer.push(Write::Seal);
        }
        self.flush().await;
        self.let_others_go();
    }

    /// The bytes turned out to be no usable model: nothing of them is kept.
    pub async fn reject(&mut self) {
        self.requests.clear();
        self.writer.forget(self.download.manifest().id.clone());
        self.flush().await;
        self.let_others_go();
    }

    fn handle(&mut self, event: Event) {
        let now = clock::unix_ms();
        match event {
            Event::Head(id, head) => {
                self.tell_redirect(&head);
                self.download.head(id, &head, now);
                if head.status == 206 && self.download.total().is_none() && !self.length_asked {
                    self.length_asked = true;
                    fetch::ask_length(&self.target, &self.events);
                }
            }
            Event::Body(id, bytes) => drop(self.pieces.insert(id, bytes)),
            Event::End(id) => {
                self.requests.remove(&id);
                self.download.end(id, now);
            }
            Event::Failed(id, error) => {
                self.requests.remove(&id);
                self.download.failed(id, error, now);
            }
            Event::Loaded { revision, index, bytes } => {
                let _span = Span::begin("bitnet: check");
                self.download.loaded(revision, index, bytes);
            }
            Event::Saved { revision, index, problem } => {
                self.writer.ended(problem.is_none());
                if let Some(problem) = &problem {
                    self.stop_storing(problem.clone());
                }
                self.download.saved(revision, index, problem);
            }
            Event::SavedPart { revision, part, written, problem } => {
                self.writer.ended(written && problem.is_none());
                if let Some(problem) = &problem {
                    self.stop_storing(problem.clone());
                }
                self.download.saved_part(revision, &part, written, problem);
            }
            Event::LoadedParts { revision, index, parts } => self.download.loaded_parts(revision, index, parts),
            Event::Written => self.writer.ended(false),
            Event::Tick => self.timer = f64::INFINITY,
            Event::Length(length) => self.download.hint_total(length),
            Event::Peer(_) | Event::Locked(_) => {}
        }
    }

    /// Takes a part of each piece that is here and wanted, and lets those answers go on of which none is left. `false`:
    /// nothing was here.
    fn take_parts(&mut self) -> bool {
        let wanted: Vec<RequestId> = self.requests.keys().copied().filter(|id| self.download.wants(*id)).collect();
        let mut taken = false;
        for id in wanted {
            if let Some(piece) = self.pieces.remove(&id) {
                let size = piece.length().min(PART_BYTES);
                self.download.body(id, &piece.subarray(0, size).to_vec(), clock::unix_ms());
                if size < piece.length() {
                    self.pieces.insert(id, piece.subarray(size, piece.length()));
                }
                taken = true;
            } else if let Some(request) = self.requests.get(&id) {
                request.go_on();
            }
        }
        taken
    }

    /// Notes a redirect that took the caller's headers along: a browser removes none but `Authorization`.
    fn tell_redirect(&mut self, head: &ResponseHead) {
        if let Some(origin) = head.redirected_to.as_ref().filter(|_| !self.target.headers.are_none()) {
            let name = &self.target.name;
            self.download.note(format!(
                "{name}: the server redirects to {origin}, which gets the headers of this load too, all but Authorization"
            ));
        }
    }

    fn load(&mut self, revision: u32, index: u64) {
        let Some(store) = self.store.clone() else { return self.download.loaded(revision, index, None) };
        let (start, end) = self.download.manifest().span(index);
        let (id, events) = (self.download.manifest().id.clone(), Rc::clone(&self.events));
        task::spawn(async move {
            let _span = Span::begin("bitnet: read");
            let bytes = store.chunk(&id, index, end - start).await.ok().flatten();
            events.push(Event::Loaded { revision, index, bytes });
        });
    }

    fn load_parts(&mut self, revision: u32, index: u64) {
        let parts = self.download.manifest().parts_of(index);
        let Some(store) = self.store.clone() else { return self.download.loaded_parts(revision, index, Vec::new()) };
        let (id, events) = (self.download.manifest().id.clone(), Rc::clone(&self.events));
        task::spawn(async move {
            let parts = store.parts(&id, &parts).await.unwrap_or_default();
            events.push(Event::LoadedParts { revision, index, parts });
        });
    }

    /// Before the first write: `false` when there is no room for the file, so that nothing is to be written.
    async fn has_room(&mut self) -> bool {
        if std::mem::replace(&mut self.room_checked, true) {
            return true;
        }
        let Some(store) = &self.store else { return true };
        let may_evict = self.options.evict.unwrap_or(false);
        let Some(sentence) = quota::make_room(store, &self.download, may_evict).await else { return true };
        self.stop_storing(sentence);
        false
    }

    async fn save_part(&mut self, revision: u32, part: Part) {
        if !self.has_room().await {
            return;
        }
        match self.download.part_bytes(&part) {
            Some(bytes) => self.writer.push(Write::Part { revision, part, bytes: Uint8Array::from(bytes) }),
            None => self.download.saved_part(revision, &part, false, None),
        }
        self.writer.start(&self.download);
    }

    async fn save(&mut self, revision: u32, index: u64) {
        if !self.has_room().await {
            return;
        }
        // A copy outside the shared memory: IndexedDB takes nothing else.
        if let Some(bytes) = self.download.bytes(index) {
            self.writer.push(Write::Chunk { revision, index, bytes: Uint8Array::from(bytes) });
        }
        self.writer.start(&self.download);
    }

    fn stop_storing(&mut self, sentence: String) {
        self.writer.drop_chunks();
        self.download.stop_storing(sentence);
        self.let_others_go();
    }

    /// Waits until everything that is to be written is written.
    async fn flush(&mut self) {
        self.writer.start(&self.download);
        while self.writer.is_busy() {
            let event = self.events.next().await;
            self.handle(event);
            self.writer.start(&self.download);
        }
    }

    async fn conclude(&mut self) -> Result<()> {
        self.requests.clear();
        if let Some(verifier) = self.verifier.take() {
            match verifier.finish(&self.target.name) {
                Ok(digest) => {
                    if self.download.is_stored() {
                        self.download.set_sha256(digest);
                        self.writer.push(Write::Seal);
                    }
                }
                Err(error) => {
                    self.reject().await;
                    return Err(error);
                }
            }
        }
        self.flush().await;
        self.let_others_go();
        Ok(())
    }

    fn let_others_go(&mut self) {
        self.lock = None;
        self.channel = None;
    }

    fn set_timer(&mut self, until: Option<f64>) {
        let Some(until) = until.filter(|until| *until < self.timer) else { return };
        self.timer = until;
        let events = Rc::downgrade(&self.events);
        globals::after((until - clock::unix_ms()).max(0.0) + 1.0, move || {
            if let Some(events) = events.upgrade() {
                events.push(Event::Tick);
            }
        });
    }

    /// Gives a report if something new is to be said, and of mere bytes not too often.
    fn report(&mut self, report: Report<'_>) {
        let now = clock::unix_ms();
        let progress = self.download.progress(now);
        let (last, phase, message) = &self.reported;
        if now - last < REPORT_MS && *phase == Some(progress.phase) && *message == progress.message {
            self.report_due = Some(last + REPORT_MS);
            return;
        }
        self.report_due = None;
        self.reported = (now, Some(progress.phase), progress.message.clone());
        if let Some(channel) = &self.channel {
            channel.tell(&progress);
        }
        report(progress);
    }
}
