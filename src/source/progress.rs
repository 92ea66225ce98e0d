//! The progress of a load.

use serde::{Deserialize, Serialize};

/// The phase of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Looking at the cache and asking the server whether the file is still the same.
    Connect,
    /// Reading stored chunks.
    Cache,
    /// Receiving from the network.
    Download,
    /// Waiting before a failed request is tried again.
    Retry,
    /// Another tab downloads the same file; its progress is shown.
    Wait,
    /// Reading a file or buffer that the page handed over.
    Read,
    /// Every byte was handed on.
    Done,
}

/// One report. Bytes are those of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The phase.
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

/// A function that takes reports.
pub type Report<'a> = &'a mut dyn FnMut(Progress);
