//! Is it still the same file, and what happens when it is not: the chunks of two generations never meet.

use super::*;

impl Download {
    /// Compares an answer with the file that is being loaded. `false`: the answer is of no use.
    pub(super) fn accept(&mut self, seen: &Validators, whole: bool) -> bool {
        let sameness = self.manifest.validators.compare(seen);
        match (self.identity, sameness) {
            (Identity::Fresh, _) => self.manifest.validators = seen.clone(),
            (_, Sameness::Changed) => {
                self.changed();
                return false;
            }
            (Identity::Unconfirmed, Sameness::Unknown) if !whole => {
                self.compare_first_chunk();
                return false;
            }
            // The comparison ends with the first chunk, not with an answer.
            (Identity::Comparing, _) if !whole => {
                self.candidate = seen.clone();
                return true;
            }
            _ => self.manifest.validators.merge(seen),
        }
        self.identity = Identity::Confirmed;
        true
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
            self.notice = Some("the file changed on the server: the cached one is dropped".into());
        }
    }

    pub(super) fn begin_again(&mut self) {
        self.forget();
        let id = format!("{:016x}", next_random(&mut self.random));
        let address = std::mem::take(&mut self.manifest.address);
        self.manifest = Manifest::new(id, address, self.options.chunk_bytes, self.manifest.last_used);
        self.generation += 1;
        self.sums.clear();
        self.chunks.clear();
        self.identity = Identity::Fresh;
        self.sniffed = false;
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
