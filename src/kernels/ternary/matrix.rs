//! A ternary matrix in its kernel's layout.

use crate::{Error, ErrorKind, Result};

use super::super::buffer::Buffer;
use super::list::Kernel;
use super::product::{Packed, Shape};

/// The most columns: beyond it the 32-bit accumulators of `mad` (weights times 64 times int8) could overflow.
const MAX_COLS: usize = 1 << 16;

/// Weights `[rows, cols]` in {-1, 0, +1} with one scale, in the layout of one kernel.
#[derive(Debug)]
pub struct TernaryMatrix {
    kernel: Kernel,
    shape: Shape,
    scale: f32,
    data: Buffer,
}

/// Packs rows as they arrive.
#[derive(Debug)]
pub struct TernaryBuilder(TernaryMatrix);

impl TernaryMatrix {
    /// A builder for a matrix that `kernel` will multiply.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had, `Unsupported` for more than 65536 columns.
    pub fn builder(kernel: Kernel, rows: usize, cols: usize) -> Result<TernaryBuilder> {
        if cols > MAX_COLS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a ternary matrix of {cols} columns, at most {MAX_COLS} expected"),
            ));
        }
        let data = Buffer::zeroed(Self::bytes_for(kernel, rows, cols), "a ternary matrix")?;
        Ok(TernaryBuilder(Self { kernel, shape: Shape { rows, cols }, scale: 0.0, data }))
    }

    /// The bytes that such a matrix takes in memory.
    pub fn bytes_for(kernel: Kernel, rows: usize, cols: usize) -> usize {
        kernel.inner().layout().bytes(Shape { rows, cols })
    }

    /// A matrix of valid but meaningless weights: for timing a kernel without the cost of packing.
    ///
    /// # Errors
    /// As [`builder`](Self::builder).
    pub(crate) fn filled(kernel: Kernel, rows: usize, cols: usize) -> Result<Self> {
        let mut matrix = Self::builder(kernel, rows, cols)?.0;
        matrix.data.bytes_mut().fill(kernel.inner().layout().filler());
        matrix.scale = 1.0;
        Ok(matrix)
    }

    /// The kernel whose layout this is.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// out_features
    pub fn rows(&self) -> usize {
        self.shape.rows
    }

    /// in_features
    pub fn cols(&self) -> usize {
        self.shape.cols
    }

    /// The weights are this times -1, 0 or +1.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Multiplies the scale.
    pub fn scale_by(&mut self, factor: f32) {
        self.scale *= factor;
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.data.bytes().len()
    }

    pub(super) fn packed(&self) -> Packed<'_> {
        Packed { shape: self.shape, data: self.data.bytes() }
    }

    /// The number of row groups that the work on this matrix is cut into.
    pub(super) fn row_groups(&self) -> usize {
        self.kernel.inner().layout().row_groups(self.shape)
    }
}

impl TernaryBuilder {
    /// in_features
    pub fn cols(&self) -> usize {
        self.0.shape.cols
    }

    /// Takes whole rows, in any order: `codes` is `[n, cols]` in {-1, 0, +1}, `first_row` the first of them.
    pub fn push_rows(&mut self, first_row: usize, codes: &[i8]) {
        let TernaryMatrix { kernel, shape, data, .. } = &mut self.0;
        let layout = kernel.inner().layout();
        for (index, codes) in codes.chunks_exact(shape.cols).enumerate() {
            layout.pack(*shape, data.bytes_mut(), first_row + index, codes);
        }
    }

    /// The matrix, with its scale.
    pub fn finish(mut self, scale: f32) -> TernaryMatrix {
        self.0.scale = scale;
        self.0
    }
}
