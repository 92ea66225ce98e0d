use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Result;

use super::super::Candidates;
use super::super::options::DryOptions;
use super::super::recent::RecentTokens;
use super::super::texts::{TokenTexts, ends_behind};
use super::Processor;

/// ln of the greatest f32: no power may exceed it.
const MOST_LN: f32 = 88.722_84;

/// Don't repeat yourself: a token that would continue a repetition of earlier tokens loses more, the longer the repetition is
/// (p-e-w, text-generation-webui pull request 5677; llama.cpp's `llama_sampler_init_dry`, whose definition this is).
///
/// A repetition ends at a breaker, and a token that has a breaker in itself is not penalized. A breaker is found in the text of
/// the answer, whichever tokens spell it.
#[derive(Clone, Debug)]
pub struct Dry {
    options: DryOptions,
    texts: Arc<dyn TokenTexts>,
    recent: RecentTokens,
    /// Tokens since the one in which the last breaker ended, as far as the window looks back.
    since_breaker: usize,
    /// The end of the text: the longest breaker less one byte.
    tail: Vec<u8>,
}

impl Dry {
    /// A penalty by `options`, behind `prompt`.
    pub fn new(options: DryOptions, prompt: &[u32], texts: Arc<dyn TokenTexts>) -> Self {
        let recent = RecentTokens::new(options.window, &[]);
        let mut dry = Self { options, texts, recent, since_breaker: 0, tail: Vec::new() };
        let start = prompt.len().saturating_sub(dry.options.window);
        prompt[start..].iter().for_each(|&token| dry.accept(token));
        dry
    }

    /// The longest repetition that each token would continue, in tokens that are there already.
    fn repetitions(&self) -> BTreeMap<u32, usize> {
        // Newest first: `lengths[k]` tokens from `tokens[k]` on are those from `tokens[0]` on.
        let tokens: Vec<u32> = self.recent.newest_first().collect();
        let lengths = z_lengths(&tokens);
        let mut longest = BTreeMap::new();
        for (k, &length) in lengths.iter().enumerate().skip(1) {
            let length = length.min(self.since_breaker);
            if length >= self.options.allowed_length {
                // The token that followed the earlier occurrence.
                let found: &mut usize = longest.entry(tokens[k - 1]).or_default();
                *found = (*found).max(length);
            }
        }
        longest
    }

    fn penalty(&self, length: usize) -> f32 {
        let DryOptions { multiplier, base, allowed_length, .. } = &self.options;
        let most = if *base > 1.000_001 { (MOST_LN / libm::logf(*base)).floor() } else { f32::INFINITY };
        let penalty = multiplier * libm::powf(*base, ((length - allowed_length) as f32).min(most));
        penalty.min(f32::MAX / 2.0)
    }

    fn is_breaker(&self, token: u32) -> bool {
        let text = self.texts.bytes(token);
        self.options.breakers.iter().any(|breaker| ends_behind(text, breaker.as_bytes(), 0))
    }
}

impl Processor for Dry {
    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        if self.since_breaker < self.options.allowed_length {
            return Ok(());
        }
        let repetitions = self.repetitions();
        let logits = candidates.logits_mut();
        for (token, length) in repetitions {
            if let Some(logit) = logits.get_mut(token as usize).filter(|_| !self.is_breaker(token)) {
                *logit -= self.penalty(length);
            }
        }
        Ok(())
    }

    fn accept(&mut self, token: u32) {
        self.recent.push(token);
        let known = self.tail.len();
        self.tail.extend_from_slice(self.texts.bytes(token));
        let breakers = &self.options.breakers;
        let ends = breakers.iter().any(|breaker| ends_behind(&self.tail, breaker.as_bytes(), known));
        self.since_breaker = if ends { 0 } else { (self.since_breaker + 1).min(self.options.window) };
        let longest = breakers.iter().map(String::len).max().unwrap_or(1);
        let keep = self.tail.len().saturating_sub(longest - 1);
        self.tail.drain(..keep);
    }
}

