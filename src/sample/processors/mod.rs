//! The steps of the chain from logits to a token.

mod allowed;
mod banned;
mod bias;
mod constrained;
mod dry;
mod frequency;
mod min_p;
mod mirostat;
mod repetition;
mod temperature;
mod top_k;
mod top_n_sigma;
mod top_p;
mod typical;
mod xtc;

use std::fmt;

use crate::Result;

pub use allowed::AllowedTokens;
pub use banned::BannedStrings;
pub use bias::LogitBias;
pub use constrained::{Constrained, Constraint};
pub use dry::Dry;
pub use frequency::FrequencyPenalty;
pub use min_p::MinP;
pub use mirostat::Mirostat;
pub use repetition::RepetitionPenalty;
pub use temperature::Temperature;
pub use top_k::TopK;
pub use top_n_sigma::TopNSigma;
pub use top_p::TopP;
pub use typical::TypicalP;
pub use xtc::Xtc;

use super::Candidates;

/// One step of the chain: it changes how likely tokens are, or which of them may be chosen.
pub trait Processor: fmt::Debug {
    /// Looks at the logits (`[vocab_size]`, estimates among them) of the token that is about to be chosen, before
    /// [`lifted`](Self::lifted) is asked for.
    ///
    /// # Errors
    /// `InvalidGrammar` if a grammar takes too much work.
    fn prepare(&mut self, logits: &[f32]) -> Result<()> {
        let _ = logits;
        Ok(())
    }

    /// Works on the candidates that the steps before it left.
    ///
    /// # Errors
    /// `Internal` if the logits are no numbers: the model or a kernel is broken.
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()>;

    /// `token` was chosen.
    fn accept(&mut self, token: u32) {
        let _ = token;
    }

    /// The tokens that this step lifts above others. Their logits must be exact: the head may have estimated those of
    /// tokens that seemed unlikely.
    fn lifted(&self) -> &[u32] {
        &[]
    }

    /// Tokens that are likely to be chosen next, since this step lets nothing but their text follow.
    fn forced(&mut self) -> Vec<u32> {
        Vec::new()
    }

    /// Whether the text is complete behind the tokens that were chosen: none may follow.
    fn is_complete(&self) -> bool {
        false
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::super::texts::TokenTexts;
    use super::super::{Candidate, Candidates};
    use super::Processor;

    /// A vocabulary of the letters a to z, and "ab".
    #[derive(Debug)]
    pub(in super::super) struct Letters;

    impl Letters {
        pub(in super::super) fn arc() -> Arc<Self> {
            Arc::new(Self)
        }

        /// `+` is the token "ab".
        pub(in super::super) fn id(&self, letter: u8) -> u32 {
            if letter == b'+' { 26 } else { u32::from(letter - b'a') }
        }

        pub(in super::super) fn letter(&self, id: usize) -> char {
            if id == 26 { '+' } else { char::from(b'a' + id as u8) }
        }
    }

    impl TokenTexts for Letters {
        fn vocab_size(&self) -> usize {
            27
        }

        fn bytes(&self, id: u32) -> &[u8] {
            let id = id as usize;
            if id == 26 { b"ab" } else { b"abcdefghijklmnopqrstuvwxyz".get(id..id + 1).unwrap_or_default() }
        }
    }

    /// ln of 1, 2, 3 and 4 tenths.
    pub(in super::super) fn tenths() -> [f32; 4] {
        [0.1f32, 0.2, 0.3, 0.4].map(libm::logf)
    }

    /// The ids that some steps leave of `logits`, in ascending order.
    pub(in super::super) fn kept(logits: &[f32], steps: &mut [&mut dyn Processor]) -> Vec<u32> {
        let mut ids: Vec<u32> = weighed(logits, steps).iter().map(|candidate| candidate.id).collect();
        ids.sort_unstable();
        ids
    }

    pub(in super::super) fn weighed(logits: &[f32], steps: &mut [&mut dyn Processor]) -> Vec<Candidate> {
        let (mut logits, mut list) = (logits.to_vec(), Vec::new());
        let mut candidates = Candidates::new(&mut logits, &mut list);
        steps.iter_mut().for_each(|step| step.process(&mut candidates).unwrap());
        candidates.weighed().unwrap().clone()
    }
}
