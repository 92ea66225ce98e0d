//! Where a model comes from.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, ReadableStream};

use crate::source::address;
use crate::web::runtime::{globals, thrown};
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
        let text = |name| globals::get(value, name).and_then(|text| text.as_string());
        if let Some(url) = text("url") {
            return Ok(Self::Address(url));
        }
        if let Some(blob) = globals::get(value, "blob") {
            return Ok(Self::Blob(blob.unchecked_into(), text("name").unwrap_or_default()));
        }
        if let Some(stream) = globals::get(value, "stream") {
            let length = globals::get(value, "length").and_then(|length| length.as_f64()).map(|length| length as u64);
            return Ok(Self::Stream(stream.unchecked_into(), length));
        }
        if let Some(bytes) = globals::get(value, "bytes") {
            let blob = Blob::new_with_buffer_source_sequence(&js_sys::Array::of1(&Uint8Array::new(&bytes)));
            let blob = blob.map_err(|thrown| thrown::to_error(ErrorKind::InvalidArgument, "bytes", &thrown))?;
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

    /// The file's name in messages and lists.
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
    parts.iter().map(|part| globals::absolute(part).map_err(|_| bad_address(part))).collect()
}

/// The error for a text that is no address.
pub fn bad_address(address: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{address}: this is no valid address"))
}
