//! One generation: its tokens, and what becomes of each that is chosen.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{ActiveAdapters, Sequence};
use crate::sample::{Constrained, Constraint, Found, Processor, Sampler, StopMatcher, TokenTexts};
use crate::tokenizer::{IncrementalDecoder, TokenKind, Tokenizer};
use crate::{Error, ErrorKind, Result};

use super::lookup::Lookup;
use super::round::Round;
use super::{Event, FinishReason, GenerateOptions, StopToken, StoppedBy, TokenLogprobs, Usage};

/// One generation under way. Drive it by [`Engine::step`](super::Engine::step) until [`Event::Done`].
#[derive(Debug)]
pub struct Generation {
    /// The prompt, and what was chosen behind it.
    pub(super) tokens: Vec<u32>,
    /// The tokens that have been computed, a beginning of `tokens`; `None` before it begins and after it has ended.
    pub(super) sequence: Option<Sequence>,
    /// For a benchmark: how many of the first tokens have keys and values that are made up.
    pub(super) synthetic: Option<usize>,
    pub(super) sampler: Sampler,
    /// How many tokens tell their log-probability beside the chosen one; `None`: not even that does.
    pub(super) logprobs: Option<usize>,
    pub(super) usage: Usage,
    /// The adapters that its tokens go through; `None` before it begins.
    pub(super) adapters: Option<Option<Arc<ActiveAdapters>>>,
    /// What the text said before; `None` where nothing may be guessed.
    pub(super) lookup: Option<Lookup>,
    /// Guesses that go through the next pass behind `tokens`.
    pub(super) guesses: Vec<u32>,
    /// Tokens on their way through the layers of the model, of this generation alone.
    pub(super) round: Option<Box<Round>>,
    /// Events that have not been told.
    pub(super) queue: VecDeque<Event>,
    pub(super) finished: Option<(FinishReason, Option<StoppedBy>)>,
    max_tokens: usize,
    stop: StopMatcher,
    /// Ascending.
    stop_tokens: Vec<u32>,
    decoder: IncrementalDecoder,
}

impl Generation {
    /// A generation that has not begun. `room`: tokens that fit behind the prompt.
    ///
    /// # Errors
    /// `InvalidArgument` for an option out of range.
    pub(super) fn new(
        tokenizer: &Tokenizer,
        texts: &Arc<dyn TokenTexts>,
        prompt: Vec<u32>,
        options: GenerateOptions,
        room: usize,
    ) -> Result<Self> {
        if options.max_tokens == Some(0) {
            return Err(Error::new(ErrorKind::InvalidArgument, "maxTokens is 0, expected at least 1"));
        }
        let sampler = Sampler::new(options.sampler, &prompt, texts)?;
        let stop = StopMatcher::new(options.stop, |text, from| tokenizer.find_control(text, from))?;
        let stop_tokens = stop_tokens(tokenizer, &options.stop_tokens)?;
        let decoder = tokenizer.incremental_decoder_after(&prompt)?;
        Ok(Self {
            max_tokens: options.max_tokens.unwrap_or(room).min(room),
            usage: Usage { prompt_tokens: prompt.len(), ..Usage::default() },
            tokens: prompt,
            sequence: None,
            synthetic: None,
            sampler,
            logprobs: options.logprobs,
            lookup: options.speculative.then(Lookup::default),
            guesses: Vec::new(),
            adapters: None,
            stop,
            stop_tokens,
            decoder,
            round: None,
            finished: None,
            queue: VecDeque::new(),
        })
    }

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

