//! The options of sampling and their ranges.

use bitnet_options::{MIN_P, REPETITION_PENALTY, TEMPERATURE, TOP_P};

use crate::{Error, ErrorKind, Result};

/// How the next token is chosen. The default is greedy: everything else is off until it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerOptions {
    /// Logits are divided by this, so more of it flattens the distribution; 0 takes the most likely token.
    pub temperature: f32,
    /// Only this many of the most likely tokens stay; 0 keeps all.
    pub top_k: usize,
    /// Only the most likely tokens that together have this probability stay; 1 keeps all.
    pub top_p: f32,
    /// Only tokens at least this likely, relative to the most likely one, stay; 0 keeps all.
    pub min_p: f32,
    /// Logits of recent tokens are divided (if positive) or multiplied (if negative) by this; 1 changes nothing.
    pub repetition_penalty: f32,
    /// How many of the last tokens, prompt included, the penalty looks at; 0 for none.
    pub repetition_window: usize,
    /// Same seed, same logits: same tokens, natively and in a browser.
    pub seed: u64,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self {
            temperature: TEMPERATURE.default() as f32,
            top_k: 0,
            top_p: TOP_P.default() as f32,
            min_p: MIN_P.default() as f32,
            repetition_penalty: REPETITION_PENALTY.default() as f32,
            repetition_window: 64,
            seed: 0,
        }
    }
}

impl SamplerOptions {
    /// Checks every range.
    ///
    /// # Errors
    /// `InvalidArgument`, with the option's name as JavaScript spells it, its value and its range.
    pub fn check(&self) -> Result<()> {
        let checks = [
            (TEMPERATURE, self.temperature),
            (TOP_P, self.top_p),
            (MIN_P, self.min_p),
            (REPETITION_PENALTY, self.repetition_penalty),
        ];
        match checks.into_iter().find(|(rule, value)| !rule.allows(f64::from(*value))) {
            None => Ok(()),
            Some((rule, value)) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{}: expected {}, found {value}", rule.name, rule.expected(&[])),
            )),
        }
    }
}
