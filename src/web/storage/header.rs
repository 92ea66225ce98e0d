//! The GGUF header of a model, read without its weights.

use super::reader::ModelReader;
use super::source::SourceSpec;
use super::source_options::SourceOptions;
use crate::checkpoint::{Safetensors, header_bytes};
use crate::gguf::{Header, Parser, Progress};
use crate::source::magic::Format;
use crate::source::manifest::checksum;
use crate::source::split::{self, Span};
use crate::{Error, ErrorKind, Result};

/// Bytes of one request. Headers are from a few KB to 10 MB long.
const CHUNK_BYTES: u64 = 256 << 10;

/// The joined header of a split model.
pub struct SplitHeader {
    /// The header of all parts together; its data section begins at byte 0.
    pub header: Header,
    /// Which bytes of each part belong to the joined data section.
    pub spans: Vec<Span>,
    /// Bytes of all parts.
    pub bytes: u64,
    /// For each part the checksum of the bytes that its header was read from, where it may be another file by the time that its data
    /// is read; empty if that does not matter.
    pub starts: Vec<u64>,
}

/// Reads the header of a file, and its length in bytes where that is known.
pub async fn read(spec: SourceSpec, options: &SourceOptions) -> Result<(Header, Option<u64>)> {
    let mut reader = ModelReader::open(spec, options.clone().for_probe(CHUNK_BYTES), &mut |_| {}).await?;
    let mut parser = Parser::new();
    let (mut prefix, mut needed) = (Vec::new(), 0);
    loop {
        let Some(bytes) = reader.next(&mut |_| {}).await? else {
            return Err(Error::new(ErrorKind::Truncated, "the file ends inside its directory: it was cut off"));
        };
        prefix.extend_from_slice(&bytes);
        if (prefix.len() as u64) < needed {
            continue;
        }
        match parser.parse(&prefix)? {
            Progress::NeedMore(bytes) => needed = bytes,
            Progress::Done(header) => return Ok((header, reader.total())),
        }
    }
}

/// Reads the header of a safetensors file, and the checksum of its bytes.
pub async fn read_safetensors(spec: SourceSpec, options: &SourceOptions) -> Result<(Safetensors, u64)> {
    let options = SourceOptions { format: Format::Safetensors, ..options.clone().for_probe(CHUNK_BYTES) };
    let mut reader = ModelReader::open(spec, options, &mut |_| {}).await?;
    let mut prefix = Vec::new();
    while (prefix.len() as u64) < header_bytes(&prefix)? {
        let Some(bytes) = reader.next(&mut |_| {}).await? else { break };
        prefix.extend_from_slice(&bytes);
    }
    let header = Safetensors::parse(&prefix, reader.total())?;
    let start = checksum(&prefix[..header.data_offset as usize]);
    Ok((header, start))
}

/// Reads and joins the headers of all parts of a split model.
pub async fn read_split(parts: &[web_sys::Url], options: &SourceOptions) -> Result<SplitHeader> {
    let mut headers = Vec::with_capacity(parts.len());
    for part in parts {
        let (header, bytes) = read(SourceSpec::File(part.clone()), options).await?;
        let bytes = bytes.ok_or_else(|| {
            let message = format!("{}: the server hides how long this part of a split model is", part.href());
            Error::new(ErrorKind::Network, message)
        })?;
        headers.push((header, bytes));
    }
    let bytes = headers.iter().map(|(_, bytes)| bytes).sum();
    let (header, spans) = split::join(headers)?;
    Ok(SplitHeader { header, spans, bytes, starts: Vec::new() })
}
