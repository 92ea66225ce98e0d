//! A short generation that tells whether an engine works, and leaves no trace: it goes through the threads, the weights and the
//! head like every other, with keys and values of its own, between the passes of all others.

use crate::model::{ForwardPass, KvPool, Sequence};
use crate::sample::no_numbers;
use crate::{Error, ErrorKind, Result};

use super::Engine;
use super::logits::hash_tokens;

/// Tokens that are read before one is written.
const PROMPT: usize = 4;

/// A trial under way. Drive it by [`Engine::step_trial`] until that returns `true`.
#[derive(Debug)]
pub struct Trial {
    /// Those that are read, and behind them those that were written.
    tokens: Vec<u32>,
    /// How many there will be.
    most: usize,
    sequence: Sequence,
    pass: Option<ForwardPass>,
}

impl Trial {
    /// The tokens that were written.
    pub fn written(&self) -> &[u32] {
        &self.tokens[PROMPT.min(self.tokens.len())..]
    }
}

impl Engine {
    /// Begins a trial that writes `count` tokens, or as many as the context holds: the likeliest ones behind a few that are
    /// the same for every trial. A model that makes embeddings writes none.
    pub fn begin_trial(&self, count: usize) -> Trial {
        let model = self.model();
        let prompt = PROMPT.min(model.context());
        let tokens = hash_tokens(model.config().vocab_size)[..prompt].to_vec();
        let count = if model.is_for_embeddings() { 0 } else { count };
        // Of a pool of its own: the bound on the blocks of all others must not notice it.
        let pool = KvPool::new(model.config(), model.kv_format());
        let sequence = Sequence::in_pool(model, &pool, self.adapters.clone());
        Trial { tokens, most: (prompt + count).min(model.context()), sequence, pass: None }
    }

    /// Takes a trial through the next layer of the model. Returns whether it has come to its end.
    ///
    /// # Errors
    /// `Internal` if the model's numbers are none any more, `OutOfMemory` if keys and values of a few tokens do not fit.
    pub fn step_trial(&mut self, trial: &mut Trial) -> Result<bool> {
        self.executor.start();
        let mut pass = match trial.pass.take() {
            Some(pass) => pass,
            None => {
                let tokens = &trial.tokens[trial.sequence.len()..];
                if tokens.is_empty() {
                    return Err(Error::new(ErrorKind::Internal, "a step of a trial that has ended"));
                }
                ForwardPass::begin(&self.loaded.model, &mut [(&mut trial.sequence, tokens)], &mut self.executor)?
            }
        };
        if pass.layer(&self.loaded.model, &mut [&mut trial.sequence], &mut self.executor)? {
            trial.pass = Some(pass);
            return Ok(false);
        }
        let hidden = pass.end(&mut [&mut trial.sequence])?;
        let last = hidden.tokens() - 1;
        if trial.tokens.len() == trial.most {
            let values = hidden.normalized(&self.loaded.model, &[last], &mut self.executor);
            return if values.iter().all(|value| value.is_finite()) { Ok(true) } else { Err(no_numbers(values.len())) };
        }
        let mut logits = std::mem::take(&mut self.logits);
        logits.resize(self.model().config().vocab_size, 0.0);
        hidden.logits(&self.loaded.model, &[last], &mut logits, &mut self.executor);
        let likeliest = (0..).zip(&logits).max_by(|a, b| a.1.total_cmp(b.1)).map(|(id, _)| id);
        let is_finite = logits.iter().all(|logit| logit.is_finite());
        self.logits = logits;
        match likeliest.filter(|_| is_finite) {
            Some(id) => trial.tokens.push(id),
            None => return Err(no_numbers(self.model().config().vocab_size)),
        }
        Ok(trial.tokens.len() == trial.most)
    }
}
