//! Prefill, decode, stop: one generation as a sequence of small steps, so that a caller can show, cancel or yield
//! between any two of them.

mod adapters;
mod embed;
mod event;
mod generation;
mod guessing;
mod logits;
mod logprobs;
mod lookup;
mod prefix_cache;
mod prompt;
mod reasoning;
mod round;
mod saved_prefix;
mod scheduler;
mod synthetic;
mod trial;

use std::sync::Arc;

use crate::kernels::KV_BLOCK;
use crate::load::{LoadedModel, Summary};
use crate::model::{ActiveAdapters, AdaptersKey, Executor, ForwardPass, KvPool, Model, Sequence};
use crate::pool::{Clock, Pool};
use crate::sample::{SamplerOptions, TokenTexts};
use crate::stopwatch::Parts;
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};
pub use adapters::NamedAdapter;
pub use embed::{EmbedRun, EmbedStep};
pub use event::{Event, FinishReason, StoppedBy, Usage};
pub use generation::Generation;
pub use guessing::Guessing;
pub use logits::{LogitsRun, LogitsStep, hash_tokens};
pub use logprobs::{Logprob, TokenLogprobs};
pub use prefix_cache::PrefixCache;
pub use prompt::Prompt;
pub use reasoning::{Piece, ReasoningSplit};
pub use saved_prefix::{PrefixExport, PrefixImport};
pub use scheduler::{Limits, Outcome, Report, RoundSize, Scheduler};
pub use trial::Trial;

/// How to generate.
#[derive(Clone, Debug, Default)]
pub struct GenerateOptions {
    /// The most tokens to generate; as many as the context holds if `None`.
    pub max_tokens: Option<usize>,
    /// How a token is chosen.
    pub sampler: SamplerOptions,
    /// Texts that end the generation; they are not part of the answer. Control tokens in them are spelled by name.
    pub stop: Vec<String>,
    /// Tokens that end the generation, besides those that end every answer of this model.
    pub stop_tokens: Vec<StopToken>,
    /// Whether each token tells its log-probability, and those of so many of the likeliest tokens in its place.
    pub logprobs: Option<usize>,
    /// Whether a [`Scheduler`] may guess tokens where the text repeats itself, if it guesses at all.
    pub speculative: bool,
}

/// A token that a caller names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopToken {
    /// By its id.
    Id(u32),
    /// By its text.
    Name(String),
}

/// A model, the sequences that it has computed, and what it runs on.
#[derive(Debug)]
pub struct Engine {
    loaded: LoadedModel,
    cache: PrefixCache,
    /// The adapters in force.
    adapters: Option<Arc<ActiveAdapters>>,
    named_adapters: Vec<NamedAdapter>,
    /// The logits hash with some adapters, once it is known.
    hash: Option<(AdaptersKey, u64)>,
    executor: Executor,
    /// Working memory, `[tokens, vocab_size]`.
    logits: Vec<f32>,
}

impl Engine {
    /// An engine that has computed nothing. Besides one context it may take the memory of another, but at least 64 MiB and
    /// at most 256 MiB, for the keys and values of other sequences.
    pub fn new(loaded: LoadedModel, pool: Pool) -> Self {
        let kv = KvPool::new(loaded.model.config(), loaded.model.kv_format());
        let most_blocks = prefix_cache::default_blocks(&loaded.summary, kv.block_bytes(), None);
        let cache = PrefixCache::new(kv, most_blocks);
        Self {
            loaded,
            cache,
            adapters: None,
            named_adapters: Vec::new(),
            hash: None,
            executor: Executor::new(pool),
            logits: Vec::new(),
        }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.loaded.model
    }

    /// The summary of its file's header.
    pub fn summary(&self) -> &Summary {
        &self.loaded.summary
    }

