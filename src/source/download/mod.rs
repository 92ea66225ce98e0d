//! The download of one file as a state machine.
//!
//! ```text
//! Fresh ----------- first answer -----------> Confirmed --> ranges of missing chunks, stored chunks loaded
//! Unconfirmed ----- same validators --------> Confirmed
//!   |   (partial)   hidden validators ------> Comparing --- first chunk is equal --> Confirmed
//!   +-------------- changed -> Forget ------> Fresh
//! Asking (complete, to be revalidated) -- same, or no answer --> Trusted
//! Trusted (complete) ---- all from the store, no request; a damaged chunk is fetched again alone
//! ```
//! A server that gives no ranges is read as one stream from the first byte, and what is already here of it is
//! compared instead of kept twice. Every chunk that leaves this machine was verified against its checksum; every
//! chunk of one load is of one revision of the file.

mod action;
mod parts;
mod plan;
mod ranged;
mod report;
mod revision;
#[cfg(test)]
mod simulation;
mod stored;
#[cfg(test)]
mod tests;
mod whole;

use std::collections::{BTreeMap, VecDeque};

use super::identity::{Sameness, Validators};
use super::manifest::{Manifest, Part, checksum};
use super::progress::{Phase, Progress};
use super::response::{Asked, ResponseHead, Verdict, judge};
use super::throughput::Throughput;
use super::{address, magic};
use crate::{Error, ErrorKind};
pub use action::{Action, Options, RequestId};
use ranged::Fetch;
use revision::{Doubt, Worth};
use whole::Whole;

/// Stored chunks that are loaded ahead of the one being handed on.
const LOAD_AHEAD: u64 = 2;

/// Chunks that may wait to be written before new requests pause, so that a slow disk bounds memory.
const MAX_PENDING_SAVES: u32 = 3;

/// A file that changes this often while it loads is given up.
const MAX_RESTARTS: u32 = 3;

/// A server that refuses the file this often in a row, after it gave some of it, means it.
const REFUSAL_ATTEMPTS: u32 = 4;

#[derive(Debug)]
enum Chunk {
    Loading,
    Fetching,
    Ready(Vec<u8>),
    Delivered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// Nothing is stored: the first answer defines the file.
    Fresh,
    /// Some chunks are stored, and the server has not been heard yet.
    Unconfirmed,
    /// The answers hide what file they are of: the first chunk is fetched again and compared.
    Comparing,
    /// Everything is stored, and the server is asked whether the file has changed.
    Asking,
    /// Everything is stored: no server is needed.
    Trusted,
    /// The server's file is the one that is being loaded.
    Confirmed,
}

/// The download of one file. See the module's documentation.
pub struct Download {
    options: Options,
    /// The record of the stored chunks (with the file's length, which may be known earlier).
    manifest: Manifest,
    revision: u32,
    /// Checksums of all chunks of this revision that were ever seen.
    sums: BTreeMap<u64, u64>,
    chunks: BTreeMap<u64, Chunk>,
    next_index: u64,
    identity: Identity,
    doubt: Doubt,
    fetches: Vec<Fetch>,
    whole: Option<Whole>,
    no_ranges: bool,
    queue: VecDeque<Action>,
    pending_saves: u32,
    sealed: bool,
    failure: Option<Error>,
    /// The failure came from trouble on the way, not from the file.
    gave_up: bool,
    finished: bool,
    restarts: u32,
    answered: bool,
    /// Bytes of the file have come over the network in this load: what a server refuses from then on, it may give again.
    flowed: bool,
    magic_checked: bool,
    /// No request before this time: a server asked for patience.
    not_before: f64,
    next_request: RequestId,
    random: u64,
    throughput: Throughput,
    hint: Option<u64>,
    delivered_bytes: u64,
    cache_bytes: u64,
    /// Since when the caller has been busy with a chunk: that time does not count as a stall.
    away_since: Option<f64>,
    /// The validators of the answer that is being compared with the stored file.
    candidate: Validators,
    /// Something the user should know for good.
    notice: Option<String>,
    /// Why it waits at the moment.
    trouble: Option<String>,
}

