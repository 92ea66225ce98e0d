use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::Result;

use super::super::{Candidate, Candidates};
use super::Processor;

/// Only the tokens stay whose information `-ln p` is closest to the expected one (the entropy), until they have more than this
/// probability together (Meister et al., "Locally Typical Sampling"; llama.cpp's `llama_sampler_init_typical`).
#[derive(Clone, Copy, Debug)]
pub struct TypicalP(pub f32);

/// A candidate and how far its information is from the expected one. The greatest is the closest, and of equals the lower id.
struct Distance {
    nats: f64,
    candidate: Candidate,
}

impl Ord for Distance {
    fn cmp(&self, other: &Self) -> Ordering {
        other.nats.total_cmp(&self.nats).then(Reverse(self.candidate.id).cmp(&Reverse(other.candidate.id)))
    }
}

impl PartialOrd for Distance {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Distance {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Distance {}

impl Processor for TypicalP {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let list = candidates.weighed()?;
        let total: f64 = list.iter().map(|candidate| f64::from(candidate.weight)).sum();
        let information = |candidate: &Candidate| -libm::log(f64::from(candidate.weight) / total);
        let entropy: f64 = list.iter().map(|c| f64::from(c.weight) / total * information(c)).sum();
        let distance = |candidate: Candidate| Distance { nats: (information(&candidate) - entropy).abs(), candidate };
        // A heap gives the closest ones in order without sorting the whole vocabulary.
        let mut heap: BinaryHeap<Distance> = list.drain(..).map(distance).collect();
        let mut sum = 0.0;
        while let Some(Distance { candidate, .. }) = heap.pop() {
            list.push(candidate);
            sum += f64::from(candidate.weight);
            if sum > f64::from(self.0) * total {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kept, tenths};
    use super::*;

    /// The entropy of tenths is 1.2799 nats; the tokens are 1.0227, 0.3296, 0.0759 and 0.3636 nats from it.
    #[test]
    fn the_tokens_of_expected_information_stay() {
        assert_eq!(kept(&tenths(), &mut [&mut TypicalP(0.25)]), [2]);
        assert_eq!(kept(&tenths(), &mut [&mut TypicalP(0.4)]), [1, 2]);
        assert_eq!(kept(&tenths(), &mut [&mut TypicalP(0.7)]), [1, 2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut TypicalP(0.95)]), [0, 1, 2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut TypicalP(0.0)]), [2]);
        // Of equals the lower ids.
        assert_eq!(kept(&[1.0; 4], &mut [&mut TypicalP(0.4)]), [0, 1]);
    }

    /// What is likeliest need not be typical.
    #[test]
    fn the_likeliest_token_may_go() {
        let mut logits = [libm::logf(0.01); 71];
        logits[0] = libm::logf(0.3);
        let kept = kept(&logits, &mut [&mut TypicalP(0.5)]);
        assert_eq!((kept.len(), kept[0]), (51, 1));
    }
}
