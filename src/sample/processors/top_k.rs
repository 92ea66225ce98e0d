use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Only this many of the most likely tokens stay, at least one; of equals those with lower ids.
#[derive(Clone, Copy, Debug)]
pub struct TopK(pub usize);

impl Processor for TopK {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let list = candidates.weighed()?;
        let k = self.0.max(1);
        if k < list.len() {
            list.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
            list.truncate(k);
            // The selection leaves an order that depends on its algorithm, and sums depend on the order.
            list.sort_unstable_by_key(|candidate| candidate.id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kept, tenths};
    use super::*;

    #[test]
    fn the_most_likely_stay() {
        assert_eq!(kept(&tenths(), &mut [&mut TopK(2)]), [2, 3]);
        assert_eq!(kept(&tenths(), &mut [&mut TopK(9)]), [0, 1, 2, 3]);
        assert_eq!(kept(&[1.0; 4], &mut [&mut TopK(2)]), [0, 1]);
    }
}