impl Download {
    /// Begins the download of `address`, or continues the one that `stored` records. `now` is in milliseconds
    /// since 1970, as everywhere here.
    pub fn new(address: &str, options: Options, stored: Option<Manifest>, now: f64) -> Self {
        let mut random = options.seed;
        let fresh = |random: &mut u64| {
            Manifest::new(format!("{:016x}", next_random(random)), address.to_owned(), options.chunk_bytes, now)
        };
        let mut manifest = stored.unwrap_or_else(|| fresh(&mut random));
        manifest.last_used = now;
        let identity = match () {
            () if manifest.complete => Identity::Trusted,
            () if manifest.has_bytes() => Identity::Unconfirmed,
            () => {
                manifest = fresh(&mut random);
                Identity::Fresh
            }
        };
        let sums = (0u64..).zip(&manifest.chunks).filter_map(|(index, sum)| sum.map(|sum| (index, sum))).collect();
        Self {
            options,
            sealed: manifest.complete,
            manifest,
            revision: 0,
            sums,
            chunks: BTreeMap::new(),
            next_index: 0,
            identity,
            doubt: Doubt::default(),
            fetches: Vec::new(),
            whole: None,
            no_ranges: false,
            queue: VecDeque::new(),
            pending_saves: 0,
            failure: None,
            gave_up: false,
            finished: false,
            restarts: 0,
            answered: false,
            flowed: false,
            magic_checked: false,
            not_before: 0.0,
            next_request: 0,
            random,
            throughput: Throughput::default(),
            hint: None,
            delivered_bytes: 0,
            cache_bytes: 0,
            away_since: None,
            candidate: Validators::default(),
            notice: None,
            trouble: None,
        }
    }

    /// The next action at time `now`. Call it again after each action and each report until it says to wait.
    pub fn next(&mut self, now: f64) -> Action {
        if let Some(since) = self.away_since.take() {
            self.forgive(now - since);
        }
        if let Some(action) = self.queue.pop_front() {
            return action;
        }
        if self.failure.is_some() && self.pending_saves > 0 {
            // The message tells what is kept, so writes that are under way are waited for.
            return Action::Wait { until: None };
        }
        if let Some(error) = self.failure.take() {
            self.finished = true;
            return Action::Fail(self.told_what_is_kept(error));
        }
        if self.finished {
            return Action::Done;
        }
        self.break_off_stalls(now);
        if self.failure.is_none() {
            if let Some(bytes) = self.deliver() {
                self.away_since = Some(now);
                return Action::Deliver { bytes };
            }
            if let Some(action) = self.conclude() {
                return action;
            }
            self.plan_parts(now);
            self.plan_loads();
            self.plan_requests(now);
        }
        match self.queue.pop_front() {
            Some(action) => action,
            None if self.failure.is_some() => self.next(now),
            None => Action::Wait { until: self.deadline() },
        }
    }

    /// The file's length as another source tells it, for the display alone.
    pub fn hint_total(&mut self, total: u64) {
        self.hint = Some(total);
    }

    /// The file's length once it is certain or at least claimed by the server.
    pub fn total(&self) -> Option<u64> {
        self.manifest.total.or(self.manifest.validators.total)
    }

    /// The file's length once it is certain. The length of a whole answer is not: it may be that of an encoded form.
    pub fn certain_total(&self) -> Option<u64> {
        self.manifest.total
    }

    /// Asks the server whether a complete file has changed before it is taken from the store. If the server refuses the
    /// file, the load fails and what is stored stays; without any answer it is taken as it is, and the progress says so.
    pub fn revalidate(&mut self) {
        if self.identity == Identity::Trusted {
            self.identity = Identity::Asking;
        }
    }

