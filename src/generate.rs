//! Prefill, decode, stop: one generation as a sequence of small steps, so that a caller can show, cancel or yield
//! between any two of them.

use std::collections::VecDeque;

use xxhash_rust::xxh64::Xxh64;

use crate::chat::{ChatOptions, DateTime, Message};
use crate::model::{Model, Session, check_tokens};
use crate::pool::{Clock, Pool};
use crate::sample::{Sampler, SamplerOptions, StopMatcher};
use crate::stopwatch::{Part, Parts};
use crate::tokenizer::IncrementalDecoder;
use crate::{Error, ErrorKind, Result};

/// What a model is asked to go on from.
#[derive(Clone, Debug)]
pub enum Prompt {
    /// Raw text, special tokens recognised; the beginning-of-text token is put before it if the model wants one.
    Text(String),
    /// A conversation, rendered by the model's chat template.
    Chat {
        /// The turns.
        messages: Vec<Message>,
        /// The present, for templates that tell it to the model.
        now: Option<DateTime>,
    },
    /// Token ids, taken as they are.
    Tokens(Vec<u32>),
}

/// How to generate.
#[derive(Clone, Debug, Default)]
pub struct GenerateOptions {
    /// The most tokens to generate; as many as the context holds if `None`.
    pub max_tokens: Option<usize>,
    /// How a token is chosen.
    pub sampler: SamplerOptions,
    /// Texts that end the generation; they are not part of the answer.
    pub stop: Vec<String>,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its turn, or a stop text came.
    Stop,
    /// `max_tokens`, or the context, is used up.
    Length,
}

impl FinishReason {
    /// The name that JavaScript sees (and OpenAI's API uses).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// Tokens of one generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Those of them that were in the KV cache from before.
    pub cached_tokens: usize,
    /// Tokens generated, an end token included.
    pub completion_tokens: usize,
}

/// What one step came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A batch of the prompt was run.
    Prefill {
        /// Tokens of the prompt that are done, cached ones included.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// A token was generated. Its text may be empty: half a character, or the beginning of a stop text, waits.
    Token {
        /// The token.
        id: u32,
        /// The text that is certain now.
        text: String,
    },
    /// The generation has ended.
    Done {
        /// Why.
        reason: FinishReason,
        /// Text that had waited.
        text: String,
        /// How many tokens it took.
        usage: Usage,
    },
}

/// A model with the session it talks in and the threads it runs on.
#[derive(Debug)]
pub struct Engine {
    model: Model,
    session: Session,
    pool: Pool,
}

/// One generation under way. Drive it by [`Engine::step`] until [`Event::Done`].
#[derive(Debug)]
pub struct Generation {
    prompt: Vec<u32>,
    max_tokens: usize,
    sampler: Sampler,
    stop: StopMatcher,
    decoder: IncrementalDecoder,
    usage: Usage,
    /// The token that was sampled last and has not been run yet.
    pending: Option<u32>,
    finished: Option<FinishReason>,
    queue: VecDeque<Event>,
}

