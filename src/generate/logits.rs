//! The logits of a text, in small steps: the tokens in batches through one layer of the model after another, then the head
//! for the positions that were asked for.

use xxhash_rust::xxh64::Xxh64;

use crate::model::{ForwardPass, HiddenStates, Sequence};
use crate::sample::no_numbers;
use crate::{Error, ErrorKind, Result};

use super::Engine;
use super::logprobs::log_sum_exp;

/// Positions whose logits one step computes, in one product with the head. As many share the reading of it; more would
/// only make the step longer.
pub(super) const HEAD_TOKENS: usize = 8;

/// Logits under way. Drive it by [`Engine::step_logits`] until [`LogitsStep::Done`].
#[derive(Debug)]
pub struct LogitsRun {
    ids: Vec<u32>,
    /// Positions that are left to compute, in ascending order, each with its row of the answer.
    todo: Vec<(usize, usize)>,
    /// Whether the log-probability of the token that follows each position is wanted, and not its logits.
    scores: bool,
    /// The tokens that have been computed; `None` before the first batch and after the last.
    sequence: Option<Sequence>,
    pass: Option<ForwardPass>,
    /// The last pass that ended, and the position of its first token.
    hidden: Option<(HiddenStates, usize)>,
}

/// The outcome of one step.
#[derive(Clone, Debug, PartialEq)]
pub enum LogitsStep {
    /// A batch of the text went through one layer of the model.
    Layer,
    /// Some rows of the answer are there.
    Rows {
        /// Which rows: indices of the positions that were asked for.
        rows: Vec<usize>,
        /// Their logits, `[rows, vocab_size]`.
        logits: Vec<f32>,
    },
    /// The log-probabilities, in nats, of the tokens that follow some positions.
    Scores {
        /// Which rows: indices of the positions that were asked for.
        rows: Vec<usize>,
        /// `[rows]`
        logprobs: Vec<f32>,
    },
    /// All rows were there.
    Done,
}

