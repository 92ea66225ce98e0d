//! A model's bytes, wherever they come from, in order and verified.

use super::local::Local;
use super::remote::Remote;
use super::source::{SourceSpec, bad_address, part_addresses};
use super::source_options::SourceOptions;
use crate::source::digest::{Expected, Verifier};
use crate::source::{Phase, Progress, Report, Throughput, magic};
use crate::web::runtime::clock;
use crate::{Error, ErrorKind, Result};

enum Kind {
    Remote(Box<Remote>),
    Local { local: Local, verifier: Option<Verifier>, throughput: Throughput, started: bool },
}

impl Kind {
    async fn open(part: SourceSpec, options: &SourceOptions, report: Report<'_>) -> Result<Self> {
        let expected = options.integrity.as_deref().map(Expected::parse).transpose()?;
        let local = |local| Self::Local {
            local,
            verifier: expected.map(Verifier::new),
            throughput: Throughput::default(),
            started: false,
        };
        Ok(match part {
            SourceSpec::File(url) => Self::Remote(Box::new(Remote::open(&url, options.clone(), report).await?)),
            SourceSpec::Blob(blob, _) => local(Local::blob(blob)),
            SourceSpec::Stream(stream, length) => local(Local::stream(&stream, length)),
            SourceSpec::Address(_) | SourceSpec::Files(_) => {
                return Err(Error::new(ErrorKind::Internal, "a part that stands for several files"));
            }
        })
    }
}

/// A model's bytes. Dropping it breaks everything off; what was stored by then stays for the next load.
pub struct ModelReader {
    kind: Kind,
    name: String,
    options: SourceOptions,
    /// The parts that follow.
    parts: std::vec::IntoIter<SourceSpec>,
    /// Bytes of all parts of a split model.
    whole: Option<u64>,
    /// Bytes of the parts before this one.
    before: u64,
    part_bytes: u64,
    finished: Vec<Remote>,
}

impl ModelReader {
    /// Opens a source. While another tab downloads the same file, waits for it and reports its progress.
    ///
    /// # Errors
    /// `invalid_argument` for a malformed address or option. Network errors come from [`ModelReader::next`].
    pub async fn open(spec: SourceSpec, options: SourceOptions, report: Report<'_>) -> Result<Self> {
        let name = spec.name();
        let parts = match spec {
            SourceSpec::Address(text) => {
                let addresses = part_addresses(&text, options.hf_base.as_deref())?;
                addresses.into_iter().map(SourceSpec::File).collect()
            }
            other => vec![other],
        };
        Self::open_parts(name, parts, options, report).await
    }

