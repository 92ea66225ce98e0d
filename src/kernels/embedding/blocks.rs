//! Rows as the file has them, in blocks of codes with a scale of their own: decoded where they are read, to f32, and
//! multiplied as f32 rows are. The bits are those of the same rows as floats, in a fraction of their memory.

use std::fmt;

use super::super::vector::{Dot, LANES};

/// Values that are decoded at once, on the stack: as many as the longest blocks have.
const PIECE: usize = 256;

/// A type whose rows are whole blocks.
#[derive(Clone, Copy)]
pub struct BlockFormat {
    /// The bytes of a block.
    pub bytes: usize,
    /// The weights of a block: 256, or a part of it that is a multiple of 16.
    pub len: usize,
    /// Decodes whole blocks: the bytes, and the weights that they stand for.
    pub decode: fn(&[u8], &mut [f32]),
}

impl BlockFormat {
    /// The bytes of `cols` weights.
    pub(super) const fn row_bytes(&self, cols: usize) -> usize {
        cols / self.len * self.bytes
    }

    /// The dot product of a row with `x`, in the order of [`dot`](super::super::vector::dot).
    pub(super) fn dot(&self, row: &[u8], x: &[f32]) -> f32 {
        const { assert!(PIECE.is_multiple_of(LANES)) };
        let mut dot = Dot::new();
        let mut piece = [0.0; PIECE];
        for (bytes, x) in row.chunks(self.row_bytes(PIECE)).zip(x.chunks(PIECE)) {
            let values = &mut piece[..x.len()];
            (self.decode)(bytes, values);
            dot.add::<f32>(values, x);
        }
        dot.sum()
    }
}

impl fmt::Debug for BlockFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "blocks of {} weights in {} bytes", self.len, self.bytes)
    }
}
