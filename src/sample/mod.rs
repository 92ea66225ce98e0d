//! From logits to a token: a chain of [processors](Processor), then a draw with seedable random numbers.

mod candidates;
mod options;
mod processors;
mod stop;
#[cfg(test)]
mod tests;

use oorandom::Rand64;

use crate::{Error, ErrorKind, Result};
pub use candidates::{Candidate, Candidates};
pub use options::SamplerOptions;
pub use processors::{
    AllowedTokens, Constrained, Constraint, LogitBias, MinP, Processor, RepetitionPenalty, Temperature, TopK, TopP,
};
pub use stop::{Found, StopMatcher};

/// The most lifted tokens that get exact logits. If more are lifted, these are the likeliest of them by their estimates,
/// which the least of so many is far from being chosen over.
const MOST_EXACT: usize = 2048;

/// Chooses tokens.
#[derive(Debug)]
pub struct Sampler {
    chain: Vec<Box<dyn Processor>>,
    random: Rand64,
    /// Reused from token to token.
    candidates: Vec<Candidate>,
}

impl Sampler {
    /// A sampler at the end of `prompt`, with steps in transformers' order: repetition penalty, temperature, top-k, top-p,
    /// min-p.
    ///
    /// # Errors
    /// `InvalidArgument` if an option is out of its range.
    pub fn new(options: SamplerOptions, prompt: &[u32]) -> Result<Self> {
        options.check()?;
        let SamplerOptions { temperature, top_k, top_p, min_p, repetition_penalty, repetition_window, seed } = options;
        let mut chain: Vec<Box<dyn Processor>> = Vec::new();
        if repetition_penalty != 1.0 {
            chain.push(Box::new(RepetitionPenalty::new(repetition_penalty, repetition_window, prompt)));
        }
        chain.push(Box::new(Temperature(temperature)));
        if top_k > 0 {
            chain.push(Box::new(TopK(top_k)));
        }
        if top_p < 1.0 {
            chain.push(Box::new(TopP(top_p)));
        }
        if min_p > 0.0 {
            chain.push(Box::new(MinP(min_p)));
        }
        Ok(Self { chain, random: Rand64::new(u128::from(seed)), candidates: Vec::new() })
    }

    /// Puts a step before all others.
    pub fn put_first(&mut self, processor: Box<dyn Processor>) {
        self.chain.insert(0, processor);
    }

    /// The tokens whose logits must be exact before [`sample`](Self::sample) may choose: those that a step lifts above
    /// others, likeliest by `logits` (`[vocab_size]`, estimates among them), at most a few thousand.
    ///
    /// # Errors
    /// `InvalidGrammar` if a grammar takes too much work.
    pub fn lifted(&mut self, logits: &[f32]) -> Result<Vec<u32>> {
        self.chain.iter_mut().try_for_each(|step| step.prepare(logits))?;
        let lifted = self.chain.iter().flat_map(|step| step.lifted());
        let mut ids: Vec<u32> = lifted.copied().filter(|&id| (id as usize) < logits.len()).collect();
        if ids.len() > MOST_EXACT {
            ids.select_nth_unstable_by(MOST_EXACT, |&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
            ids.truncate(MOST_EXACT);
        }
        Ok(ids)
    }

    /// Whether a grammar says that the text is complete: no token may follow.
    pub fn is_complete(&self) -> bool {
        self.chain.iter().any(|step| step.is_complete())
    }

    /// Chooses a token from `logits` `[vocab_size]`, which it may change, and remembers it.
    ///
    /// # Errors
    /// `Internal` if the logits are no numbers: the model or a kernel is broken.
    pub fn sample(&mut self, logits: &mut [f32]) -> Result<u32> {
        let mut candidates = Candidates::new(logits, &mut self.candidates);
        for processor in &mut self.chain {
            processor.process(&mut candidates)?;
        }
        let id = draw(candidates.weighed()?, &mut self.random)?;
        self.chain.iter_mut().for_each(|processor| processor.accept(id));
        Ok(id)
    }
}

/// A token by its weight.
fn draw(candidates: &[Candidate], random: &mut Rand64) -> Result<u32> {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    let mut left = random.rand_float() * total;
    for candidate in candidates {
        left -= f64::from(candidate.weight);
        if left < 0.0 {
            return Ok(candidate.id);
        }
    }
    // Rounding may leave a crumb after the last candidate.
    let last = candidates.last().map(|candidate| candidate.id);
    last.ok_or_else(|| Error::new(ErrorKind::Internal, "the sampler has ruled out every token"))
}

/// The error of logits (of `count` tokens) that are NaN or infinite.
pub(crate) fn no_numbers(count: usize) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the logits of {count} tokens are no finite numbers: the model file or a kernel is broken"),
    )
}
