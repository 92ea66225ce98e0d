//! One answer on its way through what it must follow.

use std::collections::VecDeque;

use llguidance::toktrie::{TokEnv, TokTrie};
use llguidance::{Matcher, TokenParser};

use crate::derivation::derives_a_text;
use crate::{Error, Result};

/// As many tokens are looked ahead for, at most.
const FARTHEST: usize = 7;
/// Of more allowed tokens, one is not looked for whose beginnings are all the others.
const MOST_BEGINNINGS: u32 = 64;

/// Where an answer is within its format.
pub struct Constraint {
    matcher: Matcher,
    environment: TokEnv,
    /// Of the format, for errors.
    name: &'static str,
    /// Masks that are known: of the next token, and behind each token of `path`.
    masks: VecDeque<Vec<u32>>,
    /// Tokens that the answer is expected to go on with.
    path: VecDeque<u32>,
}

impl Constraint {
    pub(crate) fn new(parser: TokenParser, name: &'static str) -> Result<Self> {
        let nothing = || Error::new(format!("{name}: no text satisfies it, or none that this vocabulary can spell"));
        if !derives_a_text(parser.parser.grammar()) {
            return Err(nothing());
        }
        let environment = parser.token_env.clone();
        let matcher = Matcher::new(Ok(parser));
        let mut constraint = Self { matcher, environment, name, masks: VecDeque::new(), path: VecDeque::new() };
        // What no text can satisfy is told now, and so is what is too much work.
        if constraint.mask()?.iter().all(|&word| word == 0) {
            return Err(nothing());
        }
        Ok(constraint)
    }

    /// The tokens that may come next: bit `id % 32` of word `id / 32`. Behind a complete answer these are the stop tokens.
    ///
    /// # Errors
    /// If it takes too much work to tell, or nothing that the vocabulary can spell may follow.
    pub fn mask(&mut self) -> Result<&[u32]> {
        if self.masks.is_empty() {
            let mask = self.compute()?;
            self.masks.push_back(mask);
        }
        Ok(&self.masks[0])
    }

    fn compute(&mut self) -> Result<Vec<u32>> {
        let mask = self.matcher.compute_mask_or_eos().map_err(|error| Error::of(self.name, &error))?;
        Ok(mask.as_slice().to_vec())
    }

    /// Goes on behind `token`, and returns whether the answer is complete: no token but a stop token may follow.
    ///
    /// # Errors
    /// If the last mask did not allow it, or it takes too much work.
    pub fn accept(&mut self, token: u32) -> Result<bool> {
        self.matcher.consume_token(token).map_err(|error| Error::of(self.name, &error))?;
        if self.path.pop_front() == Some(token) {
            self.masks.pop_front();
        } else {
            self.path.clear();
            self.masks.clear();
        }
        Ok(self.matcher.is_stopped())
    }

    /// The next tokens as far as the format leaves no choice of text, a few at most: each is the longest that may come, and all others
    /// that may are its beginnings. A model may still choose one of those. The masks that this takes are not computed again.
    pub fn forced(&mut self) -> Vec<u32> {
        if self.path.is_empty() && self.mask().is_ok() {
            self.look_ahead();
        }
        self.path.iter().copied().collect()
    }

    fn look_ahead(&mut self) {
        while self.path.len() < FARTHEST
            && let Some(token) = self.masks.back().and_then(|mask| only(mask, self.environment.tok_trie()))
            && self.matcher.consume_token(token).is_ok()
        {
            // Behind the end nothing is expected, and what is wrong there is told when the answer is there.
            let mask = if self.matcher.is_stopped() { None } else { self.compute().ok() };
            self.path.push_back(token);
            match mask {
                Some(mask) => self.masks.push_back(mask),
                None => break,
            }
        }
        let steps = self.path.len();
        // Without a way back the answer ends in an error: the next call tells it.
        let _ = self.matcher.rollback(steps);
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

/// The token of a mask whose beginnings are all the others that it allows.
fn only(mask: &[u32], words: &TokTrie) -> Option<u32> {
    let count: u32 = mask.iter().map(|word| word.count_ones()).sum();
    if count == 0 || count > MOST_BEGINNINGS {
        return None;
    }
    let bits = |(index, &word): (usize, &u32)| {
        (0..32).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index as u32 * 32 + bit)
    };
    let ids: Vec<u32> = mask.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(bits).collect();
    let longest = ids.iter().copied().max_by_key(|&id| words.token(id).len())?;
    let text = words.token(longest);
    let is_text = |id: u32| words.token(id).first().is_some_and(|&byte| byte != TokTrie::SPECIAL_TOKEN_MARKER);
    ids.iter().all(|&id| is_text(id) && text.starts_with(words.token(id))).then_some(longest)
}