impl Engine {
    /// An engine with an empty session.
    ///
    /// # Errors
    /// `OutOfMemory` if the KV cache does not fit.
    pub fn new(model: Model, pool: Pool) -> Result<Self> {
        let session = Session::new(&model)?;
        Ok(Self { model, session, pool })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Turns a prompt into tokens. An answer that comes back in a conversation keeps the tokens that the model chose
    /// for it: encoded anew it may be spelled in others, and would have to be computed again.
    ///
    /// # Errors
    /// `ChatTemplate` if the conversation cannot be rendered, `InvalidArgument` for ids that do not exist.
    pub fn prompt(&self, prompt: &Prompt) -> Result<Vec<u32>> {
        let tokenizer = self.model.tokenizer();
        match prompt {
            Prompt::Text(text) => tokenizer.encode(text, true, tokenizer.add_bos()),
            Prompt::Chat { messages, now } => {
                let options = ChatOptions { now: *now, ..ChatOptions::default() };
                let mut ids = self.chat_template()?.prompt_with(tokenizer, messages, &options)?.ids;
                let there = self.session.tokens();
                let (kept, same) = tokenizer.same_spelling(there, &ids)?;
                ids.splice(..same, there[..kept].iter().copied());
                Ok(ids)
            }
            Prompt::Tokens(ids) => {
                check_tokens(&self.model, ids)?;
                Ok(ids.clone())
            }
        }
    }

    /// The model's chat template.
    ///
    /// # Errors
    /// `ChatTemplate` if the file has none and none was given.
    pub fn chat_template(&self) -> Result<&crate::chat::ChatTemplate> {
        self.model.chat_template().ok_or_else(|| {
            Error::new(
                ErrorKind::ChatTemplate,
                "this model has no chat template: pass the prompt as a string, or load the model with a chatTemplate",
            )
        })
    }

    /// Begins a generation. What the session shares with `prompt` from its start on is not computed again.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty prompt or an option out of range, `ContextOverflow` if the prompt leaves no
    /// room for an answer.
    pub fn generate(&mut self, prompt: Vec<u32>, options: GenerateOptions) -> Result<Generation> {
        let cached = self.session.common_prefix(&prompt);
        self.begin(prompt, options, cached)
    }

    /// For benchmarks: begins a generation as it would go on behind `context` tokens more, which are made up: see
    /// [`Session::fill`].
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and `ContextOverflow` or `OutOfMemory` where the tokens do not fit.
    pub fn generate_behind(&mut self, context: usize, prompt: &[u32], options: GenerateOptions) -> Result<Generation> {
        self.session.fill(&self.model, context)?;
        let whole = [self.session.tokens(), prompt].concat();
        self.begin(whole, options, context)
    }

    /// From now on the time of each part is measured with `clock`; `None` stops.
    pub fn time_parts(&mut self, clock: Option<Clock>) {
        self.pool.set_clock(clock);
        self.session.watch.set_clock(clock);
    }

    /// The time of each part of [`step`](Self::step) since it was last asked for; `None` without a clock.
    pub fn take_parts(&mut self) -> Option<Parts> {
        self.session.watch.take()
    }

    /// `cached`: tokens of the prompt that the session holds.
    fn begin(&mut self, prompt: Vec<u32>, options: GenerateOptions, cached: usize) -> Result<Generation> {
        check_tokens(&self.model, &prompt)?;
        let context = self.model.context();
        if prompt.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the prompt is empty: at least one token is needed"));
        }
        if prompt.len() >= context {
            return Err(Error::new(
                ErrorKind::ContextOverflow,
                format!(
                    "the prompt has {} tokens, the context {context}: shorten it or load the model with a larger context",
                    prompt.len()
                ),
            ));
        }
        if options.max_tokens == Some(0) {
            return Err(Error::new(ErrorKind::InvalidArgument, "maxTokens is 0, expected at least 1"));
        }
        let sampler = Sampler::new(options.sampler, &prompt)?;
        let stop = StopMatcher::new(options.stop)?;
        // The last token of the prompt is run in any case: its logits begin the answer.
        let cached = cached.min(prompt.len() - 1);
        self.session.truncate(cached);
        let room = context - prompt.len();
        Ok(Generation {
            max_tokens: options.max_tokens.unwrap_or(room).min(room),
            usage: Usage { prompt_tokens: prompt.len(), cached_tokens: cached, completion_tokens: 0 },
            prompt,
            sampler,
            stop,
            decoder: self.model.tokenizer().incremental_decoder(),
            pending: None,
            finished: None,
            queue: VecDeque::new(),
        })
    }

    /// Does the next bit of work: up to `max_prefill` tokens of the prompt, or one token of the answer.
    ///
    /// # Errors
    /// `OutOfMemory` if the KV cache cannot grow, `Internal` if the logits are no numbers.
    pub fn step(&mut self, generation: &mut Generation, max_prefill: usize) -> Result<Event> {
        loop {
            if let Some(event) = self.step_block(generation, max_prefill)? {
                return Ok(event);
            }
        }
    }

    /// A part of [`step`](Self::step): tokens of the prompt go through one block of the model, and the answer is `None`
    /// until they are through the last one. So many tokens can be computed at once, which makes the most of every pass
    /// over the weights, and yet a caller can stop at any block. `max_prefill` must stay the same until an event comes.
    ///
    /// # Errors
    /// As `step`.
    pub fn step_block(&mut self, generation: &mut Generation, max_prefill: usize) -> Result<Option<Event>> {
        if let Some(event) = generation.queue.pop_front() {
            return Ok(Some(event));
        }
        if let Some(reason) = generation.finished {
            return Ok(Some(Event::Done { reason, text: String::new(), usage: generation.usage }));
        }
        self.session.watch.start(&self.pool);
        let done = self.session.tokens().len();
        let total = generation.prompt.len();
        if done < total {
            let end = total.min(done + max_prefill.clamp(1, Session::MAX_BATCH));
            if !self.session.prefill_block(&self.model, &self.pool, &generation.prompt[done..end])? {
                return Ok(None);
            }
            if end == total {
                self.sample(generation, end - done - 1)?;
            }
            return Ok(Some(Event::Prefill { done: end, total }));
        }
        if let Some(token) = generation.pending.take() {
            self.session.prefill(&self.model, &self.pool, &[token])?;
        }
        self.sample(generation, 0)?;
        let event = generation.queue.pop_front();
        event.map(Some).ok_or_else(|| Error::new(ErrorKind::Internal, "a step without an event"))
    }

