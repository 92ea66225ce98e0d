//! Carries out what a [`Download`] wants: requests, the store, the lock that two tabs share.

use std::collections::HashMap;
use std::rc::Rc;

use js_sys::Uint8Array;

use super::cache;
use super::fetch::{self, Request, Target};
use super::inbox::{Event, Inbox};
use super::locks::{self, Channel, Lock};
use super::scope;
use super::source_options::{CacheMode, SourceOptions};
use super::store::{Problem, Store};
use super::task;
use super::timeline::Span;
use super::writer::{Write, Writer};
use crate::source::digest::{Expected, Verifier};
use crate::source::manifest::Part;
use crate::source::{Action, Download, Manifest, Options, Phase, Progress, RequestId, ResponseHead, address};
use crate::{Error, ErrorKind, Result};

/// At most this often a report is given, in milliseconds.
const REPORT_MS: f64 = 100.0;

/// Bytes of an answer that are taken at once: a service worker may answer with everything in one piece.
const PART_BYTES: u32 = 1 << 20;

/// Takes reports.
pub type Report<'a> = &'a mut dyn FnMut(Progress);

/// The loading of one file by its address.
pub struct Remote {
    download: Download,
    target: Rc<Target>,
    options: SourceOptions,
    store: Option<Rc<Store>>,
    lock: Option<Lock>,
    channel: Option<Channel>,
    inbox: Rc<Inbox>,
    requests: HashMap<RequestId, Request>,
    /// What was read of the answers and not yet taken.
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
    /// Opens the file at `url` (absolute). Waits while another tab downloads it.
    pub async fn open(url: &web_sys::Url, options: SourceOptions, report: Report<'_>) -> Result<Self> {
        let mut expected = options.integrity.as_deref().map(Expected::parse).transpose()?;
        url.set_hash("");
        let address = url.href();
        let inbox = Rc::new(Inbox::default());
        let mode = options.cache_mode();
        let (mut store, mut problem) = match mode {
            CacheMode::Off => (None, None),
            _ => match Store::open().await {
                Ok(store) => (Some(store), None),
                Err(problem) => (None, Some(problem)),
            },
        };
        let mut stored = find(&store, &address, &mut problem).await;
        let name = address::file_name(&address);
        let target = Rc::new(Target { url: address.clone(), name, headers: options.own_headers() });
        let mut lock = None;
        if mode != CacheMode::Peek && !(mode == CacheMode::Use && is_complete(&stored)) {
            if expected.is_none() {
                expected = digest_of(&target, &options).await;
            }
            stored = by_digest(&store, stored, expected, mode, &address, &mut problem).await;
        }
        let is_complete = is_complete(&stored);
        if mode == CacheMode::Peek && !is_complete {
            (store, stored, problem) = (None, None, None);
        }
        if store.is_some() && !(is_complete && matches!(mode, CacheMode::Use | CacheMode::Peek)) {
            lock = locks::wait_for_turn(&address, stored.as_ref(), &inbox, report).await;
            stored = find(&store, &address, &mut problem).await;
        }
        if let (Some(store), Some(manifest), CacheMode::Reload) = (&store, &stored, mode) {
            if let Err(trouble) = store.forget(&manifest.id).await {
                problem = Some(trouble);
            }
            stored = None;
        }
        let plan = Options {
            store: store.is_some(),
            own_origin: scope::is_own_origin(url),
            seed: js_sys::Math::random().to_bits() ^ scope::now().to_bits(),
            ..options.plan()
        };
        let verified = stored.as_ref().is_some_and(|manifest| {
            expected.is_some() && manifest.complete && manifest.sha256 == expected.map(|expected| expected.hex())
        });
        let writer = Writer::new(store.clone(), &inbox, stored.is_some());
        let mut download = Download::new(&address, plan, stored, scope::now());
        if mode == CacheMode::Revalidate {
            download.revalidate();
        }
        if let Some(problem) = problem {
            download.stop_storing(problem.sentence());
        }
        let channel = lock.is_some().then(|| Channel::speaker(&address)).flatten();
        Ok(Self {
            download,
            target,
            options,
            store,
            lock,
            channel,
            inbox,
            requests: HashMap::new(),
            pieces: HashMap::new(),
            writer,
            room_checked: false,
            length_asked: false,
            verifier: expected.filter(|_| !verified).map(Verifier::new),
            timer: f64::INFINITY,
            reported: (0.0, None, None),
            report_due: None,
        })
    }

