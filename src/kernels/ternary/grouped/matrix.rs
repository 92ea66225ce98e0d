//! A matrix of group-scaled ternary weights.

use std::fmt;

use crate::{Error, ErrorKind, Result};

use super::super::super::buffer::Buffer;
use super::super::super::scales::{CodeSet, GroupColumns, GroupScheme};
use super::super::super::vector::f16_to_f32;
use super::super::list::Kernel;
use super::blocks::Blocks;
use super::list::side_of;
use super::product::Packed;
use super::stored;

/// The most columns: as many as a matrix with one scale may have.
const MAX_COLS: usize = 1 << 16;

/// Decodes whole groups of a row: its bytes to codes, `[cols]`, and scales as f16, `[groups]`.
pub type GroupDecoder = fn(&[u8], &mut [i8], &mut [u16]);

/// How a file stores rows of group-scaled weights, and the kernel that will multiply them.
#[derive(Clone, Copy)]
pub struct GroupFormat {
    /// The kernel.
    pub kernel: Kernel,
    /// What shares a scale, and the codes.
    pub scheme: GroupScheme,
    /// Decodes a row.
    pub decode: GroupDecoder,
    /// Whether rows are what [`GroupedBuilder::push_stored_row`] takes, so that none has to be decoded.
    pub is_packed: bool,
}

impl fmt::Debug for GroupFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} codes, a scale for {} columns", self.scheme.codes, self.scheme.columns.count())
    }
}

/// Weights `[rows, cols]`, each a code times the scale of its group.
#[derive(Debug)]
pub struct GroupedMatrix {
    kernel: Kernel,
    codes: CodeSet,
    blocks: Blocks,
    /// All scales are multiplied by this.
    factor: f32,
    /// A code is 2.
    has_two: bool,
    data: Buffer,
}

/// Packs rows as they arrive.
#[derive(Debug)]
pub struct GroupedBuilder(GroupedMatrix);

impl GroupedMatrix {
    /// A builder for a matrix that `kernel` will multiply.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had, `Unsupported` for more than 65536 columns.
    pub fn builder(kernel: Kernel, scheme: GroupScheme, rows: usize, cols: usize) -> Result<GroupedBuilder> {
        if cols > MAX_COLS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a ternary matrix of {cols} columns, at most {MAX_COLS} expected"),
            ));
        }
        let blocks = Self::blocks(kernel, scheme, rows, cols);
        let data = Buffer::zeroed(blocks.bytes(), "a ternary matrix")?;
        Ok(GroupedBuilder(Self { kernel, codes: scheme.codes, blocks, factor: 1.0, has_two: false, data }))
    }

    /// A matrix of any weights, for timing.
    ///
    /// # Errors
    /// As [`builder`](Self::builder).
    pub(crate) fn filled(kernel: Kernel, scheme: GroupScheme, rows: usize, cols: usize) -> Result<Self> {
        let mut matrix = Self::builder(kernel, scheme, rows, cols)?.finish();
        // No code of two bits is 2 then, and every scale is finite. Memory that nobody wrote might be a single page.
        matrix.data.bytes_mut().fill(0x11);
        Ok(matrix)
    }

    /// The bytes that such a matrix takes in memory.
    pub fn bytes_for(kernel: Kernel, scheme: GroupScheme, rows: usize, cols: usize) -> usize {
        Self::blocks(kernel, scheme, rows, cols).bytes()
    }

    fn blocks(kernel: Kernel, scheme: GroupScheme, rows: usize, cols: usize) -> Blocks {
        Blocks { side: side_of(kernel, scheme.codes), rows, cols, columns: scheme.columns }
    }

    /// The kernel that multiplies it.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// The columns that share a scale.
    pub fn columns(&self) -> GroupColumns {
        self.blocks.columns
    }

    /// What shares a scale, and the codes.
    pub fn scheme(&self) -> GroupScheme {
        GroupScheme { columns: self.blocks.columns, codes: self.codes }
    }

    /// out_features
    pub fn rows(&self) -> usize {
        self.blocks.rows
    }

    /// in_features
    pub fn cols(&self) -> usize {
        self.blocks.cols
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.data.bytes().len()
    }

    /// Multiplies all scales, and returns what all of them are multiplied by then.
    pub fn scale_by(&mut self, factor: f32) -> f32 {
        self.factor *= factor;
        self.factor
    }

    /// Whether a batch of tokens can be multiplied by tables of the sums of four weights: not where a code is 2.
    pub fn batches(&self) -> bool {
        !self.has_two
    }

    /// Row `row` as floats: `out` is `[cols]`.
    pub fn row(&self, row: usize, out: &mut [f32]) {
        let mut codes = [0; GroupColumns::C256.count()];
        let codes = &mut codes[..self.columns().count()];
        for (group, out) in out.chunks_mut(self.columns().count()).enumerate() {
            let scale = f16_to_f32(self.blocks.unpack(self.data.bytes(), row, group, codes)) * self.factor;
            out.iter_mut().zip(&*codes).for_each(|(out, code)| *out = f32::from(*code) * scale);
        }
    }

    pub(super) fn packed(&self) -> Packed<'_> {
        Packed { blocks: self.blocks, factor: self.factor, data: self.data.bytes() }
    }
}

impl GroupedBuilder {
    /// Takes a row, in any order: its codes, which the scheme has, `[cols]`, and the scales of its groups as f16, which must be finite.
    pub fn push_row(&mut self, row: usize, codes: &[i8], scales: &[u16]) {
        let GroupedMatrix { blocks, has_two, data, .. } = &mut self.0;
        *has_two |= codes.iter().fold(0, |most, code| most.max(*code)) > 1;
        blocks.pack(data.bytes_mut(), row, codes, scales);
    }

    /// Takes a row, in any order, from blocks of a group each: its scale as f16, and its codes, the first in the lowest bits.
    /// A ternary code has two bits, `code + 1`, and a binary one has one, which is set for +1.
    ///
    /// Returns `false`, and takes nothing, if a scale is no finite number.
    ///
    /// # Panics
    /// If the row has another length.
    pub fn push_stored_row(&mut self, row: usize, stored: &[u8]) -> bool {
        let GroupedMatrix { codes, blocks, has_two, data, .. } = &mut self.0;
        if !stored::has_finite_scales(*blocks, stored) {
            return false;
        }
        *has_two |= *codes == CodeSet::Ternary && stored::has_two(*blocks, stored);
        blocks.copy(data.bytes_mut(), row, stored);
        true
    }

    /// The matrix.
    pub fn finish(self) -> GroupedMatrix {
        self.0
    }
}
