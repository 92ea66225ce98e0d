//! The progress of a download.

use super::*;

impl Download {
    /// The present report.
    pub fn progress(&self, now: f64) -> Progress {
        let ready = |chunk: &Chunk| if let Chunk::Ready(bytes) = chunk { bytes.len() as u64 } else { 0 };
        let in_memory = self.chunks.values().map(ready).sum::<u64>()
            + self.fetches.iter().map(|fetch| fetch.bytes.len() as u64).sum::<u64>();
        let streamed = self.whole.as_ref().map_or(0, Whole::reached);
        let loaded = (self.delivered_bytes + in_memory).max(streamed);
        let total = self.total().or(self.hint);
        let remaining = total.map(|total| total.saturating_sub(loaded));
        let active = self.fetches.iter().any(|fetch| fetch.request.is_some())
            || self.whole.as_ref().is_some_and(|whole| whole.request.is_some());
        let phase = match () {
            () if self.finished && self.failure.is_none() => Phase::Done,
            () if self.identity == Identity::Asking => Phase::Connect,
            () if active && self.identity != Identity::Confirmed => Phase::Connect,
            () if active => Phase::Download,
            () if !self.fetches.is_empty() || self.whole.is_some() => Phase::Retry,
            () if self.identity == Identity::Trusted || self.cache_bytes > 0 => Phase::Cache,
            () if self.identity == Identity::Confirmed => Phase::Download,
            () => Phase::Connect,
        };
        Progress {
            phase,
            loaded,
            total,
            from_cache: self.cache_bytes.min(loaded),
            from_network: loaded.saturating_sub(self.cache_bytes),
            speed: self.throughput.speed(now),
            seconds_left: remaining.and_then(|remaining| self.throughput.seconds_left(now, remaining)),
            message: self.trouble.clone().or_else(|| self.notice.clone()),
        }
    }
}
