use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Only tokens stay that are at least this likely, relative to the most likely one.
#[derive(Clone, Copy, Debug)]
pub struct MinP(pub f32);

impl Processor for MinP {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        candidates.weighed()?.retain(|candidate| candidate.weight >= self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kept, tenths};
    use super::*;

    #[test]
    fn the_most_likely_is_the_measure() {
        assert_eq!(kept(&tenths(), &mut [&mut MinP(0.6)]), [2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut MinP(0.0)]), [0, 1, 2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut MinP(1.0)]), [3]);
    }
}
