//! Requests for byte ranges: one per missing chunk, a few at once, each continued where it was cut.

use super::*;

/// The fetching of one chunk, over as many requests as it takes.
#[derive(Debug)]
pub(super) struct Fetch {
    pub index: u64,
    /// The bytes of the chunk that have arrived, from its start.
    pub bytes: Vec<u8>,
    /// Length of `bytes` when the present request began.
    pub base: usize,
    /// End of the range that was asked for.
    pub asked_end: u64,
    /// End of the range that the answer promises; `None` before its head.
    pub promised_end: Option<u64>,
    pub request: Option<RequestId>,
    /// How many of `bytes` are stored.
    pub kept: usize,
    /// Since when bytes wait to be stored.
    pub unkept_since: Option<f64>,
    /// The part that is being written.
    pub saving: Option<Part>,
    /// Its stored parts are being read: nothing is asked for before.
    pub loading: bool,
    pub failures: u32,
    pub not_before: f64,
    pub heard: f64,
}

impl Fetch {
    pub fn new(index: u64) -> Self {
        Self {
            index,
            bytes: Vec::new(),
            base: 0,
            asked_end: 0,
            promised_end: None,
            request: None,
            kept: 0,
            unkept_since: None,
            saving: None,
            loading: false,
            failures: 0,
            not_before: 0.0,
            heard: 0.0,
        }
    }

    /// The next request for the rest begins at `time`, the earliest.
    pub fn wait_until(&mut self, time: f64) {
        self.request = None;
        self.promised_end = None;
        self.not_before = time;
    }
}

impl Download {
    /// The head of an answer arrived.
    pub fn head(&mut self, request: RequestId, head: &ResponseHead, now: f64) {
        self.answered = true;
        if self.whole.as_ref().is_some_and(|whole| whole.request == Some(request)) {
            return self.whole_head(head, now);
        }
        let Some(i) = self.fetch_of(request) else { return };
        if self.identity == Identity::Asking {
            return self.asked(head, now);
        }
        self.fetches[i].heard = now;
        let fetch = &self.fetches[i];
        let start = self.manifest.span(fetch.index).0 + fetch.base as u64;
        let verdict = judge(Asked { range: Some((start, fetch.asked_end)) }, head, now, &self.name());
        let seen = head.validators(&verdict);
        match self.judged_again(verdict, &seen) {
            Verdict::Retry { after_ms, error } => {
                self.queue.push_back(Action::Cancel { request });
                self.retry_fetch(i, after_ms, error, now);
            }
            Verdict::Refused(error) => self.fail(error),
            Verdict::NoRanges => self.read_whole(None, None, now),
            // Where another file ends says nothing about this one.
            Verdict::BeyondEnd { .. } if self.is_rival(&seen) => self.meet_rival(i, &seen, now),
            Verdict::BeyondEnd { total } => self.beyond_end(i, total, start, now),
            Verdict::Part { end, total } => match self.accept_part(i, &seen) {
                Worth::Use if self.set_total(total) => self.fetches[i].promised_end = Some(end),
                Worth::Rival => self.meet_rival(i, &seen, now),
                _ => {}
            },
            // Where some of it was handed on, another file's whole answer is worth no more than a part of it.
            Verdict::Whole { .. } if self.next_index > 0 && self.is_rival(&seen) => self.meet_rival(i, &seen, now),
            Verdict::Whole { length } => {
                self.accept(&seen, true);
                self.read_whole(Some(request), length, now);
            }
        }
    }

    /// As [`Download::accept`]. A chunk whose checksum is known proves itself, whatever the answer's tags say.
    fn accept_part(&mut self, i: usize, seen: &Validators) -> Worth {
        // The first chunk is compared as a whole, so all of it must be of one file.
        let is_split = self.fetches[i].base > 0 && self.candidate.compare(seen) == Sameness::Changed;
        if self.identity == Identity::Comparing && is_split {
            return Worth::Rival;
        }
        let proves_itself = self.sums.contains_key(&self.fetches[i].index)
            && matches!(self.identity, Identity::Confirmed | Identity::Trusted)
            && self.is_rival(seen)
            && seen.total.is_none_or(|total| self.manifest.total == Some(total));
        if proves_itself { Worth::Use } else { self.accept(seen, false) }
    }

    fn is_rival(&self, seen: &Validators) -> bool {
        self.identity != Identity::Fresh && self.manifest.validators.compare(seen) == Sameness::Changed
    }

    /// Judges an answer by the download so far: a page in the middle of the file, or a refusal after bytes had come,
    /// is trouble on the way, as a cut connection is. (Each try begins at the file's own address, so an address that was
    /// signed for a time is signed anew.)
    pub(super) fn judged_again(&self, verdict: Verdict, seen: &Validators) -> Verdict {
        match verdict {
            Verdict::Part { .. } | Verdict::Whole { .. } if self.is_page(seen) => {
                Verdict::Retry { after_ms: None, error: self.page_error(seen) }
            }
            Verdict::Refused(error) if self.flowed => Verdict::Retry { after_ms: None, error },
            other => other,
        }
    }