    /// Its vocabulary.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.loaded.tokenizer
    }

    /// The sequences of generations and texts that have ended.
    pub fn cache(&self) -> &PrefixCache {
        &self.cache
    }

    /// Forgets the sequences of generations and texts that have ended.
    pub fn clear_cache(&mut self) {
        self.cache.clear();
    }

    /// Gives the memory back that nothing under way needs: keys and values of generations and texts that have ended, and working
    /// memory that the next one asks for again. Returns the bytes of those keys and values. What they took is free for whatever
    /// this program allocates next; whether the system gets it back is up to the allocator, and WebAssembly's memory never
    /// shrinks.
    pub fn release_memory(&mut self) -> usize {
        let before = self.kv_bytes();
        self.cache.clear();
        self.logits = Vec::new();
        before - self.kv_bytes()
    }

    /// Bytes of the keys and values that there are, of generations under way and of texts that have ended.
    pub fn kv_bytes(&self) -> usize {
        self.cache.pool().blocks() * self.cache.pool().block_bytes()
    }

    /// Bounds the keys and values that are kept, those of running generations included, to `tokens` tokens, and at least
    /// one context.
    pub fn set_kv_tokens(&mut self, tokens: usize) {
        self.cache.set_most_blocks(tokens.max(self.model().context()).div_ceil(KV_BLOCK));
    }

    /// As [`set_kv_tokens`](Self::set_kv_tokens), by the default of [`new`](Self::new) where model and keys and values may
    /// take `memory_bytes` together: at most half of what one context leaves is for more.
    pub fn set_memory(&mut self, memory_bytes: u64) {
        let block_bytes = self.cache.pool().block_bytes();
        let most_blocks = prefix_cache::default_blocks(&self.loaded.summary, block_bytes, Some(memory_bytes));
        self.cache.set_most_blocks(most_blocks);
    }

    /// From now on texts go through other adapters: what was computed with these is taken for theirs alone.
    /// Generations that have begun go on through theirs.
    pub fn set_adapters(&mut self, adapters: Option<Arc<ActiveAdapters>>) {
        self.adapters = adapters;
    }

    /// The threads.
    pub fn pool(&self) -> &Pool {
        self.executor.pool()
    }

    /// Begins a generation. The beginning that `prompt` shares with a text that was computed before is not computed again.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty prompt or an option out of range, `ContextOverflow` if the prompt leaves no
    /// room for an answer.
    pub fn generate(&mut self, prompt: Vec<u32>, options: GenerateOptions) -> Result<Generation> {
        let mut generation = self.prepare(prompt, options)?;
        self.start(&mut generation)?;
        Ok(generation)
    }

    /// For benchmarks: begins a generation as it would go on at a depth of `context` tokens, whose keys and values are
    /// made up. They belong to the generation and go with it; the next prompt begins anew. No token ends it before
    /// `max_tokens`.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and `ContextOverflow` or `OutOfMemory` where the tokens do not fit.
    pub fn generate_at_depth(
        &mut self,
        context: usize,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<Generation> {
        let mut generation = self.prepare_at_depth(context, prompt, options)?;
        self.start(&mut generation)?;
        Ok(generation)
    }

    /// Bytes of the weights that products have read so far.
    pub fn weight_bytes_read(&self) -> u64 {
        self.executor.weight_bytes_read()
    }

    /// From now on the time of each part is measured with `clock`; `None` stops.
    pub fn time_parts(&mut self, clock: Option<Clock>) {
        self.executor.time_parts(clock);
    }

    /// The time of each part of [`step`](Self::step) since it was last asked for; `None` without a clock.
    pub fn take_parts(&mut self) -> Option<Parts> {
        self.executor.take_parts()
    }

    /// A generation that has not begun, for a [`Scheduler`]: see [`generate`](Self::generate).
    ///
    /// # Errors
    /// As `generate`.
    pub fn prepare(&self, prompt: Vec<u32>, options: GenerateOptions) -> Result<Generation> {
        if self.model().is_for_embeddings() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "this model makes embeddings of texts and writes no answers: use embed, or load a model that does",
            ));
        }
        self.model().check_tokens(&prompt)?;
        let context = self.model().context();
        if prompt.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the prompt is empty: at least one token is needed"));
        }
        if prompt.len() >= context {
            return Err(self.overflow("the prompt", prompt.len(), false));
        }
        let room = context - prompt.len();
        let texts: Arc<dyn TokenTexts> = self.loaded.tokenizer.clone();
        Generation::new(self.tokenizer(), &texts, prompt, options, room)
    }

    /// A generation that has not begun, for a [`Scheduler`]: see [`generate_at_depth`](Self::generate_at_depth).
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and `ContextOverflow` where the tokens do not fit.
    pub fn prepare_at_depth(&self, context: usize, prompt: &[u32], options: GenerateOptions) -> Result<Generation> {
        synthetic::check_room(self.model(), context)?;
        let mut generation = self.prepare([&vec![0; context], prompt].concat(), options)?;
        generation.synthetic = Some(context);
        Ok(generation)
    }

    /// Gives a generation its sequence, which begins with what was computed before.
    fn start(&mut self, generation: &mut Generation) -> Result<()> {
        // The last token is run in any case: its logits are needed.
        let most = generation.tokens.len() - 1;
        let adapters = self.adapters_of(generation);
        let sequence = match generation.synthetic {
            None => self.take_sequence(&generation.tokens, most, adapters.clone()),
            Some(context) => {
                // Two KV caches might not fit into memory.
                self.cache.clear();
                let mut sequence = synthetic::sequence(self.model(), self.cache.pool(), context)?;
                sequence.truncate(most);
                sequence
            }
        };
        generation.adapters = Some(adapters);
        generation.begin_with(sequence);
        Ok(())
    }

    /// The adapters that a generation goes through, also after others were switched on: those of when it began.
    fn adapters_of(&self, generation: &Generation) -> Option<Arc<ActiveAdapters>> {
        generation.adapters.clone().unwrap_or_else(|| self.adapters.clone())
    }

    /// A sequence of at most `most` of the first of `tokens`, for these adapters: as many as were computed before.
    fn take_sequence(&mut self, tokens: &[u32], most: usize, adapters: Option<Arc<ActiveAdapters>>) -> Sequence {
        let kept = self.cache.take(tokens, most, ActiveAdapters::key(&adapters));
        kept.unwrap_or_else(|| Sequence::in_pool(&self.loaded.model, self.cache.pool(), adapters))
    }

    /// Keeps what a generation has computed for a text that begins alike. It cannot go on.
    pub fn end(&mut self, generation: &mut Generation) {
        generation.round = None;
        if let Some(sequence) = generation.sequence.take_if(|_| generation.synthetic.is_none()) {
            self.cache.keep(sequence);
        }
        generation.sequence = None;
    }

    /// Does the next bit of work: up to `max_prefill` tokens of the prompt, or one token of the answer.
    ///
    /// # Errors
    /// `OutOfMemory` if the KV cache cannot grow, `Internal` if the logits are no numbers, `InvalidGrammar` if a constraint takes
    /// too much work.
    pub fn step(&mut self, generation: &mut Generation, max_prefill: usize) -> Result<Event> {
        loop {
            if let Some(event) = self.step_layer(generation, max_prefill)? {
                return Ok(event);
            }
        }
    }

    /// A part of [`step`](Self::step): tokens go through one layer of the model, and the answer is `None` until they are
    /// through the last one. So many tokens can be computed at once, which makes the most of every pass over the weights,
    /// and yet a caller can stop at any layer.
    ///
    /// # Errors
    /// As `step`.
    pub fn step_layer(&mut self, generation: &mut Generation, max_prefill: usize) -> Result<Option<Event>> {
        if let Some(event) = generation.queue.pop_front() {
            return Ok(Some(event));
        }
        if let Some((reason, stopped_by)) = generation.finished.clone() {
            return Ok(Some(Event::Done { reason, stopped_by, text: String::new(), usage: generation.usage }));
        }
        self.executor.start();
        let mut round = match generation.round.take() {
            Some(round) => round,
            None => {
                let count = generation.missing_tokens().min(max_prefill.clamp(1, ForwardPass::MAX_TOKENS));
                self.make_room(generation, count);
                Box::new(self.begin_round(&mut [generation], vec![count])?)
            }
        };
        if self.step_round(&mut round, &mut [generation])? {
            generation.round = Some(round);
            return Ok(None);
        }
        self.end_round(*round, &mut [generation])?.into_iter().collect::<Result<()>>()?;
        if generation.finished.is_some() {
            self.end(generation);
        }
        Ok(generation.queue.pop_front())
    }

    /// Gives up kept sequences, as far as there are any, for the next `count` tokens of a generation.
    fn make_room(&mut self, generation: &Generation, count: usize) {
        if let Some(sequence) = &generation.sequence {
            self.cache.make_room(sequence.kv().missing_blocks(sequence.len() + count));
        }
    }
}

/// Runs one token through a model that was just loaded, on this thread alone: whether its numbers stay numbers depends on
/// all of its weights together, and no look at a single one tells.
///
/// # Errors
/// `InvalidModel` if the logits are no finite numbers, `OutOfMemory` if one token's working memory cannot be had.
pub fn verify(loaded: &LoadedModel) -> Result<()> {
    let model = &loaded.model;
    let token = loaded.tokenizer.bos().unwrap_or(0);
    let (mut sequence, mut executor) = (Sequence::new(model), Executor::new(Pool::new(1)));
    let hidden = ForwardPass::run(model, &mut sequence, &[token], &mut executor)?;
    let mut logits = vec![0.0; model.config().vocab_size];
    hidden.logits(model, &[0], &mut logits, &mut executor);
    if logits.iter().all(|logit| logit.is_finite()) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidModel,
        format!(
            "model: the logits after token {token} are no finite numbers: a scale, a norm or an embedding of the file is \
             far out of range; the file is damaged"
        ),
    ))
}