    /// Notes the digest of the whole file for the next [`Download::manifest_with`].
    pub fn set_sha256(&mut self, hex: String) {
        self.manifest.sha256 = Some(hex);
    }

    /// Says something that the user should know for good.
    pub fn note(&mut self, sentence: String) {
        self.notice = Some(sentence);
    }

    /// The record of the chunks that are stored so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether the whole file is in the store.
    pub fn is_stored(&self) -> bool {
        self.manifest.complete
    }

    /// Whether nothing will be asked of the network unless a stored chunk is damaged.
    pub fn is_trusted(&self) -> bool {
        self.identity == Identity::Trusted
    }

    fn name(&self) -> String {
        address::file_name(&self.manifest.address)
    }

    fn deliver(&mut self) -> Option<Vec<u8>> {
        if !matches!(self.identity, Identity::Confirmed | Identity::Trusted) {
            return None;
        }
        match self.chunks.get_mut(&self.next_index) {
            Some(chunk @ Chunk::Ready(_)) => {
                let Chunk::Ready(bytes) = std::mem::replace(chunk, Chunk::Delivered) else { return None };
                self.next_index += 1;
                self.delivered_bytes += bytes.len() as u64;
                Some(bytes)
            }
            _ => None,
        }
    }

    fn fail(&mut self, error: Error) {
        self.drop_requests();
        if self.failure.is_none() {
            self.failure = Some(error);
        }
    }

    fn drop_requests(&mut self) {
        let requests = self.fetches.drain(..).filter_map(|fetch| fetch.request);
        let requests = requests.chain(self.whole.take().and_then(|whole| whole.request));
        self.queue.retain(|action| !matches!(action, Action::Get { .. }));
        self.queue.extend(requests.map(|request| Action::Cancel { request }));
        self.chunks.retain(|_, chunk| !matches!(chunk, Chunk::Fetching));
    }

    /// Time of the next try after a failure; `None` when patience has ended.
    fn next_try(&mut self, failures: u32, after_ms: Option<f64>, error: &Error, now: f64) -> Option<f64> {
        let policy = &self.options.retry;
        let allowed = match () {
            () if is_refusal(error) => policy.attempts.min(REFUSAL_ATTEMPTS),
            () if self.answered => policy.attempts,
            () => policy.first_attempts,
        };
        if failures >= allowed || after_ms.is_some_and(|after| after > policy.max_retry_after_ms) {
            return None;
        }
        let random = (next_random(&mut self.random) >> 11) as f64 / (1u64 << 53) as f64;
        let at = now + policy.delay_ms(failures, after_ms, random);
        if after_ms.is_some() {
            self.not_before = self.not_before.max(at);
        }
        Some(at)
    }

    fn give_up(&mut self, failures: u32, after_ms: Option<f64>, error: Error) {
        let wait = after_ms.map(|ms| format!(", and asks to wait {} s", ms / 1000.0)).unwrap_or_default();
        let message = format!("{error}{wait} (tried {failures} times)");
        self.gave_up = true;
        self.fail(error.reworded(message));
    }

    /// A load that was given up can go on later if anything of it is in the store.
    fn told_what_is_kept(&self, error: Error) -> Error {
        if self.gave_up && self.options.store && self.manifest.has_bytes() {
            let message = format!("{error}; what has arrived is kept, load again to continue");
            error.reworded(message)
        } else {
            error
        }
    }

    fn check_magic(&mut self, prefix: &[u8], ended: bool) -> bool {
        if !self.magic_checked && (ended || prefix.len() >= magic::PREFIX_BYTES) {
            self.magic_checked = true;
            if let Some(error) = magic::refuse(self.options.format, prefix, &self.name()) {
                self.fail(error);
                return false;
            }
        }
        true
    }

    fn take_request(&mut self) -> RequestId {
        self.next_request += 1;
        self.next_request
    }
}

/// Whether a server has refused the file itself.
fn is_refusal(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

/// splitmix64: jitter and names need no better randomness than their seed's.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
