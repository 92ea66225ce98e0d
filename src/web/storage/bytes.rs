//! Bytes on their way from the browser into the engine's memory.

use std::hint::black_box;

use js_sys::Uint8Array;

use crate::{Error, ErrorKind, Result};

/// A copy of `bytes` in the engine's memory.
///
/// # Errors
/// `out_of_memory` if there is no room for it.
pub fn copy(bytes: &Uint8Array) -> Result<Vec<u8>> {
    let length = bytes.length() as usize;
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(length).map_err(|_| {
        Error::new(
            ErrorKind::OutOfMemory,
            format!("{length} bytes of the file have no room in memory: use a smaller context or a smaller model"),
        )
    })?;
    // Given back for the copy, which fills its memory once; this vector would have to be filled with zeros first.
    drop(black_box(room));
    Ok(bytes.to_vec())
}
