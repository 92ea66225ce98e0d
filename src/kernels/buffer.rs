//! Zeroed bytes at a cache line's boundary, allocated without a panic.

use crate::{Error, ErrorKind, Result};

use super::simd::Number;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A fixed number of bytes, 64-byte aligned.
pub(super) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// `len` zeros for `what`.
    pub(super) fn zeroed(len: usize, what: &str) -> Result<Self> {
        let mut lines = Vec::new();
        let count = len.div_ceil(64);
        lines.try_reserve_exact(count).map_err(|e| {
            Error::new(
                ErrorKind::OutOfMemory,
                format!("no memory for {what} ({len} bytes): close other tabs, or load a smaller model or context"),
            )
            .with_source(e)
        })?;
        lines.resize(count, Line([0; 64]));
        Ok(Self { lines, len })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the lines are `len.div_ceil(64)` initialised arrays of 64 bytes, back to back (repr(C), size 64).
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    /// The bytes as whole numbers of `T`.
    pub(super) fn numbers<T: Number>(&self) -> &[T] {
        // SAFETY: the buffer is aligned to 64 bytes and holds `len / size_of::<T>()` initialised values; `Number` says
        // that any bytes are valid, and no number is aligned to more.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len / size_of::<T>()) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; the borrow is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// `len` times `value`; `None` if there is no memory for it.
pub(super) fn try_filled<T: Clone>(len: usize, value: T) -> Option<Vec<T>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.resize(len, value);
    Some(values)
}

/// A copy of `values`; `None` if there is no memory for it.
pub(super) fn try_copied<T: Copy>(values: &[T]) -> Option<Vec<T>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(values.len()).ok()?;
    copy.extend_from_slice(values);
    Some(copy)
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}