    /// The file's length, once it is certain.
    pub fn total(&self) -> Option<u64> {
        self.download.certain_total()
    }

    /// The next bytes in order, verified; `None` at the end of the file.
    pub async fn next(&mut self, report: Report<'_>) -> Result<Option<Vec<u8>>> {
        loop {
            self.report(report);
            match self.download.next(scope::now()) {
                Action::Get { request, range, if_range } => {
                    let sent = fetch::get(&self.target, request, range, if_range.as_deref(), &self.inbox);
                    self.requests.insert(request, sent);
                }
                Action::Cancel { request } => {
                    self.requests.remove(&request);
                    self.pieces.remove(&request);
                }
                Action::Load { generation, index } => self.load(generation, index),
                Action::Save { generation, index } => self.save(generation, index).await,
                Action::SavePart { generation, part } => self.save_part(generation, part).await,
                Action::LoadParts { generation, index } => self.load_parts(generation, index),
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
                    let event = self.inbox.next().await;
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
        let now = scope::now();
        match event {
            Event::Head(id, head) => {
                self.tell_redirect(&head);
                self.download.head(id, &head, now);
                if head.status == 206 && self.download.total().is_none() && !self.length_asked {
                    self.length_asked = true;
                    fetch::ask_length(&self.target, &self.inbox);
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
            Event::Loaded { generation, index, bytes } => {
                let _span = Span::begin("bitnet: check");
                self.download.loaded(generation, index, bytes);
            }
            Event::Saved { generation, index, problem } => {
                self.writer.ended(problem.is_none());
                if let Some(problem) = &problem {
                    self.stop_storing(problem.clone());
                }
                self.download.saved(generation, index, problem);
            }
            Event::SavedPart { generation, part, written, problem } => {
                self.writer.ended(written && problem.is_none());
                if let Some(problem) = &problem {
                    self.stop_storing(problem.clone());
                }
                self.download.saved_part(generation, &part, written, problem);
            }
            Event::LoadedParts { generation, index, parts } => self.download.loaded_parts(generation, index, parts),
            Event::Written => self.writer.ended(false),
            Event::Tick => self.timer = f64::INFINITY,
            Event::Length(length) => self.download.hint_total(length),
            Event::Peer(_) | Event::Turn(_) => {}
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
                self.download.body(id, &piece.subarray(0, size).to_vec(), scope::now());
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

    /// Where own headers went along with a redirect, that is told: a browser takes no header but `Authorization` away.
    fn tell_redirect(&mut self, head: &ResponseHead) {
        if let Some(origin) = head.redirected_to.as_ref().filter(|_| !self.target.headers.are_none()) {
            let name = &self.target.name;
            self.download.note(format!(
                "{name}: the server redirects to {origin}, which gets the headers of this load too, all but Authorization"
            ));
        }
    }

    fn load(&mut self, generation: u32, index: u64) {
        let Some(store) = self.store.clone() else { return self.download.loaded(generation, index, None) };
        let (start, end) = self.download.manifest().span(index);
        let (id, inbox) = (self.download.manifest().id.clone(), Rc::clone(&self.inbox));
        task::spawn(async move {
            let _span = Span::begin("bitnet: read");
            let bytes = store.chunk(&id, index, end - start).await.ok().flatten();
            inbox.push(Event::Loaded { generation, index, bytes });
        });
    }

    fn load_parts(&mut self, generation: u32, index: u64) {
        let parts = self.download.manifest().parts_of(index);
        let Some(store) = self.store.clone() else { return self.download.loaded_parts(generation, index, Vec::new()) };
        let (id, inbox) = (self.download.manifest().id.clone(), Rc::clone(&self.inbox));
        task::spawn(async move {
            let parts = store.parts(&id, &parts).await.unwrap_or_default();
            inbox.push(Event::LoadedParts { generation, index, parts });
        });
    }

    /// Before the first write: `false` when there is no room for the file, so that nothing is to be written.
    async fn has_room(&mut self) -> bool {
        if std::mem::replace(&mut self.room_checked, true) {
            return true;
        }
        let Some(store) = &self.store else { return true };
        let may_evict = self.options.evict.unwrap_or(false);
        let Some(sentence) = cache::make_room(store, &self.download, may_evict).await else { return true };
        self.stop_storing(sentence);
        false
    }

    async fn save_part(&mut self, generation: u32, part: Part) {
        if !self.has_room().await {
            return;
        }
        match self.download.part_bytes(&part) {
            Some(bytes) => self.writer.push(Write::Part { generation, part, bytes: Uint8Array::from(bytes) }),
            None => self.download.saved_part(generation, &part, false, None),
        }
        self.writer.start(&self.download);
    }

    async fn save(&mut self, generation: u32, index: u64) {
        if !self.has_room().await {
            return;
        }
        // A copy outside the shared memory: IndexedDB takes nothing else.
        if let Some(bytes) = self.download.bytes(index) {
            self.writer.push(Write::Chunk { generation, index, bytes: Uint8Array::from(bytes) });
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
            let event = self.inbox.next().await;
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
        let inbox = Rc::downgrade(&self.inbox);
        scope::after((until - scope::now()).max(0.0) + 1.0, move || {
            if let Some(inbox) = inbox.upgrade() {
                inbox.push(Event::Tick);
            }
        });
    }

    /// Gives a report if something new is to be said, and of mere bytes not too often.
    fn report(&mut self, report: Report<'_>) {
        let now = scope::now();
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

fn is_complete(stored: &Option<Manifest>) -> bool {
    stored.as_ref().is_some_and(|manifest| manifest.complete)
}

/// The digest that the file's host tells, where it is one that does.
async fn digest_of(target: &Target, options: &SourceOptions) -> Option<Expected> {
    let url = address::pointer(&target.url, options.hf_base.as_deref())?;
    let pointer = Target { url, name: target.name.clone(), headers: target.headers.clone() };
    Expected::from_pointer(&fetch::small_text(&pointer).await?)
}

/// The record of the file with the expected digest, whatever address it was loaded from, in place of the one that was
/// found, if that is not complete or turns out to be of another file.
async fn by_digest(
    store: &Option<Rc<Store>>,
    found: Option<Manifest>,
    expected: Option<Expected>,
    mode: CacheMode,
    address: &str,
    problem: &mut Option<Problem>,
) -> Option<Manifest> {
    let (Some(store), Some(expected)) = (store, expected) else { return found };
    let same =
        found.as_ref().is_some_and(|manifest| manifest.complete && manifest.sha256.as_ref() == Some(&expected.hex()));
    if same || mode == CacheMode::Reload {
        return found;
    }
    match store.with_digest(&expected.hex()).await {
        Ok(Some(mut manifest)) => {
            if !manifest.is_at(address) {
                manifest.aliases.push(address.to_owned());
            }
            Some(manifest)
        }
        Ok(None) => found,
        Err(trouble) => {
            *problem = Some(trouble);
            found
        }
    }
}

async fn find(store: &Option<Rc<Store>>, address: &str, problem: &mut Option<Problem>) -> Option<Manifest> {
    match store.as_ref()?.manifest(address).await {
        Ok(manifest) => manifest,
        Err(trouble) => {
            *problem = Some(trouble);
            None
        }
    }
}

/// The error for an address that is none.
pub fn bad_address(address: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{address}: this is no valid address"))
}
