//! When to request which chunks: how many at once, how long a silent server is waited for.

use super::*;

impl Download {
    pub(super) fn plan_requests(&mut self, now: f64) {
        if self.whole.is_some() {
            return self.plan_whole(now);
        }
        self.open_fetches();
        if now < self.not_before {
            return;
        }
        for i in 0..self.fetches.len() {
            let fetch = &self.fetches[i];
            if fetch.request.is_some() || fetch.loading || now < fetch.not_before {
                continue;
            }
            let request = self.take_request();
            let fetch = &mut self.fetches[i];
            let (start, mut end) = self.manifest.span(fetch.index);
            let from = start + fetch.bytes.len() as u64;
            if self.identity == Identity::Asking {
                end = end.min(1);
            }
            fetch.request = Some(request);
            fetch.base = fetch.bytes.len();
            fetch.asked_end = end;
            fetch.promised_end = None;
            fetch.heard = now;
            let if_range = self.manifest.validators.if_range().filter(|_| self.options.own_origin);
            let if_range = if_range.map(str::to_owned);
            self.queue.push_back(Action::Get { request, range: Some((from, end)), if_range });
        }
    }

    /// Takes up the fetching of missing chunks, as many as may run at once.
    fn open_fetches(&mut self) {
        if self.pending_saves >= MAX_PENDING_SAVES {
            return;
        }
        let known = self.identity == Identity::Confirmed && self.manifest.total.is_some();
        let limit = if known { self.options.in_flight.max(1) } else { 1 };
        let first = match self.identity {
            Identity::Unconfirmed => self.manifest.first_missing(),
            Identity::Comparing => return,
            Identity::Asking => {
                if self.fetches.is_empty() {
                    self.fetches.push(Fetch::new(0));
                }
                return;
            }
            _ => self.next_index,
        };
        if self.no_ranges {
            if self.is_missing(first) && self.fetches.is_empty() {
                self.read_whole(None, None, 0.0);
            }
            return;
        }
        let ready = self.chunks.values().filter(|chunk| matches!(chunk, Chunk::Ready(_))).count();
        for index in first.. {
            let full = self.fetches.len() + ready > limit && index > self.next_index;
            let at_end = self.manifest.chunk_count().is_some_and(|count| index >= count);
            if self.fetches.len() >= limit || full || at_end {
                break;
            }
            if self.is_missing(index) {
                self.chunks.insert(index, Chunk::Fetching);
                let loading = self.manifest.parts.iter().any(|part| part.index == index);
                if loading {
                    self.queue.push_back(Action::LoadParts { revision: self.revision, index });
                }
                self.fetches.push(Fetch { loading, ..Fetch::new(index) });
            }
        }
    }

    fn is_missing(&self, index: u64) -> bool {
        self.manifest.sum(index).is_none()
            && !self.chunks.contains_key(&index)
            && self.manifest.chunk_count().is_none_or(|count| index < count)
    }

    pub(super) fn break_off_stalls(&mut self, now: f64) {
        let limit = self.options.stall_ms;
        if let Some(request) = self.whole.as_ref().and_then(|whole| whole.request)
            && !self.wants(request)
        {
            self.whole.iter_mut().for_each(|whole| whole.heard = now);
        }
        let stalled = |request: Option<RequestId>, heard: f64| request.filter(|_| now >= heard + limit);
        let mut requests: Vec<RequestId> =
            self.fetches.iter().filter_map(|fetch| stalled(fetch.request, fetch.heard)).collect();
        if let Some(whole) = &self.whole {
            requests.extend(stalled(whole.request, whole.heard));
        }
        for request in requests {
            let message = format!("{}: the server sent nothing for {} s", self.name(), limit / 1000.0);
            self.queue.push_back(Action::Cancel { request });
            self.failed(request, Error::new(ErrorKind::Network, message), now);
        }
    }

    /// Does not count `ms` milliseconds as silence of the server: nobody listened.
    pub(super) fn forgive(&mut self, ms: f64) {
        self.fetches.iter_mut().for_each(|fetch| fetch.heard += ms);
        self.whole.iter_mut().for_each(|whole| whole.heard += ms);
    }

    /// When something is due although nothing happens.
    pub(super) fn deadline(&self) -> Option<f64> {
        let due = |request: Option<RequestId>, heard: f64, not_before: f64| match request {
            Some(_) => heard + self.options.stall_ms,
            None => not_before.max(self.not_before),
        };
        let fetches = self
            .fetches
            .iter()
            .filter(|fetch| !fetch.loading)
            .map(|fetch| due(fetch.request, fetch.heard, fetch.not_before));
        let whole = self.whole.iter().map(|whole| due(whole.request, whole.heard, whole.not_before));
        fetches.chain(whole).chain(self.part_due()).reduce(f64::min)
    }
}
