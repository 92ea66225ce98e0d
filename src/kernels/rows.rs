//! Embedding and head.
use crate::Result;
use crate::pool::Pool;

/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowFormat {
    /// x
    Int8,
    /// x
    F16,
    /// x
    Bf16,
    /// x
    F32,
}

/// x
#[derive(Debug)]
pub struct RowMatrix {
    cols: usize,
    values: Vec<f32>,
}

/// x
#[derive(Debug)]
pub struct RowBuilder(RowMatrix);

impl RowMatrix {
    /// x
    pub fn builder(_format: RowFormat, rows: usize, cols: usize) -> Result<RowBuilder> {
        Ok(RowBuilder(Self { cols, values: vec![0.0; rows * cols] }))
    }
    /// x
    pub fn bytes(&self) -> usize {
        self.values.len() * 4
    }
    /// x
    pub fn bytes_for(_f: RowFormat, rows: usize, cols: usize) -> usize {
        rows * cols * 4
    }
    /// x
    pub fn row(&self, i: usize, out: &mut [f32]) {
        out.copy_from_slice(&self.values[i * self.cols..][..self.cols]);
    }
    /// x
    pub fn matvec(&self, _pool: &Pool, x: &[f32], out: &mut [f32]) {
        for (row, out) in self.values.chunks_exact(self.cols).zip(out) {
            let mut lanes = [0.0_f32; 8];
            for (i, (a, b)) in row.iter().zip(x).enumerate() {
                lanes[i % 8] += a * b;
            }
            *out = lanes.iter().sum();
        }
    }
}

impl RowBuilder {
    /// x
    pub fn push_rows(&mut self, first: usize, values: &[f32]) {
        self.0.values[first * self.0.cols..][..values.len()].copy_from_slice(values);
    }
    /// x
    pub fn finish(self) -> RowMatrix {
        self.0
    }
}
