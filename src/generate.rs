//! Prefill, decode, stop: one generation as a sequence of small steps, so that a caller can show, cancel or yield
//! between any two of them.

mod event;
mod logits;
mod prompt;
mod synthetic;

use std::collections::VecDeque;

use crate::load::{LoadedModel, Summary};
use crate::model::{Executor, ForwardPass, HiddenStates, Model, Sequence};
use crate::pool::{Clock, Pool};
use crate::sample::{Constrained, Constraint, Found, Processor, Sampler, SamplerOptions, StopMatcher};
use crate::stopwatch::{Part, Parts};
use crate::tokenizer::{IncrementalDecoder, TokenKind, Tokenizer};
use crate::{Error, ErrorKind, Result};
pub use event::{Event, FinishReason, StoppedBy, Usage};
pub use logits::{LogitsRun, LogitsStep, hash_tokens};
pub use prompt::Prompt;

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
}

/// A token that a caller names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopToken {
    /// By its id.
    Id(u32),
    /// By its text.
    Name(String),
}

/// A model with the sequence of its conversation and what it runs on.
#[derive(Debug)]
pub struct Engine {
    loaded: LoadedModel,
    sequence: Sequence,
    executor: Executor,
    /// Of the token that was run last, `[vocab_size]`.
    logits: Vec<f32>,
}

/// One generation under way. Drive it by [`Engine::step`] until [`Event::Done`].
#[derive(Debug)]
pub struct Generation {
    prompt: Vec<u32>,
    max_tokens: usize,
    sampler: Sampler,
    stop: StopMatcher,
    /// Ascending.
    stop_tokens: Vec<u32>,
    decoder: IncrementalDecoder,
    usage: Usage,
    /// Tokens of the prompt on their way through the layers of the model.
    pass: Option<ForwardPass>,
    /// Made up for a benchmark; all other generations go on behind the engine's sequence.
    synthetic: Option<Sequence>,
    /// The token that was sampled last and has not been run yet.
    pending: Option<u32>,
    finished: Option<(FinishReason, Option<StoppedBy>)>,
    queue: VecDeque<Event>,
}

