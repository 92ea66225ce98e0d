//! A batch of tokens quantized to int8.
use crate::pool::Pool;

use super::KernelKind;

/// `[tokens, cols]`
#[derive(Debug, Default)]
pub struct Activations {
    pub(super) tokens: usize,
    pub(super) cols: usize,
    pub(super) q: Vec<i8>,
    pub(super) scale: Vec<f32>,
}

impl Activations {
    /// x
    pub fn new() -> Self {
        Self::default()
    }

    /// x
    pub fn quantize(&mut self, _pool: &Pool, _kernel: KernelKind, x: &[f32], tokens: usize, cols: usize) {
        self.tokens = tokens;
        self.cols = cols;
        self.q.resize(x.len(), 0);
        self.scale.clear();
        for (row, q) in x.chunks_exact(cols).zip(self.q.chunks_exact_mut(cols)) {
            let max = row.iter().fold(0.0_f32, |m, v| m.max(v.abs())).max(1e-5);
            let s = 127.0 / max;
            for (q, v) in q.iter_mut().zip(row) {
                *q = (v * s).round_ties_even().clamp(-128.0, 127.0) as i8;
            }
            self.scale.push(s);
        }
    }
}
