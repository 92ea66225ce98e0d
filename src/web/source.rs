//! A model's bytes, wherever they come from, in order and verified.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, ReadableStream};

use super::blob::Local;
use super::remote::{Remote, Report, bad_address};
use super::source_options::SourceOptions;
use super::{error, scope};
use crate::source::digest::{Expected, Verifier};
use crate::source::{Pace, Phase, Progress, address, sniff};
use crate::{Error, ErrorKind, Result};

/// Where a model comes from.
pub enum SourceSpec {
    /// An address: a URL (relative to this script if not absolute), or `hf:owner/repo/file.gguf`. Any part of a split
    /// GGUF stands for all of them.
    Address(String),
    /// One file by its absolute address.
    File(web_sys::Url),
    /// A file or another Blob, and what to call it.
    Blob(Blob, String),
    /// A stream of bytes, and their number where it is known.
    Stream(ReadableStream, Option<u64>),
}

impl SourceSpec {
    /// Reads `{ url }`, `{ blob, name }`, `{ stream, length }` or `{ bytes }`.
    ///
    /// # Errors
    /// `invalid_argument` for anything else.
    pub fn from_js(value: &JsValue) -> Result<Self> {
        let text = |name| scope::get(value, name).and_then(|text| text.as_string());
        if let Some(url) = text("url") {
            return Ok(Self::Address(url));
        }
        if let Some(blob) = scope::get(value, "blob") {
            return Ok(Self::Blob(blob.unchecked_into(), text("name").unwrap_or_default()));
        }
        if let Some(stream) = scope::get(value, "stream") {
            let length = scope::get(value, "length").and_then(|length| length.as_f64()).map(|length| length as u64);
            return Ok(Self::Stream(stream.unchecked_into(), length));
        }
        if let Some(bytes) = scope::get(value, "bytes") {
            let blob = Blob::new_with_buffer_source_sequence(&js_sys::Array::of1(&Uint8Array::new(&bytes)));
            let blob = blob.map_err(|thrown| error::from_js(ErrorKind::InvalidArgument, "bytes", &thrown))?;
            return Ok(Self::Blob(blob, String::new()));
        }
        Err(Error::new(ErrorKind::InvalidArgument, "source: expected an address, a Blob, a stream or bytes"))
    }

    /// The addresses of a model that is split into several files; empty for any other.
    ///
    /// # Errors
    /// `invalid_argument` for a malformed address.
    pub fn split(&self, hf_base: Option<&str>) -> Result<Vec<web_sys::Url>> {
        let Self::Address(text) = self else { return Ok(Vec::new()) };
        let parts = part_addresses(text, hf_base)?;
        Ok(if parts.len() > 1 { parts } else { Vec::new() })
    }

    /// What the file is called in messages and lists.
    pub fn name(&self) -> String {
        match self {
            Self::Address(text) => address::file_name(text),
            Self::File(url) => address::file_name(&url.href()),
            Self::Blob(_, name) if !name.is_empty() => name.clone(),
            Self::Blob(..) => "the file".into(),
            Self::Stream(..) => "the stream".into(),
        }
    }
}

/// The addresses, made absolute, of all parts of the model at `text`.
pub fn part_addresses(text: &str, hf_base: Option<&str>) -> Result<Vec<web_sys::Url>> {
    let resolved = address::resolve(text, hf_base)?;
    let parts = address::parts(&resolved)?;
    parts.iter().map(|part| scope::absolute(part).map_err(|_| bad_address(part))).collect()
}

enum Kind {
    Remote(Box<Remote>),
    Local { local: Local, verifier: Option<Verifier>, pace: Pace, started: bool },
}

/// A model's bytes. Dropping it breaks everything off; what was stored by then stays for the next load.
pub struct Source {
    kind: Kind,
    name: String,
    options: SourceOptions,
    /// Addresses of the parts that follow.
    parts: std::vec::IntoIter<web_sys::Url>,
    /// Bytes of all parts of a split model.
    whole: Option<u64>,
    /// Bytes of the parts before this one.
    before: u64,
    part_bytes: u64,
    finished: Vec<Remote>,
}

impl Source {
    /// Opens a source. While another tab downloads the same file, waits for it and reports its progress.
    ///
    /// # Errors
    /// `invalid_argument` for a malformed address or option. Network errors come from [`Source::next`].
    pub async fn open(spec: SourceSpec, options: SourceOptions, report: Report<'_>) -> Result<Self> {
        let name = spec.name();
        let expected = options.integrity.as_deref().map(Expected::parse).transpose()?;
        let local =
            |local| Kind::Local { local, verifier: expected.map(Verifier::new), pace: Pace::default(), started: false };
        let mut parts = Vec::new().into_iter();
        let kind = match spec {
            SourceSpec::Address(text) => {
                let addresses = part_addresses(&text, options.hf_base.as_deref())?;
                if addresses.len() > 1 && expected.is_some() {
                    let message = "integrity: one digest cannot be that of a file in several parts";
                    return Err(Error::new(ErrorKind::InvalidArgument, message));
                }
                parts = addresses.into_iter();
                let Some(first) = parts.next() else { return Err(bad_address(&text)) };
                Kind::Remote(Box::new(Remote::open(&first, options.clone(), report).await?))
            }
            SourceSpec::File(url) => Kind::Remote(Box::new(Remote::open(&url, options.clone(), report).await?)),
            SourceSpec::Blob(blob, _) => local(Local::blob(blob)),
            SourceSpec::Stream(stream, length) => local(Local::stream(&stream, length)),
        };
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
            Kind::Local { local, verifier, pace, started } => {
                let mut bytes = local.next().await?;
                if !std::mem::replace(started, true) {
                    // A stream's first pieces may be of any size, and empty.
                    while let Some(prefix) = bytes.as_mut().filter(|prefix| prefix.len() < sniff::SNIFF_BYTES) {
                        let Some(more) = local.next().await? else { break };
                        prefix.extend_from_slice(&more);
                    }
                    if let Some(error) = sniff::refuse(bytes.as_deref().unwrap_or_default(), &self.name) {
                        return Err(error);
                    }
                }
                let now = scope::now();
                match (&bytes, verifier.as_mut()) {
                    (Some(bytes), Some(verifier)) => verifier.update(bytes),
                    (None, Some(_)) => drop(verifier.take().map(|verifier| verifier.finish(&self.name)).transpose()?),
                    _ => {}
                }
                let loaded = self.part_bytes + bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
                pace.record(now, loaded - self.part_bytes);
                report(local_progress(loaded, local.total(), pace, now, bytes.is_none()));
                bytes
            }
        };
        self.part_bytes += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(bytes)
    }

    /// Goes on with the next part after [`Source::next`] gave `None`; `false` when there is none.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub async fn next_part(&mut self, report: Report<'_>) -> Result<bool> {
        let Some(address) = self.parts.next() else { return Ok(false) };
        let remote = Remote::open(&address, self.options.clone(), report).await?;
        self.before += std::mem::take(&mut self.part_bytes);
        if let Kind::Remote(previous) = std::mem::replace(&mut self.kind, Kind::Remote(Box::new(remote))) {
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

fn local_progress(loaded: u64, total: Option<u64>, pace: &Pace, now: f64, done: bool) -> Progress {
    Progress {
        phase: if done { Phase::Done } else { Phase::Read },
        loaded,
        total: if done { Some(loaded) } else { total },
        from_cache: 0,
        from_network: 0,
        speed: pace.speed(now),
        seconds_left: total.and_then(|total| pace.seconds_left(now, total.saturating_sub(loaded))),
        message: None,
    }
}