impl Engine {
    /// Begins to compute the logits after each of `positions` of `ids`. What they share from the start on with a text that
    /// was computed before is not computed again.
    ///
    /// # Errors
    /// `InvalidArgument` for an id or a position that does not exist, `ContextOverflow` if the ids do not fit.
    pub fn begin_logits(&self, ids: Vec<u32>, positions: &[usize]) -> Result<LogitsRun> {
        self.model().check_tokens(&ids)?;
        if let Some(position) = positions.iter().find(|&&p| p >= ids.len()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("position {position} does not exist: there are {} tokens", ids.len()),
            ));
        }
        let last = positions.iter().max().map_or(0, |&p| p + 1);
        if last > self.model().context() {
            return Err(self.overflow("the text", last, false));
        }
        let mut todo: Vec<(usize, usize)> = positions.iter().copied().zip(0..).collect();
        todo.sort_unstable();
        Ok(LogitsRun { ids, todo, scores: false, sequence: None, pass: None, hidden: None })
    }

    /// Begins to compute the log-probability of each token of `ids` behind those before it, by exact logits, from the second
    /// on: their row is their position less one.
    ///
    /// # Errors
    /// `InvalidArgument` for an id that does not exist, or fewer than two ids; `ContextOverflow` if the ids do not fit.
    pub fn begin_scores(&self, ids: Vec<u32>) -> Result<LogitsRun> {
        if ids.len() < 2 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("the text: expected at least 2 tokens, found {}: the first one has no probability", ids.len()),
            ));
        }
        let positions: Vec<usize> = (0..ids.len() - 1).collect();
        Ok(LogitsRun { scores: true, ..self.begin_logits(ids, &positions)? })
    }

    /// Does the next bit of work: one layer of the model for a batch of tokens, or the head for a few positions.
    ///
    /// # Errors
    /// `OutOfMemory` if there is no room for keys and values or for the logits, `Internal` if the logits are no numbers.
    pub fn step_logits(&mut self, run: &mut LogitsRun) -> Result<LogitsStep> {
        let (Some(&(first, _)), Some(&(last, _))) = (run.todo.first(), run.todo.last()) else {
            self.end_logits(run);
            return Ok(LogitsStep::Done);
        };
        self.executor.start();
        if let Some((hidden, begin)) = &run.hidden {
            let end = begin + hidden.tokens();
            let count = run.todo.iter().take_while(|(position, _)| *position < end).count().min(HEAD_TOKENS);
            if run.scores && count > 0 {
                let (position, row) = run.todo.remove(0);
                let logits = self.exact_logits(hidden, position - begin);
                let next = logits[run.ids[position + 1] as usize];
                let logprob = (f64::from(next) - log_sum_exp(&logits)) as f32;
                if !logprob.is_finite() {
                    return Err(no_numbers(logits.len()));
                }
                return Ok(LogitsStep::Scores { rows: vec![row], logprobs: vec![logprob] });
            }
            if count > 0 {
                let vocab_size = self.model().config().vocab_size;
                let tokens: Vec<usize> = run.todo[..count].iter().map(|(position, _)| position - begin).collect();
                let mut logits = zeros(count * vocab_size)?;
                hidden.logits(&self.loaded.model, &tokens, &mut logits, &mut self.executor);
                if !logits.iter().all(|logit| logit.is_finite()) {
                    return Err(no_numbers(vocab_size));
                }
                let rows = run.todo.drain(..count).map(|(_, row)| row).collect();
                return Ok(LogitsStep::Rows { rows, logits });
            }
        }
        // The token of the first position is run in any case: its hidden state is not kept.
        let mut sequence =
            run.sequence.take().unwrap_or_else(|| self.take_sequence(&run.ids, first, self.adapters.clone()));
        let mut pass = match run.pass.take() {
            Some(pass) => pass,
            None => {
                let begin = sequence.len();
                let batch = &run.ids[begin..(last + 1).min(begin + ForwardPass::MAX_TOKENS)];
                self.cache.make_room(sequence.kv().missing_blocks(begin + batch.len()));
                loop {
                    let input = &mut [(&mut sequence, batch)];
                    match ForwardPass::begin(&self.loaded.model, input, &mut self.executor) {
                        // What is kept takes the memory that the bound allows and that is not there.
                        Err(error) if error.kind() == ErrorKind::OutOfMemory && self.cache.give_up_block() => {}
                        begun => break begun?,
                    }
                }
            }
        };
        if pass.layer(&self.loaded.model, &mut [&mut sequence], &mut self.executor)? {
            run.pass = Some(pass);
        } else {
            let begin = sequence.len();
            run.hidden = Some((pass.end(&mut [&mut sequence])?, begin));
        }
        run.sequence = Some(sequence);
        Ok(LogitsStep::Layer)
    }

    /// Keeps what a run has computed for a text that begins alike. A run that has come to its end has done so.
    pub fn end_logits(&mut self, run: &mut LogitsRun) {
        (run.pass, run.hidden) = (None, None);
        if let Some(sequence) = run.sequence.take() {
            self.cache.keep(sequence);
        }
    }

    /// The logits after each of `positions` of `ids`: `[positions.len(), vocab_size]`, in the order of `positions`.
    ///
    /// # Errors
    /// As [`begin_logits`](Self::begin_logits) and [`step_logits`](Self::step_logits).
    pub fn logits(&mut self, ids: &[u32], positions: &[usize]) -> Result<Vec<f32>> {
        let mut run = self.begin_logits(ids.to_vec(), positions)?;
        let vocab_size = self.model().config().vocab_size;
        let mut out = zeros(positions.len() * vocab_size)?;
        loop {
            match self.step_logits(&mut run)? {
                LogitsStep::Layer => {}
                LogitsStep::Rows { rows, logits } => {
                    for (row, logits) in rows.into_iter().zip(logits.chunks_exact(vocab_size)) {
                        out[row * vocab_size..][..vocab_size].copy_from_slice(logits);
                    }
                }
                LogitsStep::Scores { .. } | LogitsStep::Done => return Ok(out),
            }
        }
    }

    /// The log-probability, in nats, of each token of `ids` behind those before it, from the second on.
    ///
    /// # Errors
    /// As [`begin_scores`](Self::begin_scores) and [`step_logits`](Self::step_logits).
    pub fn scores(&mut self, ids: &[u32]) -> Result<Vec<f32>> {
        let mut run = self.begin_scores(ids.to_vec())?;
        let mut out = zeros(ids.len() - 1)?;
        loop {
            match self.step_logits(&mut run)? {
                LogitsStep::Scores { rows, logprobs } => {
                    rows.into_iter().zip(logprobs).for_each(|(row, logprob)| out[row] = logprob);
                }
                LogitsStep::Layer => {}
                LogitsStep::Rows { .. } | LogitsStep::Done => return Ok(out),
            }
        }
    }

    /// A fingerprint of model and arithmetic: xxh64 (seed 0) over the little-endian f32 bits of the last position's
    /// logits for the 16 token ids of [`hash_tokens`]. It is the same for every kernel, thread count and batch size,
    /// and differs between the two precisions.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn logits_hash(&mut self) -> Result<u64> {
        let ids = hash_tokens(self.model().config().vocab_size);
        let ids = &ids[..ids.len().min(self.model().context())];
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

/// Memory for logits.
fn zeros(len: usize) -> Result<Vec<f32>> {
    let mut out = Vec::new();
    out.try_reserve_exact(len).map_err(|e| {
        Error::new(
            ErrorKind::OutOfMemory,
            format!("{len} logits do not fit into memory: ask for fewer positions at a time"),
        )
        .with_source(e)
    })?;
    out.resize(len, 0.0);
    Ok(out)
}
