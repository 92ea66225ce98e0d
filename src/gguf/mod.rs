//! GGUF v2 and v3: header, metadata and tensor directory, read from a prefix of the file's bytes.
//!
//! Layout (all little-endian): `"GGUF"`, u32 version, u64 tensor count, u64 key count, the key/value pairs, the
//! tensor directory, padding up to `general.alignment` (32), then the tensors' data. Source: ggml's
//! `docs/gguf.md`. The parser trusts nothing: every count and length is checked against what a file may hold, and
//! nothing is allocated for bytes that have not arrived. What can be stepped over is no error before somebody asks for
//! it.

#![forbid(unsafe_code)]

mod metadata;
mod parser;
mod tensor;
mod writer;

pub(crate) use metadata::mismatch;
pub use metadata::{Array, Metadata, Value};
pub use parser::{Header, Parser, Progress};
pub use tensor::{Conversion, TensorInfo, type_name};
pub use writer::Writer;
