//! The tokens that may come next.

use std::cmp::{Ordering, Reverse};

use crate::{Error, ErrorKind, Result};

/// A token that may be chosen. Ordered by weight, and among equals the lower id is the greater candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// `exp((logit - greatest logit) / temperature)`: 0 to 1, the most likely token has exactly 1.
    pub weight: f32,
    /// The token.
    pub id: u32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.weight.total_cmp(&other.weight).then(Reverse(self.id).cmp(&Reverse(other.id)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The logits of all tokens, and those tokens that may still be chosen with their weights.
///
/// Weights are made of the logits when somebody asks for them, so a step that changes logits or temperature may stand
/// anywhere in a chain. Results are the same natively and in wasm: exp comes from libm, and sums have one fixed order.
#[derive(Debug)]
pub struct Candidates<'a> {
    /// `[vocab_size]`
    logits: &'a mut [f32],
    temperature: f32,
    /// All tokens of a weight above 0, until a step keeps fewer. Meaningless while `state` is `All`.
    list: &'a mut Vec<Candidate>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Every token may be chosen, and none has a weight yet.
    All,
    /// Those in the list may be chosen, but their weights are outdated.
    Outdated,
    Weighed,
}

impl<'a> Candidates<'a> {
    /// All tokens of `logits` (`[vocab_size]`), at temperature 1. `list` is working memory.
    pub fn new(logits: &'a mut [f32], list: &'a mut Vec<Candidate>) -> Self {
        Self { logits, temperature: 1.0, list, state: State::All }
    }

    /// The logits of all tokens, `[vocab_size]`, to be changed. A token of negative infinity cannot be chosen.
    pub fn logits_mut(&mut self) -> &mut [f32] {
        self.outdate();
        self.logits
    }

    /// Divides differences of logits by `temperature`, which is above 0, in place of the temperature before.
    pub fn set_temperature(&mut self, temperature: f32) {
        self.outdate();
        self.temperature = temperature;
    }

    /// Keeps the token of the greatest logit, the lowest id among equals.
    ///
    /// # Errors
    /// As [`weighed`](Self::weighed).
    pub fn keep_greatest(&mut self) -> Result<()> {
        let id = match self.state {
            State::All => greatest(self.logits)?.0,
            _ => self.weighed()?.iter().max().map_or(0, |candidate| candidate.id),
        };
        self.list.clear();
        self.list.push(Candidate { weight: 1.0, id });
        self.state = State::Weighed;
        Ok(())
    }

    /// The tokens that may be chosen and their weights; taking some out of the list rules them out. One must stay. The
    /// order is that of the ids until a step changes it.
    ///
    /// # Errors
    /// `Internal` if the logits are no numbers: the model or a kernel is broken; `InvalidArgument` if no token is left.
    pub fn weighed(&mut self) -> Result<&mut Vec<Candidate>> {
        let Self { logits, temperature, list, state } = self;
        let weight = |logit: f32, max: f32| libm::expf((logit - max) / *temperature);
        match state {
            State::Weighed => {}
            State::All => {
                let (_, max) = greatest(logits)?;
                // A weight of 0 can never be drawn.
                let positive =
                    logits.iter().map(|&logit| weight(logit, max)).zip(0..).filter(|&(weight, _)| weight > 0.0);
                list.clear();
                list.extend(positive.map(|(weight, id)| Candidate { weight, id }));
            }
            State::Outdated => {
                let kept: Vec<f32> = list.iter().map(|candidate| logits[candidate.id as usize]).collect();
                let (_, max) = greatest(&kept)?;
                list.iter_mut().zip(kept).for_each(|(candidate, logit)| candidate.weight = weight(logit, max));
                list.retain(|candidate| candidate.weight > 0.0);
            }
        }
        *state = State::Weighed;
        Ok(list)
    }

    fn outdate(&mut self) {
        if self.state == State::Weighed {
            self.state = State::Outdated;
        }
    }
}

/// The greatest logit and its id, the lowest id among equals.
fn greatest(logits: &[f32]) -> Result<(u32, f32)> {
    // In lanes, which compilers vectorize. Bits without the sign order magnitudes: infinity, then what is no number.
    let mut most = [f32::NEG_INFINITY; LANES];
    let mut magnitudes = [0; LANES];
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for logits in chunks {
        for ((most, magnitude), &logit) in most.iter_mut().zip(&mut magnitudes).zip(logits) {
            *most = if logit > *most { logit } else { *most };
            *magnitude = (logit.to_bits() & !SIGN).max(*magnitude);
        }
    }
    let most = most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max);
    let mut magnitudes = magnitudes.into_iter().chain(rest.iter().map(|logit| logit.to_bits() & !SIGN));
    let is_number = magnitudes.all(|bits| bits <= f32::INFINITY.to_bits());
    match logits.iter().zip(0..).find(|&(&logit, _)| logit == most) {
        Some((_, id)) if is_number && most.is_finite() => Ok((id, most)),
        // A model's own logits are finite.
        Some(_) if is_number && most == f32::NEG_INFINITY => Err(Error::new(
            ErrorKind::InvalidArgument,
            "no token may come next: bannedStrings, or other options together, rule out every one that what the answer must \
             follow allows",
        )),
        _ => Err(Error::new(
            ErrorKind::Internal,
            format!(
                "the logits of {} tokens are no finite numbers: the model file or a kernel is broken",
                logits.len()
            ),
        )),
    }
}

/// Numbers that are compared side by side.
const LANES: usize = 16;
/// The sign bit of an f32.
const SIGN: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_logits_and_temperature_wherever_they_change() {
        let (mut logits, mut list) = ([0.0, 2.0, 1.0, f32::NEG_INFINITY], Vec::new());
        let mut candidates = Candidates::new(&mut logits, &mut list);
        let weights = |candidates: &mut Candidates<'_>| -> Vec<(u32, f32)> {
            candidates.weighed().unwrap().iter().map(|c| (c.id, c.weight)).collect()
        };
        let e = |x: f32| libm::expf(x);
        assert_eq!(weights(&mut candidates), [(0, e(-2.0)), (1, 1.0), (2, e(-1.0))]);
        candidates.weighed().unwrap().retain(|candidate| candidate.id != 1);
        candidates.set_temperature(0.5);
        assert_eq!(weights(&mut candidates), [(0, e(-2.0)), (2, 1.0)]);
        // A token that was ruled out does not come back.
        candidates.logits_mut().fill(3.0);
        assert_eq!(weights(&mut candidates), [(0, 1.0), (2, 1.0)]);
        candidates.keep_greatest().unwrap();
        assert_eq!(weights(&mut candidates), [(0, 1.0)]);
        candidates.logits_mut()[0] = f32::NEG_INFINITY;
        // None is left.
        assert_eq!(candidates.weighed().unwrap_err().kind(), ErrorKind::InvalidArgument);
    }
}