    /// Chooses the next token from the logits of token `index` of the last batch.
    fn sample(&mut self, generation: &mut Generation, index: usize) -> Result<()> {
        let logits = self.session.logits(&self.model, &self.pool, index);
        let id = generation.sampler.sample(logits)?;
        self.take_token(generation, id)?;
        self.session.watch.lap(Part::Sampling, &self.pool);
        Ok(())
    }

    /// What a chosen token means: the end, or text.
    fn take_token(&self, generation: &mut Generation, id: u32) -> Result<()> {
        generation.usage.completion_tokens += 1;
        if self.model.tokenizer().is_stop(id) {
            generation.finish(FinishReason::Stop);
            return Ok(());
        }
        let text = generation.decoder.push(self.model.tokenizer(), id)?;
        let found = generation.stop.push(&text);
        generation.queue.push_back(Event::Token { id, text: found.text });
        if found.matched {
            generation.stop.clear();
            generation.end(FinishReason::Stop, String::new());
        } else if generation.usage.completion_tokens >= generation.max_tokens {
            generation.finish(FinishReason::Length);
        } else {
            generation.pending = Some(id);
        }
        Ok(())
    }

    /// The logits after each of `positions` of `ids`: `[positions.len(), vocab_size]`, in the order of `positions`.
    ///
    /// # Errors
    /// `InvalidArgument` for an id or a position that does not exist, `ContextOverflow` if `ids` do not fit.
    pub fn logits(&mut self, ids: &[u32], positions: &[usize]) -> Result<Vec<f32>> {
        check_tokens(&self.model, ids)?;
        if let Some(position) = positions.iter().find(|&&p| p >= ids.len()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("position {position} does not exist: there are {} tokens", ids.len()),
            ));
        }
        let vocab_size = self.model.config().vocab_size;
        let Some(&first) = positions.iter().min() else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        out.try_reserve_exact(positions.len() * vocab_size).map_err(|e| {
            Error::new(
                ErrorKind::OutOfMemory,
                format!("the logits of {} positions do not fit into memory: ask for fewer at a time", positions.len()),
            )
            .with_source(e)
        })?;
        out.resize(positions.len() * vocab_size, 0.0);

        let cached = self.session.common_prefix(ids).min(first);
        self.session.truncate(cached);
        let last = positions.iter().max().map_or(0, |&p| p + 1);
        for begin in (cached..last).step_by(Session::MAX_BATCH) {
            let end = last.min(begin + Session::MAX_BATCH);
            self.session.prefill(&self.model, &self.pool, &ids[begin..end])?;
            for (row, &position) in positions.iter().enumerate().filter(|(_, p)| (begin..end).contains(*p)) {
                let logits = self.session.logits(&self.model, &self.pool, position - begin);
                out[row * vocab_size..][..vocab_size].copy_from_slice(logits);
            }
        }
        Ok(out)
    }

    /// A fingerprint of model and arithmetic: xxh64 (seed 0) over the little-endian f32 bits of the last position's
    /// logits for the 16 token ids of [`hash_tokens`]. It is the same for every kernel, thread count and batch size,
    /// and differs between the two precisions.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn logits_hash(&mut self) -> Result<u64> {
        let ids = hash_tokens(self.model.config().vocab_size);
        let ids = &ids[..ids.len().min(self.model.context())];
        let logits = self.logits(ids, &[ids.len() - 1])?;
        let mut hash = Xxh64::new(0);
        for value in logits {
            hash.update(&value.to_bits().to_le_bytes());
        }
        Ok(hash.digest())
    }
}

/// The 16 token ids of the logits hash: `(40503 i + 12345) mod vocab_size`, far apart in any vocabulary.
pub fn hash_tokens(vocab_size: usize) -> [u32; 16] {
    std::array::from_fn(|i| ((40_503 * i + 12_345) % vocab_size) as u32)
}

impl Generation {
    /// Tokens so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Ends the generation with the text that still waits.
    fn finish(&mut self, reason: FinishReason) {
        let tail = self.decoder.finish();
        let found = self.stop.push(&tail);
        let text = if found.matched { found.text } else { found.text + &self.stop.finish() };
        self.end(if found.matched { FinishReason::Stop } else { reason }, text);
    }

    fn end(&mut self, reason: FinishReason, text: String) {
        self.finished = Some(reason);
        self.queue.push_back(Event::Done { reason, text, usage: self.usage });
    }
}
