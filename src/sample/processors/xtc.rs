use oorandom::Rand64;

use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Separates the random numbers of this step from those of the draw, which has the same seed.
const STREAM: u128 = 1 << 64;

/// Exclude top choices: now and then all tokens that reach a probability, but the least likely of them, are left out
/// (p-e-w, text-generation-webui pull request 6335; llama.cpp's `llama_sampler_init_xtc`).
#[derive(Clone, Debug)]
pub struct Xtc {
    probability: f32,
    threshold: f32,
    random: Rand64,
}

impl Xtc {
    /// Works with `probability` at each token, on tokens of at least the probability `threshold`.
    pub fn new(probability: f32, threshold: f32, seed: u64) -> Self {
        Self { probability, threshold, random: Rand64::new(u128::from(seed) | STREAM) }
    }
}

impl Processor for Xtc {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        // A number is drawn at every token, so that no logits decide which one the next token gets.
        if self.random.rand_float() >= f64::from(self.probability) {
            return Ok(());
        }
        let list = candidates.weighed()?;
        let total: f64 = list.iter().map(|candidate| f64::from(candidate.weight)).sum();
        let least = f64::from(self.threshold) * total;
        let reach = list.iter().filter(|candidate| f64::from(candidate.weight) >= least);
        if let Some(last) = reach.min().copied() {
            list.retain(|candidate| f64::from(candidate.weight) < least || candidate.id == last.id);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kept, tenths};
    use super::*;

    #[test]
    fn the_least_likely_of_the_likely_stays() {
        let kept = |threshold| kept(&tenths(), &mut [&mut Xtc::new(1.0, threshold, 0)]);
        assert_eq!(kept(0.05), [0]);
        assert_eq!(kept(0.15), [0, 1]);
        assert_eq!(kept(0.25), [0, 1, 2]);
        // One that reaches it alone stays, and so does everything where none does.
        assert_eq!(kept(0.35), [0, 1, 2, 3]);
        assert_eq!(kept(0.45), [0, 1, 2, 3]);
    }

    #[test]
    fn it_works_as_often_as_its_probability_says() {
        let mut step = Xtc::new(0.3, 0.15, 5);
        let worked = (0..10_000).filter(|_| kept(&tenths(), &mut [&mut step]).len() == 2).count();
        // Five standard deviations of 10,000 draws are 229.
        assert!((2771..3229).contains(&worked), "{worked}");
        let mut never = Xtc::new(0.0, 0.15, 5);
        assert!((0..100).all(|_| kept(&tenths(), &mut [&mut never]).len() == 4));
    }
}
