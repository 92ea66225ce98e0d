//! Files, buffers and streams that the page hands over: read piece by piece, never kept.

use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader};

use super::bytes;
use crate::web::runtime::{globals, thrown};
use crate::{ErrorKind, Result};

/// Bytes of one slice.
const SLICE_BYTES: f64 = (8 << 20) as f64;

/// Something local that gives bytes in order.
pub enum Local {
    /// A dropped file or another Blob, read by slices; the next slice is read while the last one is used.
    Blob { blob: Blob, offset: f64, ahead: Option<(f64, JsFuture)> },
    /// A stream.
    Stream { reader: ReadableStreamDefaultReader, length: Option<u64> },
}

impl Local {
    /// Reads `blob` from its start.
    pub fn blob(blob: Blob) -> Self {
        Self::Blob { blob, offset: 0.0, ahead: None }
    }

    /// Reads `stream`, of `length` bytes if that is known.
    pub fn stream(stream: &ReadableStream, length: Option<u64>) -> Self {
        Self::Stream { reader: stream.get_reader().unchecked_into(), length }
    }

    /// Bytes in all, where known.
    pub fn total(&self) -> Option<u64> {
        match self {
            Self::Blob { blob, .. } => Some(blob.size() as u64),
            Self::Stream { length, .. } => *length,
        }
    }

    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Blob { blob, offset, ahead } => {
                let size = blob.size();
                let (end, reading) = match ahead.take() {
                    Some(ahead) => ahead,
                    None if *offset >= size => return Ok(None),
                    None => slice(blob, *offset)?,
                };
                let buffer = reading.await.map_err(|thrown| {
                    thrown::to_error(ErrorKind::Storage, "the file cannot be read (was it moved or changed?)", &thrown)
                })?;
                *offset = end;
                if end < size {
                    *ahead = Some(slice(blob, end)?);
                }
                bytes::copy(&Uint8Array::new(&buffer)).map(Some)
            }
            Self::Stream { reader, .. } => {
                let piece = JsFuture::from(reader.read())
                    .await
                    .map_err(|thrown| thrown::to_error(ErrorKind::Network, "the stream failed", &thrown))?;
                globals::get(&piece, "value").map(|piece| bytes::copy(piece.unchecked_ref())).transpose()
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Self::Stream { reader, .. } = self {
            // It tells the stream's source to stop. The answer is of no interest, a refusal is no crash: both are heard.
            drop(JsFuture::from(reader.cancel()));
        }
    }
}

fn slice(blob: &Blob, start: f64) -> Result<(f64, JsFuture)> {
    let end = (start + SLICE_BYTES).min(blob.size());
    let part = blob
        .slice_with_f64_and_f64(start, end)
        .map_err(|thrown| thrown::to_error(ErrorKind::Storage, "the file cannot be read", &thrown))?;
    Ok((end, JsFuture::from(part.array_buffer())))
}
