use std::collections::BinaryHeap;
use std::mem;

use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Only the most likely tokens that together have this probability stay, at least one.
#[derive(Clone, Copy, Debug)]
pub struct TopP(pub f32);

impl Processor for TopP {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let list = candidates.weighed()?;
        let total: f64 = list.iter().map(|candidate| f64::from(candidate.weight)).sum();
        // A heap gives the likely tokens in order without sorting the whole vocabulary.
        let mut heap = BinaryHeap::from(mem::take(list));
        let mut sum = 0.0;
        while let Some(candidate) = heap.pop() {
            list.push(candidate);
            sum += f64::from(candidate.weight);
            if sum >= f64::from(self.0) * total {
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

    #[test]
    fn the_most_likely_stay_until_they_are_enough() {
        assert_eq!(kept(&tenths(), &mut [&mut TopP(0.85)]), [1, 2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut TopP(0.65)]), [2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut TopP(0.0)]), [3]);
    }
}
