use crate::Result;

use super::super::Candidates;
use super::super::recent::RecentTokens;
use super::Processor;

/// Subtracts from the logits of recent tokens, by how often they came (frequency) and once for each (presence). The formula
/// is that of OpenAI's API reference and of llama.cpp's `llama_sampler_init_penalties`.
#[derive(Clone, Debug)]
pub struct FrequencyPenalty {
    frequency: f32,
    presence: f32,
    recent: RecentTokens,
}

impl FrequencyPenalty {
    /// `logit - count * frequency - presence` for each of the last `window` tokens. The first ones are those at the end of
    /// `prompt`.
    pub fn new(frequency: f32, presence: f32, window: usize, prompt: &[u32]) -> Self {
        Self { frequency, presence, recent: RecentTokens::new(window, prompt) }
    }
}

impl Processor for FrequencyPenalty {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let logits = candidates.logits_mut();
        for (id, count) in self.recent.counts() {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit -= count as f32 * self.frequency + self.presence;
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
    fn a_token_is_penalized_by_how_often_it_came_within_the_window() {
        let mut penalty = FrequencyPenalty::new(0.5, 0.25, 3, &[2, 0, 1, 1]);
        let mut penalized = |token: u32| {
            let (mut logits, mut list) = ([3.0, 4.0, 2.5], Vec::new());
            penalty.process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
            penalty.accept(token);
            logits
        };
        assert_eq!(penalized(1), [2.25, 2.75, 2.5]);
        assert_eq!(penalized(9), [3.0, 2.25, 2.5]);
        assert_eq!(penalized(9), [3.0, 2.75, 2.5]);
    }

    #[test]
    fn negative_penalties_favour_what_came() {
        let mut penalty = FrequencyPenalty::new(-1.0, -0.5, 8, &[1]);
        let (mut logits, mut list) = ([0.0, 0.0], Vec::new());
        penalty.process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
        assert_eq!(logits, [0.0, 1.5]);
    }
}