    /// Whether a page came in place of the file. A file that is not known yet is told from a page by its first bytes instead.
    fn is_page(&self, seen: &Validators) -> bool {
        self.identity != Identity::Fresh && self.manifest.validators.is_replaced_by(seen)
    }

    fn page_error(&self, seen: &Validators) -> Error {
        let media_type = seen.media_type.as_deref().unwrap_or_default();
        let message = format!(
            "{}: the server sent a page or message ({media_type}) in place of the file; does it want a sign-in?",
            self.name()
        );
        Error::new(ErrorKind::Network, message)
    }

    /// The answer to the question whether the file has changed.
    fn asked(&mut self, head: &ResponseHead, now: f64) {
        let verdict = judge(Asked { range: Some((0, 1)) }, head, now, &self.name());
        let seen = head.validators(&verdict);
        match verdict {
            Verdict::Refused(error) => self.refuse_stored(error),
            Verdict::Part { .. } | Verdict::Whole { .. } if self.is_page(&seen) => {
                self.refuse_stored(self.page_error(&seen));
            }
            Verdict::Retry { error, .. } => self.trust_unasked(&error.to_string()),
            Verdict::BeyondEnd { total: Some(0) } => self.changed(),
            _ => match self.manifest.validators.compare(&seen) {
                Sameness::Changed if self.manifest.unsteady => {
                    self.drop_requests();
                    if self.doubts(&seen) {
                        self.compare_first_chunk();
                    }
                }
                Sameness::Changed => self.changed(),
                Sameness::Same => {
                    self.drop_requests();
                    self.identity = Identity::Trusted;
                }
                Sameness::Unknown => {
                    self.trust_unasked(&format!("{}: the server hides whether the file has changed", self.name()));
                }
            },
        }
    }

    /// The server was asked and does not give the file to whoever asks: then the stored one is not for them either.
    fn refuse_stored(&mut self, error: Error) {
        let message = format!("{error}; the file in the cache was not used, and stays");
        self.fail(error.reworded(message));
    }

    fn trust_unasked(&mut self, reason: &str) {
        self.drop_requests();
        self.identity = Identity::Trusted;
        self.notice = Some(format!("{reason}: the file in the cache is used"));
    }

    /// Bytes of an answer arrived.
    pub fn body(&mut self, request: RequestId, bytes: &[u8], now: f64) {
        if self.whole.as_ref().is_some_and(|whole| whole.request == Some(request)) {
            return self.whole_body(bytes, now);
        }
        let Some(i) = self.fetch_of(request) else {
            // A request that nobody waits for must not go on using the network.
            return self.queue.push_back(Action::Cancel { request });
        };
        let start = self.manifest.span(self.fetches[i].index).0;
        let fetch = &mut self.fetches[i];
        fetch.heard = now;
        let Some(promised_end) = fetch.promised_end else { return };
        if start + (fetch.bytes.len() + bytes.len()) as u64 > promised_end {
            fetch.bytes.truncate(fetch.base);
            self.drop_parts(i);
            self.queue.push_back(Action::Cancel { request });
            let message = format!("{}: the server sent more bytes than it announced", self.name());
            return self.retry_fetch(i, None, Error::new(ErrorKind::Network, message), now);
        }
        if fetch.bytes.capacity() == 0 {
            fetch.bytes.reserve_exact((fetch.asked_end - start) as usize);
        }
        fetch.bytes.extend_from_slice(bytes);
        if !bytes.is_empty() {
            fetch.unkept_since.get_or_insert(now);
        }
        self.trouble = None;
        self.flowed = true;
        self.throughput.record(now, bytes.len() as u64);
        if self.fetches[i].index == 0 {
            let prefix: Vec<u8> = self.fetches[i].bytes.iter().copied().take(magic::PREFIX_BYTES).collect();
            self.check_magic(&prefix, false);
        }
    }

    /// The body of an answer ended.
    pub fn end(&mut self, request: RequestId, now: f64) {
        if self.whole.as_ref().is_some_and(|whole| whole.request == Some(request)) {
            return self.whole_end(now);
        }
        let Some(i) = self.fetch_of(request) else { return };
        let (start, end) = self.manifest.span(self.fetches[i].index);
        let fetch = &mut self.fetches[i];
        let reached = start + fetch.bytes.len() as u64;
        if reached == end {
            return self.complete(i);
        }
        let grown = fetch.bytes.len() > fetch.base;
        let kept_promise = fetch.promised_end == Some(reached);
        if grown && (kept_promise || self.manifest.total.is_none()) {
            // A server may send less than asked, or this is the end of a file of unknown length: ask for the rest,
            // and the answer will tell.
            fetch.request = None;
            fetch.promised_end = None;
            fetch.failures = 0;
            return;
        }
        let message = format!("{}: the connection was cut at byte {reached} of {end}", self.name());
        self.retry_fetch(i, None, Error::new(ErrorKind::Network, message), now);
    }

