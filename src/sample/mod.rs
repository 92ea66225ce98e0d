//! From logits to a token: sampler chain, penalties, seedable random numbers.

mod options;
mod stop;
#[cfg(test)]
mod tests;

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

use oorandom::Rand64;

use crate::{Error, ErrorKind, Result};
pub use options::SamplerOptions;
pub use stop::{Found, StopMatcher};

/// A token that may be chosen. Ordered by weight, and among equals the lower id is the greater candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    /// exp of the scaled logit, relative to the greatest: 0 to 1, the most likely token has exactly 1.
    weight: f32,
    id: u32,
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

/// Chooses tokens, in transformers' order: repetition penalty, temperature, top-k, top-p, min-p, then a draw.
/// Results are the same natively and in wasm: exp comes from libm, and sums have one fixed order.
#[derive(Clone, Debug)]
pub struct Sampler {
    options: SamplerOptions,
    random: Rand64,
    /// The last tokens, at most `repetition_window`.
    recent: VecDeque<u32>,
    /// Reused from token to token.
    candidates: Vec<Candidate>,
}

impl Sampler {
    /// A sampler at the end of `prompt`.
    ///
    /// # Errors
    /// `InvalidArgument` if an option is out of its range.
    pub fn new(options: SamplerOptions, prompt: &[u32]) -> Result<Self> {
        options.check()?;
        let start = prompt.len().saturating_sub(options.repetition_window);
        Ok(Self {
            random: Rand64::new(u128::from(options.seed)),
            recent: prompt[start..].iter().copied().collect(),
            options,
            candidates: Vec::new(),
        })
    }

    /// Chooses a token from `logits` `[vocab_size]`, which it may change, and remembers it.
    ///
    /// # Errors
    /// `Internal` if the logits are no numbers: the model or a kernel is broken.
    pub fn sample(&mut self, logits: &mut [f32]) -> Result<u32> {
        self.penalize(logits);
        let id = if self.options.temperature == 0.0 { greatest(logits)?.0 } else { self.draw(logits)? };
        if self.options.repetition_window > 0 {
            if self.recent.len() == self.options.repetition_window {
                self.recent.pop_front();
            }
            self.recent.push_back(id);
        }
        Ok(id)
    }

    /// Makes recent tokens less likely, each once, however often it came.
    fn penalize(&self, logits: &mut [f32]) {
        let penalty = self.options.repetition_penalty;
        if penalty == 1.0 {
            return;
        }
        let mut recent: Vec<u32> = self.recent.iter().copied().collect();
        recent.sort_unstable();
        recent.dedup();
        for id in recent {
            if let Some(logit) = logits.get_mut(id as usize) {
                *logit = if *logit > 0.0 { *logit / penalty } else { *logit * penalty };
            }
        }
    }

    fn draw(&mut self, logits: &[f32]) -> Result<u32> {
        let (best, max) = greatest(logits)?;
        let temperature = self.options.temperature;
        let weights = logits.iter().map(|&logit| libm::expf((logit - max) / temperature));
        // A weight of 0 can never be drawn.
        let positive = weights.zip(0..).filter(|&(weight, _)| weight > 0.0);
        self.candidates.clear();
        self.candidates.extend(positive.map(|(weight, id)| Candidate { weight, id }));
        self.keep_top_k();
        self.keep_top_p();
        let min_p = self.options.min_p;
        self.candidates.retain(|candidate| candidate.weight >= min_p);

        let total: f64 = self.candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
        let mut left = self.random.rand_float() * total;
        for candidate in &self.candidates {
            left -= f64::from(candidate.weight);
            if left < 0.0 {
                return Ok(candidate.id);
            }
        }
        // Rounding may leave a crumb after the last candidate.
        Ok(self.candidates.last().map_or(best, |candidate| candidate.id))
    }

    fn keep_top_k(&mut self) {
        let k = self.options.top_k;
        if k == 0 || k >= self.candidates.len() {
            return;
        }
        self.candidates.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        self.candidates.truncate(k);
        // The selection leaves an order that depends on its algorithm, and sums depend on the order.
        self.candidates.sort_unstable_by_key(|candidate| candidate.id);
    }

    /// A heap gives the likely tokens in order without sorting the whole vocabulary.
    fn keep_top_p(&mut self) {
        let top_p = f64::from(self.options.top_p);
        if top_p >= 1.0 {
            return;
        }
        let total: f64 = self.candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
        let mut heap = BinaryHeap::from(std::mem::take(&mut self.candidates));
        let mut kept = Vec::new();
        let mut sum = 0.0;
        while let Some(candidate) = heap.pop() {
            kept.push(candidate);
            sum += f64::from(candidate.weight);
            if sum >= top_p * total {
                break;
            }
        }
        self.candidates = kept;
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
