//! Is it still the same file, and what happens when it is not: the chunks of two revisions never meet.
//!
//! An answer with another `ETag` or `Last-Modified` than the file's (a *rival*) is not used, and the range is asked for
//! again. A file that has changed shows the same new tags each time. Behind a load balancer, replicas of one file can have
//! tags of their own: then the file's own tags come back, or a third kind appears, and the host is *unsteady*. Its answers
//! with the right tags go on being used, since a server says by them that they are of the same bytes. Where those do not
//! come, the file is read as one whole answer, which is of one file, and compared with the checksums of what was known.
//! The same is done when a file seems to have changed of which some was handed on already.

use super::*;

/// Rivals in a row, all with the same tags, that mean that the file has changed.
const CHANGED_AFTER: u32 = 6;

/// Rivals in a row after which a host whose right tags did come back is asked for the whole.
const PATIENCE: u32 = 24;

/// This many kinds of rivals show that each answer may have tags of its own.
const KINDS: usize = 3;

/// Pause before a rival's range is asked for again, in milliseconds.
const ASK_AGAIN_MS: f64 = 50.0;

/// Contradictions between answers.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    in_a_row: u32,
    /// Different rivals, at most [`KINDS`].
    kinds: Vec<Validators>,
    /// The file's own tags came back after a rival's.
    resolved: bool,
}

/// The judgement of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// It is of the file.
    Use,
    /// It is of no use, and what follows from it was done.
    None,
    /// It has other tags than the file.
    Rival,
}

impl Download {
    /// Compares an answer with the file that is being loaded.
    pub(super) fn accept(&mut self, seen: &Validators, whole: bool) -> Worth {
        let sameness = self.manifest.validators.compare(seen);
        match (self.identity, sameness) {
            (Identity::Fresh, _) => self.manifest.validators = seen.clone(),
            // The comparison ends with the first chunk, not with an answer.
            (Identity::Comparing, _) if !whole && (self.manifest.unsteady || sameness != Sameness::Changed) => {
                self.candidate = seen.clone();
                return Worth::Use;
            }
            (_, Sameness::Changed) if !whole => return Worth::Rival,
            // Its bytes are compared with the chunks that were known, before any of its own is used.
            (_, Sameness::Changed) if self.next_index > 0 || (self.manifest.unsteady && self.sums.contains_key(&0)) => {
                self.keep_prefix();
                self.manifest.validators = seen.clone();
            }
            // The new file is here already, whole.
            (_, Sameness::Changed) => {
                self.begin_again();
                self.notice = Some(DROPPED.into());
                self.manifest.validators = seen.clone();
            }
            (Identity::Unconfirmed, Sameness::Unknown) if !whole => {
                self.compare_first_chunk();
                return Worth::None;
            }
            (_, Sameness::Same) if self.doubt.in_a_row > 0 => {
                self.doubt.in_a_row = 0;
                self.doubt.resolved = true;
                self.manifest.unsteady = true;
                self.manifest.validators.merge(seen);
            }
            _ => self.manifest.validators.merge(seen),
        }
        self.identity = Identity::Confirmed;
        Worth::Use
    }

    /// An answer with other tags than the file's came: asks again, or draws the conclusion.
    pub(super) fn meet_rival(&mut self, i: usize, seen: &Validators, now: f64) {
        self.queue.extend(self.fetches[i].request.take().map(|request| Action::Cancel { request }));
        if self.identity == Identity::Comparing {
            self.fetches[i].bytes.clear();
        }
        if !self.doubts(seen) {
            self.fetches[i].wait_until(now + ASK_AGAIN_MS);
        } else if self.manifest.unsteady || self.next_index > 0 {
            self.notice = Some("the server's answers contradict each other: the file is read as one answer".into());
            self.read_whole(None, None, now);
        } else {
            self.changed();
        }
    }

    /// Counts a rival; `true` when it was the last one that is waited out.
    pub(super) fn doubts(&mut self, seen: &Validators) -> bool {
        let doubt = &mut self.doubt;
        doubt.in_a_row += 1;
        let known = doubt.kinds.iter().any(|kind| kind.compare(seen) != Sameness::Changed);
        if !known && doubt.kinds.len() < KINDS {
            doubt.kinds.push(seen.clone());
        }
        self.manifest.unsteady |= doubt.kinds.len() > 1;
        let patience = match () {
            () if doubt.kinds.len() == KINDS => KINDS as u32,
            () if doubt.resolved => PATIENCE,
            () => CHANGED_AFTER,
        };
        doubt.in_a_row >= patience
    }

    /// Drops all chunks that come after one that is missing: a whole answer passes the others first.
    fn keep_prefix(&mut self) {
        let end = (0..).find(|index| !self.sums.contains_key(index)).unwrap_or(u64::MAX);
        self.sums.retain(|index, _| *index < end);
        self.chunks.retain(|index, _| *index < end);
        self.manifest.parts.clear();
        if self.manifest.chunks.len() as u64 > end {
            self.manifest.chunks.truncate(end as usize);
            self.manifest.complete = false;
            self.sealed = false;
            self.queue.extend(self.options.store.then_some(Action::Seal));
        }
        let queued = self.queue.len();
        self.queue.retain(|action| !matches!(action, Action::Save { index, .. } if *index >= end));
        self.pending_saves = self.pending_saves.saturating_sub((queued - self.queue.len()) as u32);
    }

    pub(super) fn compare_first_chunk(&mut self) {
        if self.manifest.sum(0).is_none() {
            // There is nothing to compare with, so what is stored cannot be trusted.
            self.changed();
            return;
        }
        self.drop_requests();
        self.identity = Identity::Comparing;
        self.fetches.push(Fetch::new(0));
    }

    /// The server has another file now: the old chunks go. If nothing of them was handed on, the new file is loaded
    /// instead.
    pub(super) fn changed(&mut self) {
        self.drop_requests();
        self.restarts += 1;
        if self.next_index > 0 || self.restarts > MAX_RESTARTS {
            self.forget();
            let message = format!(
                "{}: the file changed on the server while it was being loaded; nothing of it was kept, load it again",
                self.name()
            );
            self.fail(Error::new(ErrorKind::Changed, message));
        } else {
            self.begin_again();
            self.notice = Some(DROPPED.into());
        }
    }

    pub(super) fn begin_again(&mut self) {
        self.forget();
        let id = format!("{:016x}", next_random(&mut self.random));
        let address = std::mem::take(&mut self.manifest.address);
        let unsteady = self.manifest.unsteady;
        self.manifest = Manifest::new(id, address, self.options.chunk_bytes, self.manifest.last_used);
        self.manifest.unsteady = unsteady;
        self.revision += 1;
        self.sums.clear();
        self.chunks.clear();
        self.identity = Identity::Fresh;
        self.doubt = Doubt::default();
        self.magic_checked = false;
        self.cache_bytes = 0;
        self.sealed = false;
    }

    pub(super) fn forget(&mut self) {
        self.queue.retain(|action| matches!(action, Action::Cancel { .. } | Action::Forget { .. }));
        self.queue.push_back(Action::Forget { id: self.manifest.id.clone() });
        // The caller drops the writes that wait.
        self.pending_saves = 0;
    }
}

const DROPPED: &str = "the file changed on the server: the cached one is dropped";