    /// A request failed before or in its body.
    pub fn failed(&mut self, request: RequestId, error: Error, now: f64) {
        if error.kind() == ErrorKind::InvalidArgument {
            // The request cannot be sent as the caller wants it; another try would be the same.
            return self.fail(error);
        }
        if self.whole.as_ref().is_some_and(|whole| whole.request == Some(request)) {
            return self.retry_whole(None, error, now);
        }
        if let Some(i) = self.fetch_of(request) {
            if self.identity == Identity::Asking {
                return self.trust_unasked(&error.to_string());
            }
            self.retry_fetch(i, None, error, now);
        }
    }

    /// Whether more of this answer's body should be read now: a stream waits while its next chunk waits.
    pub fn wants(&self, request: RequestId) -> bool {
        let streams = self.whole.as_ref().is_some_and(|whole| whole.request == Some(request));
        let waits = matches!(self.chunks.get(&self.next_index), Some(Chunk::Ready(_)));
        !streams || (!waits && self.pending_saves < MAX_PENDING_SAVES)
    }

    fn fetch_of(&self, request: RequestId) -> Option<usize> {
        self.fetches.iter().position(|fetch| fetch.request == Some(request))
    }

    /// Learns the file's length. `false`: it contradicts what was known.
    fn set_total(&mut self, total: Option<u64>) -> bool {
        match (self.manifest.total, total) {
            (Some(known), Some(total)) if known != total => {
                self.changed();
                false
            }
            (None, Some(total)) if total.div_ceil(self.manifest.chunk_bytes) < self.manifest.chunks.len() as u64 => {
                self.changed();
                false
            }
            (None, Some(_)) => {
                self.manifest.total = total;
                true
            }
            _ => true,
        }
    }

    fn beyond_end(&mut self, i: usize, total: Option<u64>, start: u64, now: f64) {
        match (self.manifest.total, total) {
            (Some(known), Some(total)) if known != total => self.changed(),
            // There are bytes: this server cannot give ranges of the file.
            (Some(_), _) => self.read_whole(None, None, now),
            (None, Some(total)) if total < start => self.changed(),
            (None, Some(total)) if total > start => self.read_whole(None, None, now),
            (None, None) if start == 0 => self.read_whole(None, None, now),
            (None, _) if self.identity == Identity::Unconfirmed => self.compare_first_chunk(),
            (None, _) => {
                self.manifest.total = Some(start);
                if self.fetches[i].bytes.is_empty() {
                    self.drop_requests();
                } else {
                    self.complete(i);
                }
                if start == 0 {
                    self.check_magic(&[], true);
                }
            }
        }
    }

    fn complete(&mut self, i: usize) {
        let fetch = self.fetches.remove(i);
        if fetch.index == 0 && !self.check_magic(&fetch.bytes, true) {
            return;
        }
        let known = self.sums.get(&fetch.index).copied();
        let same = known.is_none_or(|known| known == checksum(&fetch.bytes));
        if self.identity == Identity::Comparing {
            let seen = std::mem::take(&mut self.candidate);
            if !same {
                self.begin_again();
            }
            self.manifest.validators.merge(&seen);
            self.identity = Identity::Confirmed;
            if !same {
                self.manifest.total = seen.total;
                let (start, end) = self.manifest.span(0);
                if fetch.bytes.len() as u64 != end - start {
                    // Asked for by the old file's length: not the new one's first chunk.
                    return;
                }
            }
        } else if !same {
            return self.changed();
        }
        self.keep(fetch.index, fetch.bytes);
    }

    fn retry_fetch(&mut self, i: usize, after_ms: Option<f64>, error: Error, now: f64) {
        let (start, end) = self.manifest.span(self.fetches[i].index);
        if start + self.fetches[i].bytes.len() as u64 == end {
            // The failure came after the last byte.
            return self.complete(i);
        }
        let fetch = &mut self.fetches[i];
        let grown = fetch.bytes.len() > fetch.base;
        fetch.failures = if grown { 1 } else { fetch.failures + 1 };
        fetch.request = None;
        fetch.promised_end = None;
        let failures = fetch.failures;
        match self.next_try(failures, after_ms, &error, now) {
            Some(at) => {
                self.fetches[i].not_before = at;
                self.trouble = Some(format!("{error}; trying again"));
            }
            // Nothing has come through, not even a refusal: some proxies and old browsers break over the Range header.
            None if !self.answered => self.try_whole(now),
            None => self.give_up(failures, after_ms, error),
        }
    }
}
