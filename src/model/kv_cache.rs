//! Keys and values of one sequence.
//!
//! Memory comes in blocks of 256 positions, taken when the sequence reaches them: most conversations never fill the
//! context, and on a phone the unused part of it would be the difference between running and not. Within a block each
//! key/value head's rows are contiguous, which is how attention reads them.

use crate::kernels::{HeadShape, f32_to_f16};
use crate::load::Precision;
use crate::{Error, ErrorKind, Result};

use super::Config;

/// Positions of one block.
const BLOCK: usize = 256;

/// How keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvFormat {
    /// Exactly.
    F32,
    /// In half the memory.
    F16,
}

impl KvFormat {
    /// The format that a precision asks for.
    pub fn of(precision: Precision) -> Self {
        match precision {
            Precision::Fast => Self::F16,
            Precision::Exact => Self::F32,
        }
    }

    /// Bytes of one number.
    pub const fn element_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }
}

/// Some consecutive rows of one head, `[rows, head_dim]`.
#[derive(Clone, Copy, Debug)]
pub enum KvRows<'a> {
    /// As f32.
    F32(&'a [f32]),
    /// As f16 bits.
    F16(&'a [u16]),
}

/// `[n_kv_heads, BLOCK, head_dim]`
#[derive(Debug)]
enum Block {
    F32(Vec<f32>),
    F16(Vec<u16>),
}

/// The KV cache of one sequence, over all layers.
#[derive(Debug)]
pub struct KvCache {
    shape: HeadShape,
    format: KvFormat,
    n_layers: usize,
    context: usize,
    len: usize,
    /// `[blocks][2 * layer]` holds keys, `[2 * layer + 1]` values.
    blocks: Vec<Vec<Block>>,
}

impl KvCache {
    /// An empty cache for at most `context` positions.
    pub fn new(config: &Config, format: KvFormat, context: usize) -> Self {
        let Config { n_heads, n_kv_heads, head_dim, n_layers, .. } = *config;
        let shape = HeadShape { n_heads, n_kv_heads, head_dim };
        Self { shape, format, n_layers, context, len: 0, blocks: Vec::new() }
    }

    /// The heads.
    pub fn shape(&self) -> HeadShape {
        self.shape
    }

    /// Positions that are filled in all layers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position is filled.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes taken so far.
    pub fn bytes(&self) -> usize {
        self.blocks.len() * self.block_elements() * 2 * self.n_layers * self.format.element_bytes()
    }

    /// Makes sure that `positions` fit.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had; what is there stays.
    ///
    /// # Panics
    /// If that is more than the context.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        assert!(positions <= self.context);
        while self.blocks.len() * BLOCK < positions {
            let block = (0..2 * self.n_layers).map(|_| self.block()).collect::<Option<Vec<_>>>().ok_or_else(|| {
                Error::new(
                    ErrorKind::OutOfMemory,
                    format!(
                        "no memory for the keys and values of {positions} tokens: begin a new chat, close other tabs, \
                         or load the model with a smaller context"
                    ),
                )
            })?;
            self.blocks.push(block);
        }
        Ok(())
    }

    /// Forgets all but the first `len` positions. The memory is kept for the next ones.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Says that `positions` more are stored in all layers.
    pub fn advance(&mut self, positions: usize) {
        self.len += positions;
    }

    /// Stores one position of one layer; `k` and `v` are `[n_kv_heads, head_dim]`.
    ///
    /// # Panics
    /// If the position was not reserved.
    pub fn store(&mut self, layer: usize, position: usize, k: &[f32], v: &[f32]) {
        let head_dim = self.shape.head_dim;
        let block = &mut self.blocks[position / BLOCK];
        for (block, values) in block[2 * layer..2 * layer + 2].iter_mut().zip([k, v]) {
            for (head, values) in values.chunks_exact(head_dim).enumerate() {
                let at = (head * BLOCK + position % BLOCK) * head_dim;
                match block {
                    Block::F32(block) => block[at..][..head_dim].copy_from_slice(values),
                    Block::F16(block) => {
                        for (half, &value) in block[at..][..head_dim].iter_mut().zip(values) {
                            *half = f32_to_f16(value);
                        }
                    }
                }
            }
        }
    }

    /// The keys of one head at the positions `0..positions`, block by block.
    pub fn keys(&self, layer: usize, kv_head: usize, positions: usize) -> impl Iterator<Item = KvRows<'_>> {
        self.rows(2 * layer, kv_head, positions)
    }

    /// The values of one head at the positions `0..positions`, block by block.
    pub fn values(&self, layer: usize, kv_head: usize, positions: usize) -> impl Iterator<Item = KvRows<'_>> {
        self.rows(2 * layer + 1, kv_head, positions)
    }

    fn rows(&self, part: usize, kv_head: usize, positions: usize) -> impl Iterator<Item = KvRows<'_>> {
        let head_dim = self.shape.head_dim;
        self.blocks.iter().take(positions.div_ceil(BLOCK)).enumerate().map(move |(index, block)| {
            let rows = BLOCK.min(positions - index * BLOCK);
            let range = kv_head * BLOCK * head_dim..(kv_head * BLOCK + rows) * head_dim;
            match &block[part] {
                Block::F32(values) => KvRows::F32(&values[range]),
                Block::F16(values) => KvRows::F16(&values[range]),
            }
        })
    }

    fn block_elements(&self) -> usize {
        self.shape.n_kv_heads * BLOCK * self.shape.head_dim
    }

    fn block(&self) -> Option<Block> {
        fn zeros<T: Clone + Default>(len: usize) -> Option<Vec<T>> {
            let mut values = Vec::new();
            values.try_reserve_exact(len).ok()?;
            values.resize(len, T::default());
            Some(values)
        }
        Some(match self.format {
            KvFormat::F32 => Block::F32(zeros(self.block_elements())?),
            KvFormat::F16 => Block::F16(zeros(self.block_elements())?),
        })
    }
}
