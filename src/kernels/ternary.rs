//! A ternary matrix in a kernel's layout.
use crate::Result;

use super::KernelKind;

/// `[rows, cols]`
#[derive(Debug)]
pub struct TernaryMatrix {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) scale: f32,
    pub(super) codes: Vec<i8>,
}

/// Builder
#[derive(Debug)]
pub struct TernaryBuilder(TernaryMatrix);

impl TernaryMatrix {
    /// x
    pub fn builder(_kind: KernelKind, rows: usize, cols: usize) -> Result<TernaryBuilder> {
        Ok(TernaryBuilder(Self { rows, cols, scale: 0.0, codes: vec![0; rows * cols] }))
    }
    /// x
    pub fn bytes(&self) -> usize {
        self.codes.len()
    }
    /// x
    pub fn bytes_for(_kind: KernelKind, rows: usize, cols: usize) -> usize {
        rows * cols
    }
    /// x
    pub fn scale_by(&mut self, factor: f32) {
        self.scale *= factor;
    }
}

impl TernaryBuilder {
    /// x
    pub fn push_rows(&mut self, first_row: usize, codes: &[i8]) {
        self.0.codes[first_row * self.0.cols..][..codes.len()].copy_from_slice(codes);
    }
    /// x
    pub fn finish(mut self, scale: f32) -> TernaryMatrix {
        self.0.scale = scale;
        self.0
    }
}
