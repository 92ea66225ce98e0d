use crate::Result;

use super::super::Candidates;
use super::super::recent::RecentTokens;
use super::Processor;

/// Makes recent tokens less likely, each once, however often it came (Keskar et al., "CTRL", section 4.1).
#[derive(Clone, Debug)]
pub struct RepetitionPenalty {
    penalty: f32,
    recent: RecentTokens,
}

impl RepetitionPenalty {
    /// Divides (if positive) or multiplies (if negative) the logits of the last `window` tokens by `penalty`, which is
    /// above 0. The first ones are those at the end of `prompt`.
    pub fn new(penalty: f32, window: usize, prompt: &[u32]) -> Self {
        Self { penalty, recent: RecentTokens::new(window, prompt) }
    }
}

impl Processor for RepetitionPenalty {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let logits = candidates.logits_mut();
        for (id, _) in self.recent.counts() {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = if *logit > 0.0 { *logit / self.penalty } else { *logit * self.penalty };
            }
        }
        Ok(())
    }

    fn accept(&mut self, token: u32) {
        self.recent.push(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_the_window_are_penalized_once() {
        let mut penalty = RepetitionPenalty::new(2.0, 2, &[0, 1, 1]);
        let mut penalized = |token: u32| {
            let (mut logits, mut list) = ([3.0, 4.0, 2.5, -1.0], Vec::new());
            penalty.process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
            penalty.accept(token);
            logits
        };
        assert_eq!(penalized(3), [3.0, 2.0, 2.5, -1.0]);
        assert_eq!(penalized(9), [3.0, 2.0, 2.5, -2.0]);
        assert_eq!(penalized(0), [3.0, 4.0, 2.5, -2.0]);
        assert_eq!(penalized(0), [1.5, 4.0, 2.5, -1.0]);
        let mut none = RepetitionPenalty::new(2.0, 0, &[0]);
        none.accept(0);
        let (mut logits, mut list) = ([1.0], Vec::new());
        none.process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
        assert_eq!(logits, [1.0]);
    }
}
