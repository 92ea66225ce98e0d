//! Keys and values.
use super::Config;
use crate::Result;
use crate::load::Precision;

/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvFormat {
    /// x
    F32,
    /// x
    F16,
}

impl KvFormat {
    /// x
    pub fn of(precision: Precision) -> Self {
        match precision {
            Precision::Fast => Self::F16,
            Precision::Exact => Self::F32,
        }
    }
    /// x
    pub fn element_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// x
#[derive(Debug)]
pub struct KvCache {
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) head_dim: usize,
    len: usize,
    k: Vec<Vec<f32>>,
    v: Vec<Vec<f32>>,
}

impl KvCache {
    /// x
    pub fn new(config: &Config, _format: KvFormat, _context: usize) -> Result<Self> {
        Ok(Self {
            n_heads: config.n_heads,
            n_kv_heads: config.n_kv_heads,
            head_dim: config.head_dim,
            len: 0,
            k: vec![Vec::new(); config.n_layers],
            v: vec![Vec::new(); config.n_layers],
        })
    }
    /// x
    pub fn len(&self) -> usize {
        self.len
    }
    /// x
    pub fn bytes(&self) -> usize {
        0
    }
    /// x
    pub fn reserve(&mut self, _n: usize) -> Result<()> {
        Ok(())
    }
    /// x
    pub fn truncate(&mut self, n: usize) {
        self.len = n;
        let w = self.n_kv_heads * self.head_dim;
        self.k.iter_mut().chain(&mut self.v).for_each(|b| b.truncate(n * w));
    }
    /// x
    pub fn advance(&mut self, n: usize) {
        self.len += n;
    }
    /// x
    pub fn store(&mut self, layer: usize, _pos: usize, k: &[f32], v: &[f32]) {
        self.k[layer].extend_from_slice(k);
        self.v[layer].extend_from_slice(v);
    }
    pub(crate) fn k(&self, layer: usize, pos: usize, h: usize) -> &[f32] {
        &self.k[layer][(pos * self.n_kv_heads + h) * self.head_dim..][..self.head_dim]
    }
    pub(crate) fn v(&self, layer: usize, pos: usize, h: usize) -> &[f32] {
        &self.v[layer][(pos * self.n_kv_heads + h) * self.head_dim..][..self.head_dim]
    }
}