    /// The tokens that have been computed and their keys and values; `None` before it begins and after it has ended.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.sequence.as_ref()
    }

    /// Tokens so far.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// Tokens that are known and have not been computed: the rest of the prompt, or the last token that was chosen.
    pub fn missing_tokens(&self) -> usize {
        self.tokens.len() - self.sequence.as_ref().map_or(0, Sequence::len)
    }

    /// Guesses at most `most` tokens that follow: those of a text that a grammar forces, or else what followed before. Returns
    /// the share of such guesses that has come true of late.
    pub(super) fn guess(&mut self, most: usize) -> f64 {
        self.guesses.clear();
        let Some(lookup) = &mut self.lookup else { return 0.0 };
        // The last token of the answer needs no guess: it is chosen behind the one before it.
        let most = most.min(self.max_tokens - self.usage.completion_tokens - 1);
        // A grammar takes its time to tell what it forces.
        let mut forced = if most > 0 { self.sampler.forced() } else { Vec::new() };
        // The text is learnt in any case.
        self.guesses = lookup.guess(&self.tokens, most);
        lookup.expect_forced(forced.first().copied());
        if forced.is_empty() {
            return lookup.hits();
        }
        forced.truncate(most);
        self.guesses = forced;
        lookup.forced_hits()
    }

    /// Whether the tokens that were chosen in a pass are those that were guessed, so far, and the next position counts.
    pub(super) fn goes_on_in_pass(&mut self) -> bool {
        let chosen = self.chosen_in_pass();
        let is_accepted = chosen > 0 && self.guesses.get(chosen - 1) == self.tokens.last();
        let goes_on = self.finished.is_none() && (chosen == 0 || is_accepted);
        self.usage.accepted_tokens += usize::from(goes_on && is_accepted);
        goes_on
    }

    /// Tokens that were chosen since the pass began: what it computed ends with the guesses.
    fn chosen_in_pass(&self) -> usize {
        let computed = self.sequence.as_ref().map_or(0, Sequence::len) - self.guesses.len();
        self.tokens.len().saturating_sub(computed)
    }

    /// Drops what was computed behind the last guess that came true.
    pub(super) fn drop_guesses(&mut self) {
        let chosen = self.chosen_in_pass();
        let Some(sequence) = self.sequence.as_mut().filter(|_| !self.guesses.is_empty()) else { return };
        let before = self.tokens.len() - chosen;
        let accepted = self.tokens[before..].iter().zip(&self.guesses).take_while(|(a, b)| a == b).count();
        sequence.truncate(before + accepted);
        self.guesses.clear();
    }

    /// Goes on behind `sequence`, which is a beginning of its tokens.
    pub(super) fn begin_with(&mut self, sequence: Sequence) {
        if self.usage.completion_tokens == 0 {
            self.usage.cached_tokens = sequence.len();
        }
        self.sequence = Some(sequence);
    }

    /// The blocks of its keys and values: see [`KvCache::block_ids`](crate::model::KvCache::block_ids).
    pub(super) fn block_ids(&self) -> impl Iterator<Item = usize> {
        self.sequence.iter().flat_map(|sequence| sequence.kv().block_ids())
    }

    /// The meaning of a chosen token: the end, or text.
    pub(super) fn take_token(&mut self, tokenizer: &Tokenizer, id: u32, logprobs: Option<TokenLogprobs>) -> Result<()> {
        self.usage.completion_tokens += 1;
        let is_control = tokenizer.kind(id)? == TokenKind::Control;
        // A benchmark times a number of tokens; where a model's turn would end among them says nothing about speed.
        if self.synthetic.is_none() && (tokenizer.is_stop(id) || self.stop_tokens.binary_search(&id).is_ok()) {
            self.end_at(id, is_control);
            return Ok(());
        }
        let text = self.decoder.push(tokenizer, id)?;
        let mut found = self.stop.push(&text);
        if is_control && found.stop.is_none() {
            let behind = self.stop.push_control(id);
            found = Found { text: found.text + &behind.text, stop: behind.stop };
            if found.stop.is_some() {
                // Half a character, which came before the token.
                found.text.push_str(&self.decoder.finish());
            }
        }
        self.queue.push_back(Event::Token { id, text: found.text, logprobs });
        if let Some(stop) = found.stop {
            self.end(FinishReason::Stop, Some(StoppedBy::Text(stop)), String::new());
        } else if self.sampler.is_complete() {
            self.complete();
        } else if self.usage.completion_tokens >= self.max_tokens {
            self.run_out();
        } else {
            self.tokens.push(id);
        }
        Ok(())
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
