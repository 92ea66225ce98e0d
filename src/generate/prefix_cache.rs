//! The sequences of finished generations, kept so that a text that begins like one of them is not computed again.

use crate::kernels::KV_BLOCK;
use crate::load::Summary;
use crate::model::{AdaptersKey, KvPool, Sequence};

/// Sequences that are kept at most: every chat looks through all of them for its beginning.
const MOST_SEQUENCES: usize = 64;
/// Bytes that the sequences of other conversations may take beside one context, at least and at most.
const LEAST_EXTRA: u64 = 64 << 20;
const MOST_EXTRA: u64 = 256 << 20;

/// Finished sequences, and the bound on the blocks that they and those of running generations take together.
///
/// Where room is needed, the sequence that was not used for the longest time loses its last block: its beginning is what
/// others most likely share.
#[derive(Debug)]
pub struct PrefixCache {
    pool: KvPool,
    /// The most blocks of the pool, those of running generations included.
    most_blocks: usize,
    /// The most recently used one is last. None is the beginning of another one.
    sequences: Vec<Sequence>,
}

impl PrefixCache {
    /// An empty cache for sequences of `pool`.
    pub(super) fn new(pool: KvPool, most_blocks: usize) -> Self {
        Self { pool, most_blocks, sequences: Vec::new() }
    }

    /// Where the blocks come from.
    pub fn pool(&self) -> &KvPool {
        &self.pool
    }

    /// The most blocks that running generations and the cache may take together.
    pub fn most_blocks(&self) -> usize {
        self.most_blocks
    }

    /// Changes the bound, and keeps to it.
    pub(super) fn set_most_blocks(&mut self, most_blocks: usize) {
        self.most_blocks = most_blocks;
        self.make_room(0);
    }

    /// The kept sequences; the most recently used one is last.
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// How many of `tokens` the best of the kept sequences begins with.
    pub fn common_prefix(&self, tokens: &[u32], adapters: AdaptersKey) -> usize {
        self.best(tokens, adapters).map_or(0, |(_, common)| common)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.sequences.clear();
    }

    /// A sequence with as many of the first tokens of `tokens` as a kept one has, at most `most`.
    pub(super) fn take(&mut self, tokens: &[u32], most: usize, adapters: AdaptersKey) -> Option<Sequence> {
        let (index, common) = self.best(tokens, adapters)?;
        let len = common.min(most);
        let mut kept = self.sequences.remove(index);
        // One token more is not worth a copy of the block.
        if kept.len() <= len + 1 {
            kept.truncate(len);
            return Some(kept);
        }
        let shared = kept.share(len);
        self.sequences.push(kept);
        Some(shared)
    }

    /// As many of the first tokens of `tokens` as a kept sequence has, which stays.
    pub(super) fn share(&mut self, tokens: &[u32], adapters: AdaptersKey) -> Option<Sequence> {
        let (index, common) = self.best(tokens, adapters)?;
        Some(self.sequences[index].share(common))
    }

    /// Keeps a sequence.
    pub(super) fn keep(&mut self, mut sequence: Sequence) {
        sequence.shrink();
        let begins = |a: &Sequence, b: &Sequence| a.adapters() == b.adapters() && b.tokens().starts_with(a.tokens());
        if let Some(index) = self.sequences.iter().position(|kept| begins(&sequence, kept)) {
            sequence = self.sequences.remove(index);
        }
        self.sequences.retain(|kept| !begins(kept, &sequence));
        if !sequence.is_empty() {
            self.sequences.push(sequence);
        }
        if self.sequences.len() > MOST_SEQUENCES {
            self.sequences.remove(0);
        }
        self.make_room(0);
    }

    /// Makes room for so many more blocks, as far as giving up kept ones can. Returns whether there is room.
    pub(super) fn make_room(&mut self, blocks: usize) -> bool {
        while self.pool.blocks() + blocks > self.most_blocks {
            if !self.give_up_block() {
                return false;
            }
        }
        true
    }

    /// Gives up the last block of the sequence that was not used for the longest time; it stays where others share it.
    /// Returns whether there was one.
    pub(super) fn give_up_block(&mut self) -> bool {
        let Some(oldest) = self.sequences.first_mut() else { return false };
        let blocks = oldest.len().div_ceil(KV_BLOCK);
        oldest.truncate((blocks - 1) * KV_BLOCK);
        oldest.shrink();
        if oldest.is_empty() {
            self.sequences.remove(0);
        }
        true
    }

    /// The sequence that begins with the most of `tokens`, the most recently used one of several, and how many these are.
    fn best(&self, tokens: &[u32], adapters: AdaptersKey) -> Option<(usize, usize)> {
        let same = self.sequences.iter().enumerate().filter(|(_, kept)| kept.adapters() == adapters);
        let common = same.map(|(index, kept)| (index, kept.common_prefix(tokens)));
        common.max_by_key(|&(index, common)| (common, index)).filter(|&(_, common)| common > 0)
    }
}

/// The most blocks of `block_bytes` by default: one context, and as much again, which is at least [`LEAST_EXTRA`] and at most
/// [`MOST_EXTRA`] bytes, and no more than half of what is left of `memory_bytes`, where these are known.
pub(super) fn default_blocks(summary: &Summary, block_bytes: usize, memory_bytes: Option<u64>) -> usize {
    let left = memory_bytes.map_or(u64::MAX, |bytes| bytes.saturating_sub(summary.memory_bytes()));
    let extra = summary.kv_bytes.clamp(LEAST_EXTRA, MOST_EXTRA).min(left / 2);
    summary.context.div_ceil(KV_BLOCK) + (extra / block_bytes.max(1) as u64) as usize
}