    /// Opens a source of one or several files, which are read one after the other.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_parts(
        name: String,
        parts: Vec<SourceSpec>,
        options: SourceOptions,
        report: Report<'_>,
    ) -> Result<Self> {
        if parts.len() > 1 && options.integrity.is_some() {
            let message = "integrity: one digest cannot be that of a file in several parts";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let mut parts = parts.into_iter();
        let Some(first) = parts.next() else { return Err(bad_address(&name)) };
        let kind = Kind::open(first, &options, report).await?;
        Ok(Self { kind, name, options, parts, whole: None, before: 0, part_bytes: 0, finished: Vec::new() })
    }

    /// Says how many bytes all parts have together, for the display.
    pub fn set_whole(&mut self, bytes: u64) {
        self.whole = Some(bytes);
    }

    /// Bytes of the present part, where that is certain.
    pub fn total(&self) -> Option<u64> {
        match &self.kind {
            Kind::Remote(remote) => remote.total(),
            Kind::Local { local, .. } => local.total(),
        }
    }

    /// The next bytes of the present part, `None` at its end.
    ///
    /// # Errors
    /// `network`, `not_found`, `changed`, `integrity`, `invalid_gguf` (what arrives is an error page or another kind of
    /// file) or `storage` (a local file cannot be read). What was stored by then stays, but for `changed` and
    /// `integrity`.
    pub async fn next(&mut self, report: Report<'_>) -> Result<Option<Vec<u8>>> {
        let (before, whole) = (self.before, self.whole);
        let bytes = match &mut self.kind {
            Kind::Remote(remote) => {
                let mut shift = |progress: Progress| report(shifted(progress, before, whole));
                remote.next(&mut shift).await?
            }
            Kind::Local { local, verifier, throughput, started } => {
                let mut bytes = local.next().await?;
                if !std::mem::replace(started, true) {
                    // A stream's first pieces may be of any size, and empty.
                    while let Some(prefix) = bytes.as_mut().filter(|prefix| prefix.len() < magic::PREFIX_BYTES) {
                        let Some(more) = local.next().await? else { break };
                        prefix.extend_from_slice(&more);
                    }
                    if let Some(error) =
                        magic::refuse(self.options.format, bytes.as_deref().unwrap_or_default(), &self.name)
                    {
                        return Err(error);
                    }
                }
                let now = clock::unix_ms();
                match (&bytes, verifier.as_mut()) {
                    (Some(bytes), Some(verifier)) => verifier.update(bytes),
                    (None, Some(_)) => drop(verifier.take().map(|verifier| verifier.finish(&self.name)).transpose()?),
                    _ => {}
                }
                let loaded = self.part_bytes + bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
                throughput.record(now, loaded - self.part_bytes);
                let progress = local_progress(loaded, local.total(), throughput, now, bytes.is_none());
                report(shifted(progress, before, whole));
                bytes
            }
        };
        self.part_bytes += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(bytes)
    }

    /// Goes on with the next part after [`ModelReader::next`] gave `None`; `false` when there is none.
    ///
    /// # Errors
    /// As [`ModelReader::open`].
    pub async fn next_part(&mut self, report: Report<'_>) -> Result<bool> {
        let Some(part) = self.parts.next() else { return Ok(false) };
        let kind = Kind::open(part, &self.options, report).await?;
        self.before += std::mem::take(&mut self.part_bytes);
        if let Kind::Remote(previous) = std::mem::replace(&mut self.kind, kind) {
            self.finished.push(*previous);
        }
        Ok(true)
    }

    /// The model was built: the cache notes that it was used.
    pub async fn finish(mut self) {
        for remote in self.remotes() {
            remote.finish().await;
        }
    }

    /// The bytes are no usable model: nothing of them is kept.
    pub async fn reject(mut self) {
        for remote in self.remotes() {
            remote.reject().await;
        }
    }

    fn remotes(&mut self) -> impl Iterator<Item = &mut Remote> {
        let last = match &mut self.kind {
            Kind::Remote(remote) => Some(&mut **remote),
            Kind::Local { .. } => None,
        };
        self.finished.iter_mut().chain(last)
    }
}

/// Progress over all parts.
fn shifted(progress: Progress, before: u64, whole: Option<u64>) -> Progress {
    let Some(whole) = whole else { return progress };
    let loaded = progress.loaded + before;
    let phase = if progress.phase == Phase::Done && loaded < whole { Phase::Connect } else { progress.phase };
    let seconds_left = progress.speed.map(|speed| whole.saturating_sub(loaded) as f64 / speed);
    Progress { phase, loaded, total: Some(whole), seconds_left, from_cache: progress.from_cache + before, ..progress }
}

fn local_progress(loaded: u64, total: Option<u64>, throughput: &Throughput, now: f64, done: bool) -> Progress {
    Progress {
        phase: if done { Phase::Done } else { Phase::Read },
        loaded,
        total: if done { Some(loaded) } else { total },
        from_cache: 0,
        from_network: 0,
        speed: throughput.speed(now),
        seconds_left: total.and_then(|total| throughput.seconds_left(now, total.saturating_sub(loaded))),
        message: None,
    }
}
