//! What the caller decides about sampling, and its ranges.

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
            temperature: 0.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
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
        let is_share = |value: f32| (0.0..=1.0).contains(&value);
        let checks = [
            ("temperature", self.temperature, self.temperature >= 0.0 && self.temperature.is_finite(), "0 or more"),
            ("topP", self.top_p, is_share(self.top_p), "0 to 1"),
            ("minP", self.min_p, is_share(self.min_p), "0 to 1"),
            (
                "repetitionPenalty",
                self.repetition_penalty,
                self.repetition_penalty > 0.0 && self.repetition_penalty.is_finite(),
                "a number above 0",
            ),
        ];
        match checks.into_iter().find(|&(.., valid, _)| !valid) {
            None => Ok(()),
            Some((name, value, _, range)) => {
                Err(Error::new(ErrorKind::InvalidArgument, format!("{name}: expected {range}, found {value}")))
            }
        }
    }
}
