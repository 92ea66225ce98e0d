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
use crate::source::{Action, Download, Manifest, Options, Phase, Progress, RequestId, address};
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
    target: Target,
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
        let expected = options.integrity.as_deref().map(Expected::parse).transpose()?;
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
        let target = Target {
            url: address.clone(),
            name,
            headers: options.headers.iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        };
        let mut lock = None;
        let is_complete = stored.as_ref().is_some_and(|manifest| manifest.complete);
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

    fn load(&mut self, generation: u32, index: u64) {
        let Some(store) = self.store.clone() else { return self.download.loaded(generation, index, None) };
        let (id, inbox) = (self.download.manifest().id.clone(), Rc::clone(&self.inbox));
        task::spawn(async move {
            let _span = Span::begin("bitnet: read");
            let bytes = store.chunk(&id, index).await.ok().flatten();
            inbox.push(Event::Loaded { generation, index, bytes });
        });
    }

    async fn save(&mut self, generation: u32, index: u64) {
        if !self.room_checked {
            self.room_checked = true;
            if let Some(store) = &self.store
                && let Some(sentence) =
                    cache::make_room(store, &self.download, self.options.evict.unwrap_or(false)).await
            {
                return self.stop_storing(sentence);
            }
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
