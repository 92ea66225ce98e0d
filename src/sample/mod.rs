//! From logits to a token: a chain of [processors](Processor), then a draw with seedable random numbers.

mod candidates;
mod options;
mod processors;
mod recent;
mod stop;
#[cfg(test)]
mod tests;
mod texts;

use std::sync::Arc;

use oorandom::Rand64;

use crate::{Error, ErrorKind, Result};
pub use candidates::{Candidate, Candidates};
pub use options::{DryOptions, SamplerOptions};
pub use processors::{
    AllowedTokens, BannedStrings, Constrained, Constraint, Dry, FrequencyPenalty, LogitBias, MinP, Mirostat, Processor,
    RepetitionPenalty, Temperature, TopK, TopNSigma, TopP, TypicalP, Xtc,
};
pub use stop::{Found, StopMatcher};
pub use texts::TokenTexts;

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
    /// A sampler at the end of `prompt`. Its steps, where they are asked for, stand in this order: logit bias, banned strings,
    /// repetition penalty, frequency and presence penalty, DRY, top-n-sigma, temperature, then top-k, typical, top-p, min-p and
    /// XTC, or mirostat in place of these.
    ///
    /// The temperature stands before the filters as in transformers (`generation/logits_process.py`), llama.cpp puts it behind
    /// them; the others have llama.cpp's order (`common_params_sampling`).
    ///
    /// # Errors
    /// `InvalidArgument` if an option is out of its range.
    pub fn new(options: SamplerOptions, prompt: &[u32], texts: &Arc<dyn TokenTexts>) -> Result<Self> {
        options.check()?;
        let random = Rand64::new(u128::from(options.seed));
        if let Some((id, _)) = options.logit_bias.iter().find(|(id, _)| *id as usize >= texts.vocab_size()) {
            let vocab_size = texts.vocab_size();
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("logitBias: expected ids of tokens of this model, below {vocab_size}, found {id}"),
            ));
        }
        Ok(Self { chain: chain(options, prompt, texts), random, candidates: Vec::new() })
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

    /// Tokens that are likely to be chosen next, since a grammar lets nothing but their text follow.
    pub fn forced(&mut self) -> Vec<u32> {
        let forced = self.chain.iter_mut().map(|step| step.forced());
        forced.into_iter().find(|tokens| !tokens.is_empty()).unwrap_or_default()
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

/// The steps that `options` ask for.
fn chain(options: SamplerOptions, prompt: &[u32], texts: &Arc<dyn TokenTexts>) -> Vec<Box<dyn Processor>> {
    let mut chain: Vec<Box<dyn Processor>> = Vec::new();
    let mut put = |is_on: bool, step: &dyn Fn() -> Box<dyn Processor>| {
        if is_on {
            chain.push(step());
        }
    };
    let o = &options;
    let window = o.penalty_window;
    put(!o.logit_bias.is_empty(), &|| Box::new(LogitBias::new(o.logit_bias.iter().copied())));
    put(!o.banned_strings.is_empty(), &|| Box::new(BannedStrings::new(&o.banned_strings, texts.clone())));
    put(o.repetition_penalty != 1.0, &|| Box::new(RepetitionPenalty::new(o.repetition_penalty, window, prompt)));
    put(o.frequency_penalty != 0.0 || o.presence_penalty != 0.0, &|| {
        Box::new(FrequencyPenalty::new(o.frequency_penalty, o.presence_penalty, window, prompt))
    });
    put(o.dry.multiplier > 0.0, &|| Box::new(Dry::new(o.dry.clone(), prompt, texts.clone())));
    put(o.top_n_sigma > 0.0, &|| Box::new(TopNSigma(o.top_n_sigma)));
    put(true, &|| Box::new(Temperature(o.temperature)));
    put(o.top_k > 0, &|| Box::new(TopK(o.top_k)));
    put(o.typical_p < 1.0, &|| Box::new(TypicalP(o.typical_p)));
    put(o.top_p < 1.0, &|| Box::new(TopP(o.top_p)));
    put(o.min_p > 0.0, &|| Box::new(MinP(o.min_p)));
    put(o.xtc_probability > 0.0, &|| Box::new(Xtc::new(o.xtc_probability, o.xtc_threshold, o.seed)));
    put(o.mirostat_tau > 0.0, &|| Box::new(Mirostat::new(o.mirostat_tau, o.mirostat_eta)));
    chain
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
