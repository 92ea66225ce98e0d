use crate::Result;

use super::super::{Candidate, Candidates};
use super::Processor;

/// Mirostat 2: keeps the surprise of an answer near a target, by leaving out tokens that are more surprising than a bound
/// which follows what was chosen (Basu et al., "Mirostat"; llama.cpp's `llama_sampler_init_mirostat_v2`).
#[derive(Clone, Debug)]
pub struct Mirostat {
    /// Bits per token.
    target: f64,
    rate: f64,
    /// The surprise, in bits, from which on tokens are left out.
    bound: f64,
    /// The tokens of the last step and the sum of their weights.
    kept: Vec<Candidate>,
    total: f64,
}

impl Mirostat {
    /// Keeps up `target` bits per token, and moves its bound by `rate` of what an answer misses of it. The bound begins at
    /// twice the target.
    pub fn new(target: f32, rate: f32) -> Self {
        let target = f64::from(target);
        Self { target, rate: f64::from(rate), bound: 2.0 * target, kept: Vec::new(), total: 0.0 }
    }
}

impl Processor for Mirostat {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let list = candidates.weighed()?;
        let total: f64 = list.iter().map(|candidate| f64::from(candidate.weight)).sum();
        let least = libm::exp2(-self.bound) * total;
        let likeliest = list.iter().max().copied();
        list.retain(|candidate| f64::from(candidate.weight) >= least);
        if list.is_empty() {
            list.extend(likeliest);
        }
        self.kept.clone_from(list);
        self.total = self.kept.iter().map(|candidate| f64::from(candidate.weight)).sum();
        Ok(())
    }

    fn accept(&mut self, token: u32) {
        if let Some(chosen) = self.kept.iter().find(|candidate| candidate.id == token) {
            let surprise = -libm::log2(f64::from(chosen.weight) / self.total);
            self.bound -= self.rate * (surprise - self.target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{kept, tenths};
    use super::*;

    #[test]
    fn the_bound_follows_what_is_chosen() {
        let mut step = Mirostat::new(1.0, 0.5);
        // 2 bits: a quarter.
        assert_eq!(kept(&tenths(), &mut [&mut step]), [2, 3]);
        step.accept(2);
        // It had 3 of 7: 1.2224 bits, so the bound falls to 1.8888 bits, 0.27.
        assert!((step.bound - (2.0 - 0.5 * ((7.0f64 / 3.0).log2() - 1.0))).abs() < 1e-6, "{}", step.bound);
        assert_eq!(kept(&tenths(), &mut [&mut step]), [2, 3]);
        for _ in 0..4 {
            step.accept(3);
        }
        // Dull tokens raise it.
        assert!((step.bound - 2.2741).abs() < 1e-3, "{}", step.bound);
        // The likeliest stays whatever the bound is.
        step.bound = -3.0;
        assert_eq!(kept(&tenths(), &mut [&mut step]), [3]);
    }
}