impl Engine {
    /// An engine with an empty sequence.
    pub fn new(loaded: LoadedModel, pool: Pool) -> Self {
        let sequence = Sequence::new(&loaded.model);
        let logits = vec![0.0; loaded.model.config().vocab_size];
        Self { loaded, sequence, executor: Executor::new(pool), logits }
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

    /// The sequence that generations go on from.
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// The threads.
    pub fn pool(&self) -> &Pool {
        self.executor.pool()
    }

    /// Begins a generation. The beginning that `prompt` shares with the sequence is not computed again.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty prompt or an option out of range, `ContextOverflow` if the prompt leaves no
    /// room for an answer.
    pub fn generate(&mut self, prompt: Vec<u32>, options: GenerateOptions) -> Result<Generation> {
        let cached = self.sequence.common_prefix(&prompt);
        let generation = self.begin(prompt, options, cached)?;
        self.sequence.truncate(generation.usage.cached_tokens);
        Ok(generation)
    }

    /// For benchmarks: begins a generation as it would go on at a depth of `context` tokens, whose keys and values are
    /// made up. They belong to the generation and go with it; the next prompt begins anew.
    ///
    /// # Errors
    /// As [`generate`](Self::generate), and `ContextOverflow` or `OutOfMemory` where the tokens do not fit.
    pub fn generate_at_depth(
        &mut self,
        context: usize,
        prompt: &[u32],
        options: GenerateOptions,
    ) -> Result<Generation> {
        synthetic::check_room(self.model(), context)?;
        let whole = [&vec![0; context], prompt].concat();
        let mut generation = self.begin(whole, options, context)?;
        // Two KV caches might not fit into memory.
        self.sequence = Sequence::new(self.model());
        let mut sequence = synthetic::sequence(self.model(), context)?;
        sequence.truncate(generation.usage.cached_tokens);
        generation.synthetic = Some(sequence);
        Ok(generation)
    }

    /// From now on the time of each part is measured with `clock`; `None` stops.
    pub fn time_parts(&mut self, clock: Option<Clock>) {
        self.executor.time_parts(clock);
    }

    /// The time of each part of [`step`](Self::step) since it was last asked for; `None` without a clock.
    pub fn take_parts(&mut self) -> Option<Parts> {
        self.executor.take_parts()
    }

    /// `cached`: tokens of the prompt that are computed already.
    fn begin(&self, prompt: Vec<u32>, options: GenerateOptions, cached: usize) -> Result<Generation> {
        self.model().check_tokens(&prompt)?;
        let context = self.model().context();
        if prompt.is_empty() {
            return Err(Error::new(ErrorKind::InvalidArgument, "the prompt is empty: at least one token is needed"));
        }
        if prompt.len() >= context {
            return Err(self.overflow("the prompt", prompt.len(), false));
        }
        if options.max_tokens == Some(0) {
            return Err(Error::new(ErrorKind::InvalidArgument, "maxTokens is 0, expected at least 1"));
        }
        let sampler = Sampler::new(options.sampler, &prompt)?;
        let tokenizer = self.tokenizer();
        let stop = StopMatcher::new(options.stop, |text, from| tokenizer.find_control(text, from))?;
        let stop_tokens = stop_tokens(tokenizer, &options.stop_tokens)?;
        // The last token of the prompt is run in any case: its logits begin the answer.
        let cached = cached.min(prompt.len() - 1);
        let room = context - prompt.len();
        let decoder = tokenizer.incremental_decoder_after(&prompt)?;
        Ok(Generation {
            max_tokens: options.max_tokens.unwrap_or(room).min(room),
            usage: Usage { prompt_tokens: prompt.len(), cached_tokens: cached, completion_tokens: 0 },
            prompt,
            sampler,
            stop,
            stop_tokens,
            decoder,
            pass: None,
            synthetic: None,
            pending: None,
            finished: None,
            queue: VecDeque::new(),
        })
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

    /// A part of [`step`](Self::step): tokens of the prompt go through one layer of the model, and the answer is `None`
    /// until they are through the last one. So many tokens can be computed at once, which makes the most of every pass
    /// over the weights, and yet a caller can stop at any layer.
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
        let model = &self.loaded.model;
        let sequence = generation.synthetic.as_mut().unwrap_or(&mut self.sequence);
        let (done, total) = (sequence.len(), generation.prompt.len());
        if done < total {
            let pass = match &mut generation.pass {
                Some(pass) => pass,
                None => {
                    let end = total.min(done + max_prefill.clamp(1, ForwardPass::MAX_TOKENS));
                    let inputs = &mut [(&mut *sequence, &generation.prompt[done..end])];
                    generation.pass.insert(ForwardPass::begin(model, inputs, &mut self.executor)?)
                }
            };
            if pass.layer(model, &mut [&mut *sequence], &mut self.executor)? {
                return Ok(None);
            }
            let Some(pass) = generation.pass.take() else { return Ok(None) };
            let hidden = pass.end(&mut [&mut *sequence])?;
            let done = sequence.len();
            if done == total {
                self.sample(generation, &hidden)?;
            }
            return Ok(Some(Event::Prefill { done, total }));
        }
        let Some(token) = generation.pending.take() else {
            return Err(Error::new(ErrorKind::Internal, "a step of a generation that has no token to go on from"));
        };
        let hidden = ForwardPass::run(model, sequence, &[token], &mut self.executor)?;
        self.sample(generation, &hidden)?;
        let event = generation.queue.pop_front();
        event.map(Some).ok_or_else(|| Error::new(ErrorKind::Internal, "a step without an event"))
    }

    /// Chooses the next token, from the logits after the last token of a pass.
    fn sample(&mut self, generation: &mut Generation, hidden: &HiddenStates) -> Result<()> {
        let (model, last) = (&self.loaded.model, hidden.tokens() - 1);
        hidden.logits(model, &[last], &mut self.logits, &mut self.executor);
        // The fast head estimates the logits of unlikely tokens, and what a step lifts must not be chosen by estimates.
        let lifted = generation.sampler.lifted(&self.logits)?;
        if !lifted.is_empty() {
            let mut exact = vec![0.0; lifted.len()];
            hidden.exact_logits(model, last, &lifted, &mut exact, &mut self.executor);
            lifted.iter().zip(exact).for_each(|(&id, logit)| self.logits[id as usize] = logit);
        }
        let id = generation.sampler.sample(&mut self.logits)?;
        self.take_token(generation, id)?;
        self.executor.lap(Part::Sampling);
        Ok(())
    }

    /// The meaning of a chosen token: the end, or text.
    fn take_token(&self, generation: &mut Generation, id: u32) -> Result<()> {
        generation.usage.completion_tokens += 1;
        let tokenizer = self.tokenizer();
        let is_control = tokenizer.kind(id)? == TokenKind::Control;
        if tokenizer.is_stop(id) || generation.stop_tokens.binary_search(&id).is_ok() {
            generation.end_at(id, is_control);
            return Ok(());
        }
        let text = generation.decoder.push(tokenizer, id)?;
        let mut found = generation.stop.push(&text);
        if is_control && found.stop.is_none() {
            let behind = generation.stop.push_control(id);
            found = Found { text: found.text + &behind.text, stop: behind.stop };
            if found.stop.is_some() {
                // Half a character, which came before the token.
                found.text.push_str(&generation.decoder.finish());
            }
        }
        generation.queue.push_back(Event::Token { id, text: found.text });
        if let Some(stop) = found.stop {
            generation.end(FinishReason::Stop, Some(StoppedBy::Text(stop)), String::new());
        } else if generation.sampler.is_complete() {
            generation.complete();
        } else if generation.usage.completion_tokens >= generation.max_tokens {
            generation.run_out();
        } else {
            generation.pending = Some(id);
        }
        Ok(())
    }
}

impl Generation {
    /// Puts a step before those that the options ask for.
    pub fn put_first(&mut self, processor: Box<dyn Processor>) {
        self.sampler.put_first(processor);
    }

