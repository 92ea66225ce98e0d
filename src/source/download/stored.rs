//! Stored chunks: loading and checking them, writing them, and the record of them.

use super::*;

impl Download {
    /// The record to write together with chunk `index` (or, with `None`, alone). `None` when the chunk is of a
    /// revision that has ended.
    pub fn manifest_with(&self, revision: u32, index: Option<u64>) -> Option<Manifest> {
        let mut manifest = self.manifest.clone();
        if let Some(index) = index {
            let sum = self.sums.get(&index).filter(|_| revision == self.revision)?;
            manifest.set_sum(index, Some(*sum));
        }
        manifest.complete = manifest.is_whole();
        Some(manifest)
    }

    /// The bytes of a chunk that is to be saved.
    pub fn bytes(&self, index: u64) -> Option<&[u8]> {
        match self.chunks.get(&index) {
            Some(Chunk::Ready(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// A write ended. After a failure nothing more is written and the load goes on from memory; `problem` is the
    /// sentence that says so.
    pub fn saved(&mut self, revision: u32, index: u64, problem: Option<String>) {
        if revision != self.revision {
            return;
        }
        self.pending_saves = self.pending_saves.saturating_sub(1);
        match problem {
            None => {
                let sum = self.sums.get(&index).copied();
                self.manifest.set_sum(index, sum);
                self.sealed = self.manifest.is_whole();
                self.manifest.complete = self.sealed;
            }
            Some(problem) => self.stop_storing(problem),
        }
    }

    /// Writes nothing from now on, for the reason given.
    pub fn stop_storing(&mut self, reason: String) {
        self.options.store = false;
        self.pending_saves = 0;
        self.notice = Some(reason);
        self.queue.retain(|action| !matches!(action, Action::Save { .. } | Action::SavePart { .. } | Action::Seal));
    }

    /// A stored chunk was read; `None` when it is not there or cannot be read.
    pub fn loaded(&mut self, revision: u32, index: u64, bytes: Option<Vec<u8>>) {
        if revision != self.revision || !matches!(self.chunks.get(&index), Some(Chunk::Loading)) {
            return;
        }
        let (start, end) = self.manifest.span(index);
        let good =
            bytes.filter(|bytes| bytes.len() as u64 == end - start && self.sums.get(&index) == Some(&checksum(bytes)));
        match good {
            Some(bytes) => {
                self.cache_bytes += bytes.len() as u64;
                self.chunks.insert(index, Chunk::Ready(bytes));
            }
            None => {
                // Its checksum stays in `sums`: what is fetched in its place must match it.
                self.chunks.remove(&index);
                self.manifest.set_sum(index, None);
                self.manifest.complete = false;
                self.sealed = false;
                self.notice = Some(format!("chunk {index} of the cache is damaged or missing: it is fetched again"));
            }
        }
    }

    /// Ends the download once everything is delivered and written.
    pub(super) fn conclude(&mut self) -> Option<Action> {
        let all_delivered = self.manifest.chunk_count().is_some_and(|count| self.next_index >= count);
        if !all_delivered || self.pending_saves > 0 {
            return None;
        }
        if self.options.store && !self.sealed && self.manifest.is_whole() {
            self.sealed = true;
            self.manifest.complete = true;
            return Some(Action::Seal);
        }
        self.finished = true;
        self.drop_requests();
        Some(self.queue.pop_front().unwrap_or(Action::Done))
    }

    pub(super) fn plan_loads(&mut self) {
        if self.whole.is_some() || !matches!(self.identity, Identity::Confirmed | Identity::Trusted) {
            return;
        }
        for index in self.next_index..self.next_index + LOAD_AHEAD {
            if self.manifest.sum(index).is_some() && !self.chunks.contains_key(&index) {
                self.chunks.insert(index, Chunk::Loading);
                self.queue.push_back(Action::Load { revision: self.revision, index });
            }
        }
    }

    /// A verified chunk from the network.
    pub(super) fn keep(&mut self, index: u64, bytes: Vec<u8>) {
        self.sums.insert(index, checksum(&bytes));
        self.chunks.insert(index, Chunk::Ready(bytes));
        if self.options.store && self.manifest.sum(index).is_none() {
            self.pending_saves += 1;
            self.queue.push_back(Action::Save { revision: self.revision, index });
        }
    }
}
