//! Cuts a byte stream into whole rows: bytes come in pieces of any size, rows go out in slices that borrow the input
//! where they can.

/// Collects the bytes of a partial row between two pushes.
#[derive(Debug)]
pub(super) struct RowCutter {
    row_bytes: usize,
    partial: Vec<u8>,
}

impl RowCutter {
    pub(super) fn new(row_bytes: usize) -> Self {
        Self { row_bytes, partial: Vec::new() }
    }

    /// The bytes of a row.
    pub(super) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// The bytes of the row that has begun.
    pub(super) fn partial_len(&self) -> usize {
        self.partial.len()
    }

    /// Calls `each` with slices of whole rows (a multiple of the row's bytes), in order.
    pub(super) fn push<E>(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if !self.partial.is_empty() {
            let take = bytes.len().min(self.row_bytes - self.partial.len());
            self.partial.extend_from_slice(&bytes[..take]);
            bytes = &bytes[take..];
            if self.partial.len() < self.row_bytes {
                return Ok(());
            }
            each(&self.partial)?;
            self.partial.clear();
        }
        let whole = bytes.len() - bytes.len() % self.row_bytes;
        if whole > 0 {
            each(&bytes[..whole])?;
        }
        self.partial.extend_from_slice(&bytes[whole..]);
        Ok(())
    }
}
