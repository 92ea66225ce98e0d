//! Where a model comes from.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, ReadableStream};

use super::folder::Place;
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
    /// The files of a folder, by name.
    Files(Vec<(String, Blob)>),
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
        if let Some(files) = globals::get(value, "files") {
            let files = Array::from(&files);
            let file = |file: JsValue| {
                let name = globals::get(&file, "name").and_then(|name| name.as_string()).unwrap_or_default();
                globals::get(&file, "blob").map(|blob| (name, blob.unchecked_into()))
            };
            return Ok(Self::Files(files.iter().filter_map(file).collect()));
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

    /// The folder that is meant, if it is one. Files in the page's hands must have those that are `needed`.
    ///
    /// # Errors
    /// `invalid_argument` for a malformed address, or files among which one is missing.
    pub fn folder(&self, hf_base: Option<&str>, needed: &[&str]) -> Result<Option<Place>> {
        match self {
            Self::Address(text) => address::folder(text, hf_base).map(|folder| Place::remote(folder, text)).transpose(),
            Self::Files(files) => Place::local(files.clone(), needed).map(Some),
            Self::File(_) | Self::Blob(..) | Self::Stream(..) => Ok(None),
        }
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
            Self::Files(_) => "the folder".into(),
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
