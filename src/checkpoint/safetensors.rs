//! The header of a safetensors file: 8 bytes that hold its length, JSON, and then the data of all tensors.
//!
//! ```text
//! {"name": {"dtype": "BF16", "shape": [rows, cols], "data_offsets": [begin, end]}, ..., "__metadata__": {...}}
//! ```
//!
//! Source: the format's description in huggingface/safetensors. That project's crate, which the tests compare with, counts
//! bytes in `usize`: in WebAssembly it reads no file beyond 4 GiB, and the master weights of BitNet b1.58 2B4T are one of 4.8 GB.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use super::json::invalid;
use crate::{Error, ErrorKind, Result};

/// The limit of the format's own implementation.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// Bytes that hold the length of the JSON text.
const LENGTH_BYTES: usize = 8;

/// The tensors of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Safetensors {
    /// In the order of their data.
    pub(crate) entries: Vec<Entry>,
    /// Where the data begins, in bytes from the start of the file.
    pub data_offset: u64,
    /// The bytes of all data.
    pub data_bytes: u64,
}

/// One tensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) dtype: String,
    /// The last dimension is contiguous.
    pub(crate) shape: Vec<u64>,
    /// Bytes from the start of the data.
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

/// The least number of bytes that the beginning of a file must have for [`Safetensors::parse`], as far as `prefix` tells.
///
/// # Errors
/// `InvalidModel` if no header is as long as this one claims to be.
pub fn header_bytes(prefix: &[u8]) -> Result<u64> {
    let Some(length) = prefix.first_chunk::<LENGTH_BYTES>() else { return Ok(LENGTH_BYTES as u64) };
    let length = u64::from_le_bytes(*length);
    if !(2..=MAX_HEADER_BYTES).contains(&length) {
        let expected = format!("expected a header of 2 to {MAX_HEADER_BYTES} bytes, found {length}");
        return Err(damaged(&format!("{expected}: this is no safetensors file, or a damaged one")));
    }
    Ok(LENGTH_BYTES as u64 + length)
}

impl Safetensors {
    /// Reads the header at the start of a file. `file_bytes`: the length of the file, where it is known.
    ///
    /// # Errors
    /// `Truncated` if the file is shorter than its tensors, `InvalidModel` for anything else that is wrong.
    pub fn parse(prefix: &[u8], file_bytes: Option<u64>) -> Result<Self> {
        let data_offset = header_bytes(prefix)?;
        let text = prefix.get(LENGTH_BYTES..data_offset as usize).ok_or_else(|| {
            Error::new(ErrorKind::Truncated, "safetensors: the file ends inside its header: it was cut off")
        })?;
        let Directory(mut entries) = serde_json::from_slice(text)
            .map_err(|source| damaged(&format!("the header cannot be read: {source}")).with_source(source))?;
        entries.sort_by_key(|entry| (entry.begin, entry.end));
        let mut end = 0;
        for entry in &entries {
            entry.check()?;
            if entry.begin != end {
                let message = format!("the data of tensor {} begins at {}, expected {end}", entry.name, entry.begin);
                return Err(damaged(&message));
            }
            end = entry.end;
        }
        let needed = data_offset.checked_add(end).ok_or_else(|| damaged("its tensors are too long"))?;
        match file_bytes {
            Some(found) if found < needed => Err(Error::new(
                ErrorKind::Truncated,
                format!("the file has {found} bytes, its tensors need {needed}: it was cut off; fetch it again"),
            )),
            Some(found) if found > needed => {
                Err(damaged(&format!("the file has {found} bytes, its tensors end at {needed}")))
            }
            _ => Ok(Self { entries, data_offset, data_bytes: end }),
        }
    }
}

impl Entry {
    fn check(&self) -> Result<()> {
        let Self { name, dtype, shape, begin, end } = self;
        let elements = shape.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim));
        let bits = elements.zip(bits(dtype)).and_then(|(elements, bits)| elements.checked_mul(bits));
        let bytes = end.checked_sub(*begin);
        // A type that this crate does not know is refused where somebody needs the tensor.
        let fits = bits.is_none_or(|bits| bits.is_multiple_of(8) && Some(bits / 8) == bytes);
        if elements.is_none() || bytes.is_none() || !fits {
            let message = format!("tensor {name}: {dtype} {shape:?} does not fit its bytes {begin} to {end}");
            return Err(damaged(&message));
        }
        Ok(())
    }
}

/// Bits of one element.
fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "U8" | "I8" | "BOOL" => 8,
        _ => return None,
    })
}

fn damaged(what: &str) -> Error {
    invalid(format!("safetensors: {what}"))
}

/// The header as it is written.
struct Directory(Vec<Entry>);

#[derive(Deserialize)]
struct Info {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'de> Deserialize<'de> for Directory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Directory;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Directory, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let Info { dtype, shape, data_offsets: (begin, end) } = map.next_value()?;
                    entries.push(Entry { name, dtype, shape, begin, end });
                }
                Ok(Directory(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