/// For each position how many items from there on are the same as those from the start on, in linear time (the Z-algorithm).
fn z_lengths(items: &[u32]) -> Vec<usize> {
    let mut lengths = vec![0; items.len()];
    // The stretch furthest to the right that repeats the start.
    let (mut left, mut right) = (0, 0);
    for k in 1..items.len() {
        let known = if k < right { lengths[k - left].min(right - k) } else { 0 };
        let more = items[k + known..].iter().zip(&items[known..]).take_while(|(a, b)| a == b).count();
        lengths[k] = known + more;
        if k + lengths[k] > right {
            (left, right) = (k, k + lengths[k]);
        }
    }
    lengths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::Letters;
    use super::*;

    /// The logits of a, b, c, ... after `text`, from 0 each.
    fn penalties(options: DryOptions, text: &str) -> Vec<f32> {
        let letters = Letters::arc();
        let prompt: Vec<u32> = text.bytes().map(|byte| letters.id(byte)).collect();
        let (mut logits, mut list) = (vec![0.0; letters.vocab_size()], Vec::new());
        Dry::new(options, &prompt, letters).process(&mut Candidates::new(&mut logits, &mut list)).unwrap();
        logits
    }

    fn options() -> DryOptions {
        DryOptions { multiplier: 1.0, base: 2.0, ..DryOptions::default() }
    }

    /// The example in llama.cpp's source: the repeats before c, b and y have 3, 1 and 2 tokens.
    #[test]
    fn what_would_continue_a_repetition_is_penalized_by_its_length() {
        let got = penalties(DryOptions { allowed_length: 1, ..options() }, "abccbcyabc");
        let mut want = [0.0; 27];
        (want[2], want[1], want[24]) = (-4.0, -1.0, -2.0);
        assert_eq!(got, want);
        let got = penalties(options(), "abccbcyabc");
        (want[2], want[1], want[24]) = (-2.0, 0.0, -1.0);
        assert_eq!(got, want);
    }

    #[test]
    fn a_breaker_ends_repetitions_and_is_never_penalized() {
        let mut breakers = DryOptions { breakers: vec!["x".into(), "yz".into()], ..options() };
        assert_eq!(penalties(options(), "abcdabc")[3], -2.0);
        assert_eq!(penalties(breakers.clone(), "abcdabc")[3], -2.0);
        // Two tokens have come since.
        assert_eq!(penalties(breakers.clone(), "axbcdaxbc")[3], -1.0);
        assert_eq!(penalties(breakers.clone(), "ayzbcdayzbc")[3], -1.0);
        assert_eq!(penalties(breakers.clone(), "abxcdabxc")[3], 0.0);
        // A part of one is none.
        assert_eq!(penalties(breakers.clone(), "aybcdaybc")[3], -4.0);
        // It would be penalized itself.
        assert_eq!(penalties(breakers.clone(), "abcxabc")[23], 0.0);
        breakers.breakers.clear();
        assert_eq!(penalties(breakers, "abcxabc")[23], -2.0);
    }

    #[test]
    fn the_window_bounds_what_is_searched() {
        assert_eq!(penalties(DryOptions { window: 7, ..options() }, "abcdabc")[3], -2.0);
        assert_eq!(penalties(DryOptions { window: 6, ..options() }, "abcdabc")[3], -1.0);
        assert_eq!(penalties(DryOptions { window: 4, ..options() }, "abcdabc")[3], 0.0);
        assert_eq!(penalties(DryOptions { window: 0, ..options() }, "abcdabc")[3], 0.0);
    }

    #[test]
    fn an_endless_repetition_stays_finite() {
        let got = penalties(DryOptions { multiplier: 100.0, base: 100.0, ..options() }, &"a".repeat(500));
        assert!(got[0].is_finite() && got[0] < -1e30, "{}", got[0]);
    }

    proptest! {
        #[test]
        fn lengths_are_those_of_a_plain_search(items in prop::collection::vec(0u32..3, 0..60)) {
            let plain: Vec<usize> = (0..items.len())
                .map(|k| items[k..].iter().zip(&items).take_while(|(a, b)| a == b).count())
                .collect();
            let got = z_lengths(&items);
            prop_assert_eq!(got.get(1..), plain.get(1..));
        }
    }
}
