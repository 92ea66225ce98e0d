//! What the rows of a matrix are kept as: for those who want to look at a matrix. No product needs it.

use super::super::ternary::GroupedMatrix;
use super::{Data, RowMatrix};

impl RowMatrix {
    /// The ternary codes and scales, where it keeps its rows as such.
    pub fn as_codes(&self) -> Option<&GroupedMatrix> {
        match &self.data {
            Data::Grouped(matrix) | Data::Widened(matrix) => Some(matrix),
            _ => None,
        }
    }

    /// The bytes of a row as the file has them, where it keeps quantized blocks.
    pub fn stored_blocks(&self, row: usize) -> Option<&[u8]> {
        match &self.data {
            Data::Blocks(blocks, data) => Some(self.blocks(blocks, data, row)),
            _ => None,
        }
    }
}
