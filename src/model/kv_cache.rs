//! Keys and values of one sequence.
//!
//! Memory comes in blocks of [`KV_BLOCK`] positions, taken when the sequence reaches them: most conversations never fill
//! the context, and on a phone the unused part of it would be the difference between running and not.

use crate::kernels::{FloatBlock, HeadShape, Int8Block, KV_BLOCK, KvLayer};
use crate::{Error, ErrorKind, Result};

use super::{Config, Precision};

/// How keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvFormat {
    /// Exactly.
    F32,
    /// In 8 bits, with a step for each head of each position: a quarter of the memory.
    Int8,
}

impl KvFormat {
    /// The format that a precision asks for.
    pub fn of(precision: Precision) -> Self {
        match precision {
            Precision::Fast => Self::Int8,
            Precision::Exact => Self::F32,
        }
    }

    /// Bytes that [`KV_BLOCK`] positions of one layer take.
    pub const fn block_bytes(self, shape: HeadShape) -> usize {
        match self {
            Self::F32 => FloatBlock::bytes(shape),
            Self::Int8 => Int8Block::bytes(shape),
        }
    }
}

/// `[layers][blocks]`
#[derive(Debug)]
enum Layers {
    F32(Vec<Vec<FloatBlock>>),
    Int8(Vec<Vec<Int8Block>>),
}

/// The KV cache of one sequence, over all layers.
#[derive(Debug)]
pub struct KvCache {
    shape: HeadShape,
    format: KvFormat,
    context: usize,
    len: usize,
    /// Blocks that every layer has.
    blocks: usize,
    layers: Layers,
}

impl KvCache {
    /// An empty cache for at most `context` positions.
    pub fn new(config: &Config, format: KvFormat, context: usize) -> Self {
        fn empty<T>(layers: usize) -> Vec<Vec<T>> {
            (0..layers).map(|_| Vec::new()).collect()
        }
        let layers = match format {
            KvFormat::F32 => Layers::F32(empty(config.n_layers)),
            KvFormat::Int8 => Layers::Int8(empty(config.n_layers)),
        };
        Self { shape: config.head_shape(), format, context, len: 0, blocks: 0, layers }
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
        let layers = match &self.layers {
            Layers::F32(layers) => layers.len(),
            Layers::Int8(layers) => layers.len(),
        };
        self.blocks * layers * self.format.block_bytes(self.shape)
    }

    /// Makes sure that `positions` fit.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had; what is there stays.
    ///
    /// # Panics
    /// If that is more than the context.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        /// One block more for each layer that has only `blocks`; one that failed half way is made up for the next time.
        fn grow<T>(layers: &mut [Vec<T>], blocks: usize, block: impl Fn() -> Option<T>) -> Option<()> {
            for layer in layers.iter_mut().filter(|layer| layer.len() == blocks) {
                layer.push(block()?);
            }
            Some(())
        }
        assert!(positions <= self.context);
        let shape = self.shape;
        while self.blocks * KV_BLOCK < positions {
            match &mut self.layers {
                Layers::F32(layers) => grow(layers, self.blocks, || FloatBlock::new(shape)),
                Layers::Int8(layers) => grow(layers, self.blocks, || Int8Block::new(shape)),
            }
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::OutOfMemory,
                    format!(
                        "no memory for the keys and values of {positions} tokens: begin a new chat, close other tabs, \
                         or load the model with a smaller context"
                    ),
                )
            })?;
            self.blocks += 1;
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
        let (block, slot) = (position / KV_BLOCK, position % KV_BLOCK);
        match &mut self.layers {
            Layers::F32(layers) => layers[layer][block].store(slot, k, v),
            Layers::Int8(layers) => layers[layer][block].store(slot, k, v),
        }
    }

    /// Keys and values of one layer.
    pub fn layer(&self, layer: usize) -> KvLayer<'_> {
        match &self.layers {
            Layers::F32(layers) => KvLayer::F32(&layers[layer]),
            Layers::Int8(layers) => KvLayer::Int8(&layers[layer]),
        }
    }
}
