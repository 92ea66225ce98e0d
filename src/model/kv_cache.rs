//! Keys and values, in blocks that sequences share.
//!
//! Memory comes in blocks of [`KV_BLOCK`] positions of all layers, taken when a sequence reaches them: most conversations
//! never fill the context, and on a phone the unused part of it would be the difference between running and not. A block
//! that several sequences begin with is there once. Who writes into a block has it alone: it is copied before, where others
//! hold it too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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

    /// Bytes of one position of one layer as [`KvCache::write`] gives them.
    pub const fn position_bytes(self, shape: HeadShape) -> usize {
        match self {
            Self::F32 => FloatBlock::position_bytes(shape),
            Self::Int8 => Int8Block::position_bytes(shape),
        }
    }
}

/// Keys and values of [`KV_BLOCK`] positions over all layers.
#[derive(Debug)]
struct Block {
    layers: Layers,
    /// How many blocks of the pool there are: this one is counted as long as it is there.
    count: Arc<AtomicUsize>,
}

/// `[layers]`
#[derive(Debug)]
enum Layers {
    F32(Vec<FloatBlock>),
    Int8(Vec<Int8Block>),
}

impl Drop for Block {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where the blocks of some sequences come from. It counts those that there are, each once, however many share it.
#[derive(Clone, Debug)]
pub struct KvPool {
    shape: HeadShape,
    format: KvFormat,
    n_layers: usize,
    count: Arc<AtomicUsize>,
}

impl KvPool {
    /// A pool without blocks.
    pub fn new(config: &Config, format: KvFormat) -> Self {
        Self { shape: config.head_shape(), format, n_layers: config.n_layers, count: Arc::default() }
    }

    /// Blocks that there are.
    pub fn blocks(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The format of its blocks.
    pub fn format(&self) -> KvFormat {
        self.format
    }

    /// Bytes of a block.
    pub fn block_bytes(&self) -> usize {
        self.n_layers * self.format.block_bytes(self.shape)
    }

    /// Bytes of one position as [`KvCache::write`] gives them.
    pub fn position_bytes(&self) -> usize {
        self.n_layers * self.format.position_bytes(self.shape)
    }

    fn counted(&self, layers: Layers) -> Arc<Block> {
        self.count.fetch_add(1, Ordering::Relaxed);
        Arc::new(Block { layers, count: Arc::clone(&self.count) })
    }

    /// A block of zeros; `None` if there is no memory for it.
    fn new_block(&self) -> Option<Arc<Block>> {
        let shape = self.shape;
        Some(self.counted(match self.format {
            KvFormat::F32 => Layers::F32((0..self.n_layers).map(|_| FloatBlock::new(shape)).collect::<Option<_>>()?),
            KvFormat::Int8 => Layers::Int8((0..self.n_layers).map(|_| Int8Block::new(shape)).collect::<Option<_>>()?),
        }))
    }

    /// A copy of a block; `None` if there is no memory for it.
    fn copy(&self, block: &Block) -> Option<Arc<Block>> {
        Some(self.counted(match &block.layers {
            Layers::F32(layers) => Layers::F32(layers.iter().map(FloatBlock::try_clone).collect::<Option<_>>()?),
            Layers::Int8(layers) => Layers::Int8(layers.iter().map(Int8Block::try_clone).collect::<Option<_>>()?),
        }))
    }
}

/// The KV cache of one sequence, over all layers.
#[derive(Debug)]
pub struct KvCache {
    pool: KvPool,
    context: usize,
    len: usize,
    blocks: Vec<Arc<Block>>,
}

impl KvCache {
    /// An empty cache for at most `context` positions.
    pub fn new(pool: KvPool, context: usize) -> Self {
        Self { pool, context, len: 0, blocks: Vec::new() }
    }

    /// The heads.
    pub fn shape(&self) -> HeadShape {
        self.pool.shape
    }

    /// Where its blocks come from.
    pub fn pool(&self) -> &KvPool {
        &self.pool
    }

    /// Positions that are filled in all layers.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position is filled.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of its blocks, shared ones included.
    pub fn bytes(&self) -> usize {
        self.blocks.len() * self.pool.block_bytes()
    }

    /// A number for each block, the same wherever that block is shared.
    pub fn block_ids(&self) -> impl Iterator<Item = usize> {
        self.blocks.iter().map(|block| Arc::as_ptr(block).addr())
    }

