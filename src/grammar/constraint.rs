//! One answer on its way through what it must follow.

use llguidance::{Matcher, TokenParser};

use crate::{Error, Result};

/// Where an answer is within its format.
pub struct Constraint {
    matcher: Matcher,
    /// Of the format, for errors.
    name: &'static str,
    /// The last mask.
    words: Vec<u32>,
}

impl Constraint {
    pub(crate) fn new(parser: TokenParser, name: &'static str) -> Result<Self> {
        let mut constraint = Self { matcher: Matcher::new(Ok(parser)), name, words: Vec::new() };
        // What no text can satisfy is told now, and so is what is too much work.
        if constraint.mask()?.iter().all(|&word| word == 0) {
            return Err(Error::new(format!("{name}: no text satisfies it, or none that this vocabulary can spell")));
        }
        Ok(constraint)
    }

    /// The tokens that may come next: bit `id % 32` of word `id / 32`. Behind a complete answer these are the stop tokens.
    ///
    /// # Errors
    /// If it takes too much work to tell, or nothing that the vocabulary can spell may follow.
    pub fn mask(&mut self) -> Result<&[u32]> {
        let mask = self.matcher.compute_mask_or_eos().map_err(|error| Error::of(self.name, &error))?;
        self.words.clear();
        self.words.extend_from_slice(mask.as_slice());
        Ok(&self.words)
    }

    /// Goes on behind `token`, and returns whether the answer is complete: no token but a stop token may follow.
    ///
    /// # Errors
    /// If the last mask did not allow it, or it takes too much work.
    pub fn accept(&mut self, token: u32) -> Result<bool> {
        self.matcher.consume_token(token).map_err(|error| Error::of(self.name, &error))?;
        Ok(self.matcher.is_stopped())
    }

    /// Whether the answer may end here.
    ///
    /// # Errors
    /// After an error of the others.
    pub fn may_end(&mut self) -> Result<bool> {
        if self.matcher.is_stopped() {
            return Ok(true);
        }
        self.matcher.is_accepting().map_err(|error| Error::of(self.name, &error))
    }
}
