use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Logits are divided by this, so more of it flattens the distribution; 0 takes the most likely token.
#[derive(Clone, Copy, Debug)]
pub struct Temperature(pub f32);

impl Processor for Temperature {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        if self.0 == 0.0 {
            return candidates.keep_greatest();
        }
        candidates.set_temperature(self.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kept, tenths, weighed};
    use super::*;

    #[test]
    fn half_the_temperature_squares_weights() {
        let weights: Vec<f32> = weighed(&tenths(), &mut [&mut Temperature(0.5)]).iter().map(|c| c.weight).collect();
        for (weight, want) in weights.iter().zip([1.0, 4.0, 9.0, 16.0]) {
            assert!((weight - want / 16.0).abs() < 1e-6, "{weights:?}");
        }
        assert_eq!(kept(&tenths(), &mut [&mut Temperature(1e-30)]), [3]);
    }

    #[test]
    fn none_takes_the_most_likely() {
        assert_eq!(kept(&[0.0, 3.0, -1.0, 3.0], &mut [&mut Temperature(0.0)]), [1]);
        // Behind a filter as well.
        let mut top = super::super::TopK(2);
        assert_eq!(kept(&tenths(), &mut [&mut top, &mut Temperature(0.0)]), [3]);
    }
}
