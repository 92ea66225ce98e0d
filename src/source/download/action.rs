//! How a download behaves, and the steps that it asks its caller for.

use super::super::magic::Format;
use super::super::manifest::Part;
use super::super::retry::RetryPolicy;
use crate::Error;

/// Number of a request, unique within a download.
pub type RequestId = u32;

/// How a download behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of the chunks of a new download, in bytes.
    pub chunk_bytes: u64,
    /// Requests that run at once.
    pub in_flight: usize,
    /// Whether chunks are stored.
    pub store: bool,
    /// Whether the address is on the page's own origin: only there `If-Range` costs no preflight.
    pub own_origin: bool,
    /// When to try again.
    pub retry: RetryPolicy,
    /// A request that brings nothing for this long is broken off and tried again, in milliseconds.
    pub stall_ms: f64,
    /// How long bytes of an unfinished chunk may wait before they are stored, in milliseconds: what a closed tab loses.
    pub keep_ms: f64,
    /// What the file should be: what does not begin so is refused at once.
    pub format: Format,
    /// Seed of the jitter and of the revision ids; differs from load to load.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chunk_bytes: 16 << 20,
            in_flight: 3,
            store: true,
            own_origin: false,
            retry: RetryPolicy::default(),
            stall_ms: 30_000.0,
            keep_ms: 3000.0,
            format: Format::default(),
            seed: 0,
        }
    }
}

/// The next step that the caller is to take.
#[derive(Debug)]
pub enum Action {
    /// Send a request; report with [`head`](super::Download::head), [`body`](super::Download::body), [`end`](super::Download::end) or
    /// [`failed`](super::Download::failed).
    Get {
        /// Its number.
        request: RequestId,
        /// Half-open byte range, or the whole file.
        range: Option<(u64, u64)>,
        /// Value of the `If-Range` header.
        if_range: Option<String>,
    },
    /// Break off a request; nothing more is expected of it. It may be unknown.
    Cancel {
        /// Its number.
        request: RequestId,
    },
    /// Read a stored chunk; report with [`loaded`](super::Download::loaded).
    Load {
        /// Revision of the file, to be given back.
        revision: u32,
        /// Number of the chunk.
        index: u64,
    },
    /// Write a chunk: copy [`bytes`](super::Download::bytes) now, write it together with [`manifest_with`](super::Download::manifest_with) taken at that
    /// time, one write after the other, then report with [`saved`](super::Download::saved).
    Save {
        /// Revision of the file, to be given back.
        revision: u32,
        /// Number of the chunk.
        index: u64,
    },
    /// Write some bytes of a chunk that is on its way, in the same manner: [`part_bytes`](super::Download::part_bytes),
    /// [`manifest_with_part`](super::Download::manifest_with_part), [`saved_part`](super::Download::saved_part).
    SavePart {
        /// Revision of the file, to be given back.
        revision: u32,
        /// Which bytes.
        part: Part,
    },
    /// Read the stored parts of a chunk, as [`parts_of`](super::Manifest::parts_of) names them; report with [`loaded_parts`](super::Download::loaded_parts).
    LoadParts {
        /// Revision of the file, to be given back.
        revision: u32,
        /// Number of the chunk.
        index: u64,
    },
    /// Write [`manifest_with`](super::Download::manifest_with)`(None)` after all pending writes; no report is expected.
    Seal,
    /// Remove everything stored under this id, and drop the writes that still wait.
    Forget {
        /// Id of the revision.
        id: String,
    },
    /// The next bytes of the file, in order and verified.
    Deliver {
        /// The bytes of one chunk.
        bytes: Vec<u8>,
    },
    /// Nothing to do before something is reported, or this time is reached.
    Wait {
        /// Milliseconds on the caller's clock.
        until: Option<f64>,
    },
    /// The whole file was delivered and stored.
    Done,
    /// The load has failed.
    Fail(Error),
}