    /// Lets a constraint decide, before everything else, which tokens may come. The text is then exactly what the tokens
    /// stand for: no space is taken away from its start.
    pub fn constrain(&mut self, constraint: Box<dyn Constraint>) {
        self.decoder.keep_spaces();
        self.put_first(Box::new(Constrained::new(constraint)));
    }

    /// The sequence that it goes on behind.
    pub fn sequence<'a>(&'a self, engine: &'a Engine) -> &'a Sequence {
        self.synthetic.as_ref().unwrap_or(&engine.sequence)
    }

    /// Tokens so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Ends the generation at a stop token, with the text that still waits.
    fn end_at(&mut self, id: u32, is_control: bool) {
        let mut found = self.stop.push(&self.decoder.finish());
        if let Some(stop) = found.stop {
            return self.end(FinishReason::Stop, Some(StoppedBy::Text(stop)), found.text);
        }
        // A stop text may end with the token's name: then what it begins with is no part of the answer.
        let behind = if is_control { self.stop.push_control(id) } else { Found { text: String::new(), stop: None } };
        found.text.push_str(&behind.text);
        if behind.stop.is_none() {
            found.text.push_str(&self.stop.finish());
        }
        self.end(FinishReason::Stop, Some(StoppedBy::Token(id)), found.text);
    }

    /// Ends the generation behind the last token that a grammar allows, with the text that still waits.
    fn complete(&mut self) {
        let mut found = self.stop.push(&self.decoder.finish());
        let stopped_by = match found.stop {
            Some(stop) => StoppedBy::Text(stop),
            None => {
                found.text.push_str(&self.stop.finish());
                StoppedBy::Grammar
            }
        };
        self.end(FinishReason::Stop, Some(stopped_by), found.text);
    }

    /// Ends the generation after its last token, with the text that still waits.
    fn run_out(&mut self) {
        let found = self.stop.push(&self.decoder.finish());
        match found.stop {
            Some(stop) => self.end(FinishReason::Stop, Some(StoppedBy::Text(stop)), found.text),
            None => {
                let text = found.text + &self.stop.finish();
                self.end(FinishReason::Length, None, text);
            }
        }
    }

    fn end(&mut self, reason: FinishReason, stopped_by: Option<StoppedBy>, text: String) {
        self.finished = Some((reason, stopped_by.clone()));
        self.queue.push_back(Event::Done { reason, stopped_by, text, usage: self.usage });
    }
}

/// The ids of the tokens that a caller names, ascending.
fn stop_tokens(tokenizer: &Tokenizer, wanted: &[StopToken]) -> Result<Vec<u32>> {
    let id_of = |(index, token): (usize, &StopToken)| {
        let vocab_size = tokenizer.vocab_size();
        let (id, found) = match token {
            StopToken::Id(id) => (Some(*id).filter(|&id| (id as usize) < vocab_size), id.to_string()),
            StopToken::Name(name) => (tokenizer.token(name), format!("{name:?}")),
        };
        id.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "stopTokens[{index}]: expected the id (below {vocab_size}) or the text of a token of this model, \
                     found {found}"
                ),
            )
        })
    };
    let mut ids = wanted.iter().enumerate().map(id_of).collect::<Result<Vec<u32>>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
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
