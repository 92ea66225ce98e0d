//! What a conversation owns: its tokens, and their keys and values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Model;
use super::adapters::ActiveAdapters;
use super::kv_cache::{KvCache, KvPool};

/// Tokens that went through a model, and their KV cache.
#[derive(Debug)]
pub struct Sequence {
    tokens: Vec<u32>,
    kv: KvCache,
    /// What besides the model its keys and values come from.
    adapters: Option<Arc<ActiveAdapters>>,
    /// Another number for every sequence and after every change, so that a pass can tell the one that it began with.
    revision: u64,
}

/// What besides the model keys and values come from: a number for the adapters in force and their scales, equal only where
/// these are, or `None` without adapters.
pub type AdaptersKey = Option<u64>;

fn new_revision() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

impl Sequence {
    /// An empty sequence for `model`, which shares its memory with no other. It takes memory as it grows.
    pub fn new(model: &Model) -> Self {
        Self::in_pool(model, &KvPool::new(model.config(), model.kv_format()), None)
    }

    /// An empty sequence for `model` with its memory from `pool`, for tokens that go through these adapters.
    pub fn in_pool(model: &Model, pool: &KvPool, adapters: Option<Arc<ActiveAdapters>>) -> Self {
        let kv = KvCache::new(pool.clone(), model.context());
        Self { tokens: Vec::new(), kv, adapters, revision: new_revision() }
    }

    /// Another sequence of the first `len` tokens, or all, whose keys and values are kept once for both.
    pub fn share(&mut self, len: usize) -> Self {
        // A pass that is under way has the blocks alone that it writes into, and could not go on.
        self.revision = new_revision();
        let (kv, adapters) = (self.kv.share(len), self.adapters.clone());
        Self { tokens: self.tokens[..kv.len()].to_vec(), kv, adapters, revision: new_revision() }
    }

    /// What besides the model its keys and values come from.
    pub fn adapters(&self) -> AdaptersKey {
        ActiveAdapters::key(&self.adapters)
    }

    /// The adapters that its tokens go through.
    pub(super) fn active_adapters(&self) -> Option<&Arc<ActiveAdapters>> {
        self.adapters.as_ref()
    }

    /// The keys and values.
    pub fn kv(&self) -> &KvCache {
        &self.kv
    }

    /// The tokens whose keys and values are in the cache.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Bytes of the KV cache.
    pub fn kv_bytes(&self) -> usize {
        self.kv.bytes()
    }

    /// How many of `tokens` the sequence begins with.
    pub fn common_prefix(&self, tokens: &[u32]) -> usize {
        self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count()
    }

    /// Forgets all but the first `len` tokens. Their memory is kept for the next ones.
    pub fn truncate(&mut self, len: usize) {
        self.tokens.truncate(len);
        self.kv.truncate(self.tokens.len());
        self.revision = new_revision();
    }

    /// Gives back the memory that holds no token.
    pub fn shrink(&mut self) {
        self.kv.shrink();
    }

    /// The keys and values, to be changed.
    pub(crate) fn kv_mut(&mut self) -> &mut KvCache {
        &mut self.kv
    }

    /// Takes `tokens` for granted, whose keys and values were stored behind those that were there.
    pub(crate) fn extend(&mut self, tokens: &[u32]) {
        self.tokens.extend_from_slice(tokens);
        self.kv.advance(tokens.len());
        self.revision = new_revision();
    }

    /// Another number for every sequence and after every change.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }
}
