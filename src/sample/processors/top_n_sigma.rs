use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Only tokens stay whose logit is at most `n` standard deviations of all logits below the greatest (Tang et al., "Top-nσ: Not
/// All Logits Are You Need"; llama.cpp's `llama_sampler_init_top_n_sigma`). Tokens that were ruled out do not count. The result
/// does not depend on the temperature.
#[derive(Clone, Copy, Debug)]
pub struct TopNSigma(pub f32);

impl Processor for TopNSigma {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let logits = candidates.logits_mut();
        let finite = || logits.iter().copied().filter(|logit| logit.is_finite());
        let (count, sum) = finite().fold((0.0, 0.0), |(count, sum), logit| (count + 1.0, sum + f64::from(logit)));
        let mean = sum / count;
        let squares: f64 = finite().map(|logit| (f64::from(logit) - mean) * (f64::from(logit) - mean)).sum();
        let deviation = (squares / count).sqrt();
        let greatest = finite().fold(f32::NEG_INFINITY, f32::max);
        let least = f64::from(greatest) - f64::from(self.0) * deviation;
        for logit in logits.iter_mut() {
            if f64::from(*logit) < least {
                *logit = f32::NEG_INFINITY;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::kept;
    use super::super::{Temperature, TopK};
    use super::*;

    #[test]
    fn the_spread_of_all_logits_is_the_measure() {
        // Mean 0, standard deviation 2.
        let logits = [3.0, 1.0, 1.0, -1.0, -1.0, -3.0, 0.0, 0.0, 2.0, -2.0, 3.0, -3.0];
        let deviation = (48.0f32 / 12.0).sqrt();
        assert_eq!(deviation, 2.0);
        assert_eq!(kept(&logits, &mut [&mut TopNSigma(0.5)]), [0, 8, 10]);
        assert_eq!(kept(&logits, &mut [&mut TopNSigma(1.0)]), [0, 1, 2, 8, 10]);
        assert_eq!(kept(&logits, &mut [&mut TopNSigma(1.5)]), [0, 1, 2, 6, 7, 8, 10]);
        assert_eq!(kept(&logits, &mut [&mut TopNSigma(9.0)]).len(), 12);
    }

    #[test]
    fn neither_temperature_nor_tokens_that_are_out_matter() {
        let logits = [3.0, 1.0, -1.0, -3.0, f32::NEG_INFINITY];
        let alone = kept(&logits, &mut [&mut TopNSigma(1.0)]);
        assert_eq!(alone, [0, 1]);
        assert_eq!(kept(&logits, &mut [&mut Temperature(3.0), &mut TopNSigma(1.0)]), alone);
        assert_eq!(kept(&logits, &mut [&mut TopK(1), &mut TopNSigma(9.0)]), [0]);
    }
}
