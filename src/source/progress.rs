//! What a load reports while it runs.

use serde::Serialize;

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking at the cache and asking the server whether the file is still the same.
    Connecting,
    /// Reading stored chunks.
    Cache,
    /// Receiving from the network.
    Download,
    /// Waiting before a failed request is tried again.
    Retry,
    /// Another tab downloads the same file; its progress is shown.
    Waiting,
    /// Reading a file or buffer that the page handed over.
    Reading,
    /// Every byte was handed on.
    Done,
}

/// One report. Bytes are those of the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// Bytes here so far.
    pub loaded: u64,
    /// Bytes of the whole, where known.
    pub total: Option<u64>,
    /// How many of `loaded` came from the cache.
    pub from_cache: u64,
    /// How many of `loaded` came over the network.
    pub from_network: u64,
    /// Bytes per second, as a mean over the last seconds.
    pub speed: Option<f64>,
    /// Seconds until the end at that speed.
    pub seconds_left: Option<f64>,
    /// A sentence for a person, when something is worth saying: why it waits, why nothing is cached.
    pub message: Option<String>,
}
