//! A ternary matrix in its kernel's layout.

use crate::{Error, ErrorKind, Result};

use super::KernelKind;
use super::buffer::Buffer;
use super::packed::{RowLayout, TileLayout};

/// The most columns: beyond it the 32-bit accumulators of `mad` (weights times 64 times int8) could overflow.
const MAX_COLS: usize = 1 << 16;

/// Weights `[rows, cols]` in {-1, 0, +1} with one scale, in the layout of one kernel.
#[derive(Debug)]
pub struct TernaryMatrix {
    kind: KernelKind,
    rows: usize,
    cols: usize,
    scale: f32,
    data: Buffer,
}

/// Packs rows as they arrive.
#[derive(Debug)]
pub struct TernaryBuilder(TernaryMatrix);

impl TernaryMatrix {
    /// A builder for a matrix that the kernel `kind` will multiply.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had, `Unsupported` for more than 65536 columns or a kernel that this
    /// build lacks.
    pub fn builder(kind: KernelKind, rows: usize, cols: usize) -> Result<TernaryBuilder> {
        if !kind.is_available() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the kernel {} is not in this build: choose another, or none", kind.name()),
            ));
        }
        if cols > MAX_COLS {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("a ternary matrix of {cols} columns, at most {MAX_COLS} expected"),
            ));
        }
        let data = Buffer::zeroed(Self::bytes_for(kind, rows, cols), "a ternary matrix")?;
        Ok(TernaryBuilder(Self { kind, rows, cols, scale: 0.0, data }))
    }

    /// The bytes that such a matrix takes in memory.
    pub const fn bytes_for(kind: KernelKind, rows: usize, cols: usize) -> usize {
        if kind.is_lut() { TileLayout::new(rows, cols).bytes() } else { RowLayout::new(rows, cols).bytes() }
    }

    /// A matrix of valid but meaningless weights: for timing a kernel without the cost of packing.
    pub(super) fn filled(kind: KernelKind, rows: usize, cols: usize) -> Result<Self> {
        let mut matrix = Self::builder(kind, rows, cols)?.0;
        // In rows, codes 0, 1, 2, 1; in tiles, indices 4 and 6.
        matrix.data.bytes_mut().fill(0b0110_0100);
        matrix.scale = 1.0;
        Ok(matrix)
    }

    /// The kernel whose layout this is.
    pub fn kind(&self) -> KernelKind {
        self.kind
    }

    /// out_features
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// in_features
    pub fn cols(&self) -> usize {
        self.cols
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

    pub(super) fn data(&self) -> &[u8] {
        self.data.bytes()
    }

    pub(super) fn row_layout(&self) -> RowLayout {
        RowLayout::new(self.rows, self.cols)
    }

    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "only the lut kernel reads tiles"))]
    pub(super) fn tile_layout(&self) -> TileLayout {
        TileLayout::new(self.rows, self.cols)
    }

    /// The number of units that the work on this matrix is cut into.
    pub(super) fn units(&self) -> usize {
        if self.kind.is_lut() { self.tile_layout().quarter } else { self.row_layout().quarter }
    }
}

impl TernaryBuilder {
    /// Takes whole rows, in any order: `codes` is `[n, cols]` in {-1, 0, +1}, `first_row` the first of them.
    pub fn push_rows(&mut self, first_row: usize, codes: &[i8]) {
        let TernaryMatrix { kind, rows, cols, data, .. } = &mut self.0;
        for (index, codes) in codes.chunks_exact(*cols).enumerate() {
            let row = first_row + index;
            if kind.is_lut() {
                TileLayout::new(*rows, *cols).pack(data.bytes_mut(), row, codes);
            } else {
                RowLayout::new(*rows, *cols).pack(data.bytes_mut(), row, codes);
            }
        }
    }

    /// The matrix, with its scale.
    pub fn finish(mut self, scale: f32) -> TernaryMatrix {
        self.0.scale = scale;
        self.0
    }
}
