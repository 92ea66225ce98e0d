//! Attention of new tokens over a KV cache: grouped queries, causal.

mod conformance;
mod float;
mod int8;
mod int8_block;
mod pairs;

use std::ops::Range;

use crate::pool::Pool;

pub(crate) use conformance::check;
pub use float::FloatBlock;
pub use int8_block::Int8Block;

/// Positions whose keys and values lie together.
pub const KV_BLOCK: usize = 256;

/// How many heads there are, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadShape {
    /// Query heads.
    pub n_heads: usize,
    /// Key/value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// The width of a head.
    pub head_dim: usize,
}

impl HeadShape {
    /// Query heads that are computed together, so that keys and values are read once for them.
    fn heads_per_unit(self) -> usize {
        let group = self.n_heads / self.n_kv_heads;
        [4, 2, 1].into_iter().find(|&heads| group.is_multiple_of(heads)).unwrap_or(1)
    }

    /// The key/value head of the query heads of `unit`.
    fn kv_head(self, unit: usize) -> usize {
        unit * self.heads_per_unit() / (self.n_heads / self.n_kv_heads)
    }
}

/// Which positions the tokens of a call attend to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// The position of the first token.
    pub first_position: usize,
    /// A token attends to so many positions, its own included; to all up to its own without a window.
    pub window: Option<usize>,
}

impl Reach {
    /// All positions up to a token's own.
    pub fn all(first_position: usize) -> Self {
        Self { first_position, window: None }
    }

    /// The positions that `token` attends to.
    fn positions(self, token: usize) -> Range<usize> {
        let end = self.first_position + token + 1;
        self.window.map_or(0, |window| end.saturating_sub(window))..end
    }
}

/// The keys and values of one layer, in blocks of [`KV_BLOCK`] positions, which may lie anywhere: sequences that begin
/// alike share blocks.
#[derive(Clone, Debug)]
pub enum KvLayer<'a> {
    /// As f32.
    F32(Vec<&'a FloatBlock>),
    /// As int8.
    Int8(Vec<&'a Int8Block>),
}

/// Working memory that is kept from one call of [`attend`] to the next.
#[derive(Debug, Default)]
pub struct AttentionScratch(int8::Scratch);

/// `out[t, h] = softmax(q[t, h] k^T / sqrt(head_dim)) v` over the positions that `reach` gives.
///
/// `q` and `out` are `[tokens, n_heads, head_dim]`; query head `h` reads key/value head `h / (n_heads / n_kv_heads)`.
/// Every sum has one order, whatever the number of threads and tokens.
pub fn attend(
    pool: &Pool,
    shape: HeadShape,
    layer: &KvLayer<'_>,
    q: &[f32],
    reach: Reach,
    out: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    match layer {
        KvLayer::F32(blocks) => float::attend(pool, shape, blocks, q, reach, out),
        KvLayer::Int8(blocks) => int8::attend(pool, shape, blocks, q, reach, out, &mut scratch.0),
    }
}
