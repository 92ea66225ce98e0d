//! What changes while a model talks: the tokens so far, their KV cache, and working memory.

use crate::pool::Pool;
use crate::stopwatch::{Part, Stopwatch};
use crate::{Error, ErrorKind, Result};

use super::Model;
use super::forward::{Buffers, Graph};
use super::kv_cache::KvCache;

const FILL_SEED: u32 = 1;

/// One sequence of tokens and its KV cache.
#[derive(Debug)]
pub struct Session {
    /// The tokens whose keys and values are in the cache.
    tokens: Vec<u32>,
    cache: KvCache,
    /// The batch that is on its way through the blocks; empty if none is.
    batch: Vec<u32>,
    /// Blocks that it has gone through.
    blocks: usize,
    buffers: Buffers,
    /// The logits of the last token that was asked for, `[vocab_size]`.
    logits: Vec<f32>,
    /// Whether the tokens stand for keys and values that were made up: see [`Session::fill`].
    synthetic: bool,
    pub(crate) watch: Stopwatch,
}

impl Session {
    /// The most tokens that one call of [`prefill`](Self::prefill) runs at once.
    pub const MAX_BATCH: usize = Buffers::MAX_BATCH;

    /// An empty sequence with room for the model's context.
    ///
    /// # Errors
    /// `OutOfMemory` if the KV cache does not fit.
    pub fn new(model: &Model) -> Result<Self> {
        Ok(Self {
            tokens: Vec::new(),
            cache: KvCache::new(model.config(), model.kv_format(), model.context()),
            batch: Vec::new(),
            blocks: 0,
            buffers: Buffers::new(),
            logits: vec![0.0; model.config().vocab_size],
            synthetic: false,
            watch: Stopwatch::default(),
        })
    }

    /// The tokens that are in the cache.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// Bytes of the KV cache.
    pub fn kv_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// How many of `tokens` the cache holds already, counted from the start.
    pub fn common_prefix(&self, tokens: &[u32]) -> usize {
        if self.synthetic { 0 } else { self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count() }
    }

    /// Forgets all but the first `len` tokens.
    pub fn truncate(&mut self, len: usize) {
        self.batch.clear();
        self.tokens.truncate(len);
        self.cache.truncate(self.tokens.len());
        self.synthetic &= len > 0;
    }

    /// For benchmarks: makes up the keys and values of `positions` tokens, as if they had been read, so that the speed
    /// behind a long context can be measured without waiting for a long prompt. Uniform in -1..1, always the same. What
    /// follows means nothing; the next prompt begins anew.
    ///
    /// # Errors
    /// `ContextOverflow` if they leave no room, `OutOfMemory` if the cache cannot grow.
    pub fn fill(&mut self, model: &Model, positions: usize) -> Result<()> {
        if positions >= model.context() {
            return Err(Error::new(
                ErrorKind::ContextOverflow,
                format!("{positions} made-up tokens leave no room in the context of {}", model.context()),
            ));
        }
        self.truncate(0);
        self.cache.reserve(positions)?;
        let config = model.config();
        let (mut random, mut k, mut v) = (FILL_SEED, vec![0.0; config.kv_dim()], vec![0.0; config.kv_dim()]);
        for position in 0..positions {
            for layer in 0..config.n_layers {
                for value in k.iter_mut().chain(&mut v) {
                    // A linear congruential generator (Numerical Recipes): its upper bits are good enough here.
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *value = (random >> 8) as f32 / (1 << 23) as f32 - 1.0;
                }
                self.cache.store(layer, position, &k, &v);
            }
        }
        self.cache.advance(positions);
        self.tokens.resize(positions, 0);
        self.synthetic = positions > 0;
        Ok(())
    }

    /// Runs `tokens` behind those that are there.
    ///
    /// # Errors
    /// `ContextOverflow` if they do not fit, `InvalidArgument` for an id that the vocabulary lacks; nothing has
    /// changed then. `OutOfMemory` if the cache cannot grow.
    pub fn prefill(&mut self, model: &Model, pool: &Pool, tokens: &[u32]) -> Result<()> {
        self.check_room(model, tokens)?;
        self.cache.reserve(self.tokens.len() + tokens.len())?;
        for batch in tokens.chunks(Self::MAX_BATCH) {
            while !self.prefill_block(model, pool, batch)? {}
        }
        Ok(())
    }

    /// Takes `tokens` (1 to [`MAX_BATCH`](Self::MAX_BATCH)) through the next block of the model: the first one, unless
    /// they are those of the call before. Returns whether it was the last block; only then they are in the cache. What
    /// was begun and is not gone on with is forgotten.
    ///
    /// # Errors
    /// As [`prefill`](Self::prefill).
    pub fn prefill_block(&mut self, model: &Model, pool: &Pool, tokens: &[u32]) -> Result<bool> {
        let graph = graph(model, pool);
        if self.batch != tokens {
            self.batch.clear();
            self.check_room(model, tokens)?;
            self.cache.reserve(self.tokens.len() + tokens.len())?;
            graph.begin(tokens, self.cache.len(), &mut self.buffers);
            self.batch.extend_from_slice(tokens);
            self.blocks = 0;
        }
        graph.block(self.blocks, tokens.len(), &mut self.cache, &mut self.buffers, &mut self.watch);
        self.blocks += 1;
        let done = self.blocks == model.config().n_layers;
        if done {
            self.cache.advance(tokens.len());
            self.tokens.append(&mut self.batch);
        }
        Ok(done)
    }

    fn check_room(&self, model: &Model, tokens: &[u32]) -> Result<()> {
        check_tokens(model, tokens)?;
        let wanted = self.tokens.len() + tokens.len();
        if wanted <= model.context() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ContextOverflow,
            format!(
                "{wanted} tokens do not fit into the context of {}: shorten the prompt or load the model with a larger context",
                model.context()
            ),
        ))
    }

    /// The logits of token `index` of the last batch that [`prefill`](Self::prefill) ran, `[vocab_size]`.
    pub fn logits(&mut self, model: &Model, pool: &Pool, index: usize) -> &mut [f32] {
        let hidden = self.buffers.hidden(index, model.config());
        graph(model, pool).logits(hidden, &mut self.logits);
        self.watch.lap(Part::Head, pool);
        &mut self.logits
    }
}

fn graph<'a>(model: &'a Model, pool: &'a Pool) -> Graph<'a> {
    Graph { config: model.config(), weights: model.weights(), rope: model.rope(), kernel: model.kernel(), pool }
}

/// Every id must be a row of the embedding.
pub(crate) fn check_tokens(model: &Model, tokens: &[u32]) -> Result<()> {
    let vocab_size = model.config().vocab_size;
    match tokens.iter().find(|&&token| token as usize >= vocab_size) {
        None => Ok(()),
        Some(token) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("token id {token} does not exist: the vocabulary has {vocab_size} tokens"),
        )),
    }
}