    /// Blocks that [`reserve`](Self::reserve) would take from the pool.
    pub fn missing_blocks(&self, positions: usize) -> usize {
        let first = (self.len / KV_BLOCK).min(self.blocks.len());
        let shared = self.blocks[first..].iter().filter(|block| Arc::strong_count(block) > 1).count();
        positions.div_ceil(KV_BLOCK).saturating_sub(self.blocks.len()) + shared
    }

    /// Makes sure that `positions` fit, and that the sequence has all blocks alone that come after its filled positions.
    ///
    /// # Errors
    /// `OutOfMemory` if the memory cannot be had; what is there stays.
    ///
    /// # Panics
    /// If that is more than the context.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        assert!(positions <= self.context);
        let no_memory = || {
            Error::new(
                ErrorKind::OutOfMemory,
                format!(
                    "no memory for the keys and values of {positions} tokens: begin a new chat, close other tabs, \
                     or load the model with a smaller context"
                ),
            )
        };
        for block in self.blocks.iter_mut().skip(self.len / KV_BLOCK) {
            if Arc::strong_count(block) > 1 {
                *block = self.pool.copy(block).ok_or_else(no_memory)?;
            }
        }
        while self.blocks.len() * KV_BLOCK < positions {
            self.blocks.push(self.pool.new_block().ok_or_else(no_memory)?);
        }
        Ok(())
    }

    /// The first `len` positions, or all, in blocks that both have from then on. A block that is not full is copied when
    /// one of them goes on.
    pub fn share(&self, len: usize) -> Self {
        let len = len.min(self.len);
        let blocks = self.blocks[..len.div_ceil(KV_BLOCK)].to_vec();
        Self { pool: self.pool.clone(), context: self.context, len, blocks }
    }

    /// Forgets all but the first `len` positions. The memory is kept for the next ones.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Gives back the blocks that hold no position.
    pub fn shrink(&mut self) {
        self.blocks.truncate(self.len.div_ceil(KV_BLOCK));
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
        let slot = position % KV_BLOCK;
        match &mut self.own(position).layers {
            Layers::F32(layers) => layers[layer].store(slot, k, v),
            Layers::Int8(layers) => layers[layer].store(slot, k, v),
        }
    }

    /// Keys and values of one layer.
    pub fn layer(&self, layer: usize) -> KvLayer<'_> {
        match self.pool.format {
            KvFormat::F32 => KvLayer::F32(self.blocks.iter().filter_map(|block| block.float(layer)).collect()),
            KvFormat::Int8 => KvLayer::Int8(self.blocks.iter().filter_map(|block| block.int8(layer)).collect()),
        }
    }

    /// Appends keys and values of a filled position over all layers: see [`FloatBlock::write`] and [`Int8Block::write`].
    pub fn write(&self, position: usize, out: &mut Vec<u8>) {
        let slot = position % KV_BLOCK;
        match &self.blocks[position / KV_BLOCK].layers {
            Layers::F32(layers) => layers.iter().for_each(|layer| layer.write(slot, out)),
            Layers::Int8(layers) => layers.iter().for_each(|layer| layer.write(slot, out)),
        }
    }

    /// Takes a position from what [`write`](Self::write) gave.
    ///
    /// # Panics
    /// If the position was not reserved.
    pub fn read(&mut self, position: usize, bytes: &[u8]) {
        let slot = position % KV_BLOCK;
        let of_layer = bytes.chunks_exact(self.pool.format.position_bytes(self.pool.shape));
        match &mut self.own(position).layers {
            Layers::F32(layers) => layers.iter_mut().zip(of_layer).for_each(|(layer, bytes)| layer.read(slot, bytes)),
            Layers::Int8(layers) => layers.iter_mut().zip(of_layer).for_each(|(layer, bytes)| layer.read(slot, bytes)),
        }
    }

    /// The block of a reserved position.
    fn own(&mut self, position: usize) -> &mut Block {
        match Arc::get_mut(&mut self.blocks[position / KV_BLOCK]) {
            Some(block) => block,
            None => panic!("position {position} is written to without being reserved: its block is shared"),
        }
    }
}

impl Block {
    fn float(&self, layer: usize) -> Option<&FloatBlock> {
        match &self.layers {
            Layers::F32(layers) => Some(&layers[layer]),
            Layers::Int8(_) => None,
        }
    }

    fn int8(&self, layer: usize) -> Option<&Int8Block> {
        match &self.layers {
            Layers::Int8(layers) => Some(&layers[layer]),
            Layers::F32(_) => None,
        }
    }
}
