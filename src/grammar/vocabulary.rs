//! The tokens of a model, as the library walks through them.

use std::sync::Arc;

use llguidance::ParserFactory;
use llguidance::earley::SlicedBiasComputer;
use llguidance::toktrie::{ApproximateTokEnv, INVALID_TOKEN, InferenceCapabilities, TokEnv, TokRxInfo, TokTrie};

use crate::{Constraint, Error, Format, Result};

/// The byte that marks a control token: no text contains it. Its name follows, for grammars that ask for it by name.
pub const CONTROL: u8 = TokTrie::SPECIAL_TOKEN_MARKER;

/// The longest token that the library's tree of bytes has room for.
const LONGEST: usize = 1000;

/// The most tokens that it has room for.
const MOST_TOKENS: usize = 1 << 20;

/// The vocabulary of a model, and what all of its constraints share.
pub struct Vocabulary {
    factory: ParserFactory,
}

impl Vocabulary {
    /// From the bytes of all tokens, one after the other, and where each ends: `[vocab_size]`. Control tokens begin with
    /// [`CONTROL`]; a token without bytes is never allowed. `stop_tokens` end an answer that is complete.
    ///
    /// # Errors
    /// If the ends are not ascending within the bytes, or a stop token does not exist.
    pub fn new(bytes: &[u8], ends: &[u32], stop_tokens: &[u32]) -> Result<Self> {
        if ends.is_empty() || ends.len() > MOST_TOKENS || stop_tokens.iter().any(|&id| id as usize >= ends.len()) {
            return Err(Error::new(format!(
                "the vocabulary has {} tokens: expected 1 to {MOST_TOKENS}, the stop tokens among them",
                ends.len()
            )));
        }
        let mut words = Vec::with_capacity(ends.len());
        let mut start = 0;
        for &end in ends {
            let word = bytes.get(start..end as usize);
            let word = word.ok_or_else(|| Error::new("the vocabulary's tokens do not end one behind the other"))?;
            // A token that is too long is left out: the same text can be written in others.
            words.push(if word.len() <= LONGEST { word.to_vec() } else { Vec::new() });
            start = end as usize;
        }
        let info = TokRxInfo::new(ends.len() as u32, INVALID_TOKEN);
        let mut trie = TokTrie::from(&info, &words);
        if !stop_tokens.is_empty() {
            trie = trie.with_eos_tokens(stop_tokens);
        }
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let slices = SlicedBiasComputer::general_slices();
        let factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &slices);
        let mut factory = factory.map_err(|error| Error::of("the vocabulary", &error))?;
        factory.quiet();
        factory.limits_mut().verbose_errors = false;
        Ok(Self { factory })
    }

    /// The start of an answer that follows `format`.
    ///
    /// # Errors
    /// What is wrong with the format, or cannot be enforced.
    pub fn constrain(&self, format: &Format) -> Result<Constraint> {
        let parser = self.factory.create_parser(format.grammar()?);
        let constraint = parser
            .map_err(|error| Error::of(format.name(), &format!("{error:#}")))
            .and_then(|parser| Constraint::new(parser, format.name()));
        if constraint.is_err() {
            // A part that is wrong by itself is the reason.
            for (name, part) in format.parts() {
                self.constrain(part).map_err(|error| Error::new(format!("{name}: {error}")))?;
            }
        }
        constraint
    }

    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.factory.tok_env().tok_trie().vocab_size()
    }

    /// There is always a token.
    pub fn is_empty(&self) -> bool {
        false
    }
}
