//! A server that gives no ranges: the file is read as one stream, again from its first byte after a failure.

use super::*;

/// The stream of a whole file.
#[derive(Debug)]
pub(super) struct Whole {
    pub request: Option<RequestId>,
    /// Offset in the file of the first byte in `bytes`: a chunk's start.
    position: u64,
    bytes: Vec<u8>,
    /// Length that the answer claims.
    length: Option<u64>,
    /// Where an answer before this one ended although more was claimed.
    short_end: Option<u64>,
    /// The farthest that any try has come.
    best: u64,
    /// `best` when the present try began.
    best_before: u64,
    failures: u32,
    pub not_before: f64,
    pub heard: f64,
}

impl Whole {
    /// Bytes that have come so far.
    pub fn reached(&self) -> u64 {
        self.best.max(self.reached_now())
    }

    /// Bytes that have come in the present try.
    fn reached_now(&self) -> u64 {
        self.position + self.bytes.len() as u64
    }
}

impl Download {
    /// Turns to one stream; `answer` is a request whose body is already it.
    pub(super) fn read_whole(&mut self, answer: Option<RequestId>, length: Option<u64>, now: f64) {
        if let Some(fetch) = self.fetches.iter_mut().find(|fetch| fetch.request == answer) {
            fetch.request = None;
        }
        self.drop_requests();
        self.no_ranges = true;
        self.whole = Some(Whole {
            request: answer,
            position: 0,
            bytes: Vec::new(),
            length,
            short_end: None,
            best: 0,
            best_before: 0,
            failures: 0,
            not_before: 0.0,
            heard: now,
        });
    }

    /// The last resort of a first request that does not get through: once without a range.
    pub(super) fn try_whole(&mut self, now: f64) {
        self.read_whole(None, None, now);
        let failures = self.options.retry.first_attempts.saturating_sub(1);
        self.whole.iter_mut().for_each(|whole| whole.failures = failures);
    }

    pub(super) fn plan_whole(&mut self, now: f64) {
        let not_before = self.not_before;
        let request = self.next_request + 1;
        let Some(whole) = &mut self.whole else { return };
        if whole.request.is_some() || now < whole.not_before.max(not_before) {
            return;
        }
        whole.request = Some(request);
        whole.position = 0;
        whole.bytes.clear();
        whole.best_before = whole.best;
        whole.heard = now;
        self.next_request = request;
        self.queue.push_back(Action::Get { request, range: None, if_range: None });
    }

    pub(super) fn whole_head(&mut self, head: &ResponseHead, now: f64) {
        let verdict = judge(Asked { range: None }, head, now, &self.name());
        let seen = head.validators(&verdict);
        let verdict = self.judged_again(verdict, &seen);
        match verdict {
            Verdict::Whole { length } => {
                self.accept(&seen, true);
                if let Some(whole) = &mut self.whole {
                    whole.heard = now;
                    whole.length = length;
                }
            }
            Verdict::Retry { after_ms, error } => {
                let request = self.whole.as_ref().and_then(|whole| whole.request);
                self.queue.extend(request.map(|request| Action::Cancel { request }));
                self.retry_whole(after_ms, error, now);
            }
            Verdict::Refused(error) => self.fail(error),
            _ => {
                let message = format!("{}: status {} though no range was asked for", self.name(), head.status);
                self.retry_whole(None, Error::new(ErrorKind::Network, message), now);
            }
        }
    }

    pub(super) fn whole_body(&mut self, mut bytes: &[u8], now: f64) {
        self.throughput.record(now, bytes.len() as u64);
        self.flowed = true;
        self.trouble = None;
        while !bytes.is_empty() {
            let size = self.manifest.chunk_bytes as usize;
            let Some(whole) = &mut self.whole else { return };
            whole.heard = now;
            if self.manifest.total.is_some_and(|total| whole.reached_now() + bytes.len() as u64 > total) {
                return self.changed();
            }
            let room = size - whole.bytes.len();
            let (now_bytes, rest) = bytes.split_at(room.min(bytes.len()));
            whole.bytes.extend_from_slice(now_bytes);
            bytes = rest;
            if whole.length.is_some_and(|length| whole.reached_now() > length) {
                // More than announced: the length was that of an encoded form, and this is the decoded one.
                whole.length = None;
                self.manifest.validators.total = None;
            }
            if !self.check_magic_of_whole(false) {
                return;
            }
            // The last chunk waits for the end of the answer: a longer file is another one.
            let full = |whole: &Whole| whole.bytes.len() == size && self.manifest.total != Some(whole.reached_now());
            if self.whole.as_ref().is_some_and(full) && !self.take_chunk() {
                return;
            }
        }
    }

    fn check_magic_of_whole(&mut self, ended: bool) -> bool {
        let Some(whole) = &self.whole else { return false };
        if whole.position > 0 {
            return true;
        }
        let prefix: Vec<u8> = whole.bytes.iter().copied().take(magic::PREFIX_BYTES).collect();
        self.check_magic(&prefix, ended)
    }

    pub(super) fn whole_end(&mut self, now: f64) {
        let Some(whole) = &mut self.whole else { return };
        let end = whole.reached_now();
        // Browsers report a broken connection as a failure. A body that ends well before the claimed length, and again
        // at the same byte, was sent in an encoded form that is longer than the file.
        if let Some(length) = whole.length
            && end < length
            && whole.short_end.replace(end) != Some(end)
        {
            let message = format!("{}: the connection was cut at byte {end} of {length}", self.name());
            return self.retry_whole(None, Error::new(ErrorKind::Network, message), now);
        }
        if self.manifest.total.is_some_and(|total| total != end) || end < self.next_start() {
            return self.changed();
        }
        if !self.check_magic_of_whole(true) {
            return;
        }
        self.manifest.total = Some(end);
        let has_rest = self.whole.as_ref().is_some_and(|whole| !whole.bytes.is_empty());
        if has_rest && !self.take_chunk() {
            return;
        }
        self.whole = None;
    }

    /// Start of the next chunk to deliver: no file that is shorter can be the same.
    fn next_start(&self) -> u64 {
        if self.next_index == 0 { 0 } else { self.manifest.span(self.next_index - 1).0 + 1 }
    }

    /// Takes the chunk that the stream has filled. `false`: it is not the one that was known.
    fn take_chunk(&mut self) -> bool {
        let Some(whole) = &mut self.whole else { return false };
        let bytes = std::mem::take(&mut whole.bytes);
        let index = whole.position / self.manifest.chunk_bytes;
        whole.position += bytes.len() as u64;
        whole.best = whole.best.max(whole.position);
        if self.sums.get(&index).is_some_and(|known| *known != checksum(&bytes)) {
            self.changed();
            return false;
        }
        match self.chunks.get(&index) {
            Some(Chunk::Delivered | Chunk::Ready(_)) => {}
            _ => self.keep(index, bytes),
        }
        true
    }

    pub(super) fn retry_whole(&mut self, after_ms: Option<f64>, error: Error, now: f64) {
        let Some(whole) = &mut self.whole else { return };
        whole.best = whole.reached();
        whole.failures = if whole.best > whole.best_before { 1 } else { whole.failures + 1 };
        whole.request = None;
        whole.position = 0;
        whole.bytes.clear();
        let failures = whole.failures;
        match self.next_try(failures, after_ms, &error, now) {
            Some(at) => {
                if let Some(whole) = &mut self.whole {
                    whole.not_before = at;
                }
                self.trouble = Some(format!("{error}; trying again from the start (the server gives no ranges)"));
            }
            None => self.give_up(failures, after_ms, error),
        }
    }
}
