//! The log-probabilities of tokens.

use crate::model::{HiddenStates, Precision};

use super::Engine;

/// A token and its log-probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Logprob {
    /// The token.
    pub id: u32,
    /// ln of its probability.
    pub logprob: f32,
}

/// The log-probability of a chosen token and of others in its place, by the model's logits: the softmax at temperature 1,
/// before any step of sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprobs {
    /// Of the chosen token, ln of its probability.
    pub logprob: f32,
    /// The likeliest tokens, the likeliest first, of equals the lower id.
    pub top: Vec<Logprob>,
}

impl TokenLogprobs {
    /// Of the token `id` and the `top` likeliest by exact `logits`, `[vocab_size]`.
    pub fn new(logits: &[f32], id: u32, top: usize) -> Self {
        let normalizer = log_sum_exp(logits);
        let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
        let by_logit = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
        if (1..ids.len()).contains(&top) {
            ids.select_nth_unstable_by(top - 1, by_logit);
        }
        ids.truncate(top);
        ids.sort_unstable_by(by_logit);
        let logprob = |id: u32| (f64::from(logits[id as usize]) - normalizer) as f32;
        Self { logprob: logprob(id), top: ids.into_iter().map(|id| Logprob { id, logprob: logprob(id) }).collect() }
    }
}

/// ln of the sum of `exp(logit)`.
pub(super) fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(libm::expf(logit - max))).sum();
    f64::from(max) + libm::log(sum)
}

impl Engine {
    /// All logits after one of the tokens, `[vocab_size]`, none of them estimated.
    pub(super) fn exact_logits(&mut self, hidden: &HiddenStates, token: usize) -> Vec<f32> {
        let model = &self.loaded.model;
        let mut logits = vec![0.0; model.config().vocab_size];
        match model.precision() {
            Precision::Exact => hidden.logits(model, &[token], &mut logits, &mut self.executor),
            Precision::Fast => {
                let ids: Vec<u32> = (0..logits.len() as u32).collect();
                hidden.exact_logits(model, token, &ids, &mut logits, &mut self.executor);
            }
        }
        logits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_those_of_the_softmax() {
        let logits: Vec<f32> = [0.1f32, 0.2, 0.3, 0.2, 0.2].map(|p| libm::logf(p) + 5.0).to_vec();
        let TokenLogprobs { logprob, top } = TokenLogprobs::new(&logits, 0, 3);
        assert!((logprob - 0.1f32.ln()).abs() < 1e-6);
        assert_eq!(top.iter().map(|other| other.id).collect::<Vec<_>>(), [2, 1, 3]);
        assert!((top[0].logprob - 0.3f32.ln()).abs() < 1e-6);
        assert_eq!(TokenLogprobs::new(&logits, 0, 0).top, []);
        let all = TokenLogprobs::new(&logits, 4, 99).top;
        assert_eq!(all.len(), 5);
        let sum: f32 = all.iter().map(|other| other.logprob.exp()).sum();
        assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    }
}
