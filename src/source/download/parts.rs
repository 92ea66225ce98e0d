//! Parts of chunks that are still on their way: on a slow line a chunk takes so long that a closed tab would lose much of
//! it, so what has come of it is stored from time to time. A chunk that is stored whole replaces its parts.

use super::*;

impl Download {
    /// Wants everything stored that has waited for long enough.
    pub(super) fn plan_parts(&mut self, now: f64) {
        if !self.options.store || self.identity != Identity::Confirmed {
            return;
        }
        for fetch in &mut self.fetches {
            let due = fetch.unkept_since.is_some_and(|since| now >= since + self.options.keep_ms);
            if !due || fetch.saving.is_some() || fetch.bytes.len() == fetch.kept {
                continue;
            }
            let (start, end) = (fetch.kept, fetch.bytes.len());
            let sum = checksum(&fetch.bytes[start..]);
            let part = Part { index: fetch.index, start: start as u64, end: end as u64, sum };
            fetch.saving = Some(part);
            fetch.unkept_since = None;
            self.pending_saves += 1;
            self.queue.push_back(Action::SavePart { revision: self.revision, part });
        }
    }

    /// The bytes of a part that is to be saved.
    pub fn part_bytes(&self, part: &Part) -> Option<&[u8]> {
        let fetch = self.saving(part)?;
        fetch.bytes.get(part.start as usize..part.end as usize)
    }

    /// As [`Download::manifest_with`], for a part. `None` when its chunk is no longer on its way: nothing is to be written.
    pub fn manifest_with_part(&self, revision: u32, part: &Part) -> Option<Manifest> {
        if revision != self.revision || !self.is_wanted(part) {
            return None;
        }
        let mut manifest = self.manifest.clone();
        manifest.parts.push(*part);
        Some(manifest)
    }

    /// The write of a part ended, as [`Download::saved`]; `written` is false if there was no manifest for it.
    pub fn saved_part(&mut self, revision: u32, part: &Part, written: bool, problem: Option<String>) {
        if revision != self.revision {
            return;
        }
        self.pending_saves = self.pending_saves.saturating_sub(1);
        match problem {
            Some(problem) => self.stop_storing(problem),
            None => {
                if written && self.is_wanted(part) {
                    self.manifest.parts.push(*part);
                }
                if let Some(fetch) = self.fetches.iter_mut().find(|fetch| fetch.saving == Some(*part)) {
                    fetch.saving = None;
                    fetch.kept = part.end as usize;
                }
            }
        }
    }

    /// Stored parts were read, in the order of [`Manifest::parts_of`]; what could not be is `None`. What is good from the
    /// chunk's start on need not be asked for again.
    pub fn loaded_parts(&mut self, revision: u32, index: u64, parts: Vec<Option<Vec<u8>>>) {
        if revision != self.revision {
            return;
        }
        let Some(fetch) = self.fetches.iter_mut().find(|fetch| fetch.index == index && fetch.loading) else { return };
        fetch.loading = false;
        let recorded = self.manifest.parts_of(index);
        let (start, end) = self.manifest.span(index);
        let mut good = Vec::new();
        for (part, bytes) in recorded.into_iter().zip(parts) {
            let fits = |bytes: &Vec<u8>| {
                // Something stays to be asked for: only an answer tells whether this is the file still.
                part.end < end - start
                    && part.start == fetch.bytes.len() as u64
                    && part.end - part.start == bytes.len() as u64
                    && checksum(bytes) == part.sum
            };
            let Some(bytes) = bytes.filter(fits) else { break };
            fetch.bytes.extend_from_slice(&bytes);
            good.push(part);
        }
        fetch.kept = fetch.bytes.len();
        self.cache_bytes += fetch.bytes.len() as u64;
        self.manifest.parts.retain(|part| part.index != index || good.contains(part));
    }

    /// Nothing that is stored of a chunk's parts is good any more.
    pub(super) fn drop_parts(&mut self, i: usize) {
        let fetch = &mut self.fetches[i];
        let index = fetch.index;
        (fetch.kept, fetch.saving, fetch.unkept_since) = (0, None, None);
        let before = self.manifest.parts.len();
        self.manifest.parts.retain(|part| part.index != index);
        if self.manifest.parts.len() < before && self.options.store {
            self.queue.push_back(Action::Seal);
        }
    }

    /// When the next part is due.
    pub(super) fn part_due(&self) -> Option<f64> {
        let waits = |fetch: &&Fetch| self.options.store && fetch.saving.is_none();
        let due = self.fetches.iter().filter(waits).filter_map(|fetch| fetch.unkept_since);
        due.reduce(f64::min).filter(|_| self.identity == Identity::Confirmed).map(|since| since + self.options.keep_ms)
    }

    /// Whether a part's chunk is on its way, or here and waiting to be written whole.
    fn is_wanted(&self, part: &Part) -> bool {
        let arrived = matches!(self.chunks.get(&part.index), Some(Chunk::Ready(_) | Chunk::Delivered));
        self.saving(part).is_some() || (arrived && self.manifest.sum(part.index).is_none())
    }

    fn saving(&self, part: &Part) -> Option<&Fetch> {
        self.fetches.iter().find(|fetch| fetch.saving == Some(*part))
    }
}
