use crate::Result;

use super::super::Candidates;
use super::Processor;

/// Numbers that are added to the logits of some tokens.
#[derive(Clone, Debug)]
pub struct LogitBias {
    ids: Vec<u32>,
    /// Of each of `ids`.
    biases: Vec<f32>,
}

impl LogitBias {
    /// Adds to the logit of each token its number; negative infinity rules it out.
    pub fn new(biases: impl IntoIterator<Item = (u32, f32)>) -> Self {
        let (ids, biases) = biases.into_iter().unzip();
        Self { ids, biases }
    }
}

impl Processor for LogitBias {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        let logits = candidates.logits_mut();
        for (&id, bias) in self.ids.iter().zip(&self.biases) {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit += bias;
            }
        }
        Ok(())
    }

    fn lifted(&self) -> &[u32] {
        &self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::weighed;
    use super::*;

    #[test]
    fn biases_add_to_logits() {
        let mut bias = LogitBias::new([(1, 2.0), (2, f32::NEG_INFINITY), (9, 1.0)]);
        let candidates = weighed(&[0.0, -1.0, 5.0], &mut [&mut bias]);
        assert_eq!(candidates.iter().map(|c| (c.id, c.weight)).collect::<Vec<_>>(), [(0, libm::expf(-1.0)), (1, 1.0)]);
        assert_eq!(bias.lifted(), [1, 2, 9]);
    }
}
