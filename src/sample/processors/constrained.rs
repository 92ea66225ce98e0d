use std::fmt;

use crate::Result;

use super::super::Candidates;
use super::Processor;

/// As many allowed tokens, the likeliest by their estimates, get exact logits: a 64th of a vocabulary of 128 thousand, as
/// many as the head computes exactly where everything is allowed.
const WANTED_EXACT: usize = 2000;
/// The bound that so many tokens reach is estimated from every so-many-th one.
const SAMPLE: usize = 16;

/// What decides, token by token, which ones may come next: a grammar, a schema, an expression.
pub trait Constraint: fmt::Debug {
    /// Writes the tokens that may come next: bit `id % 32` of word `id / 32`, as many words as the constraint has. Tokens beyond
    /// them may not.
    ///
    /// # Errors
    /// `InvalidGrammar` if it takes too much work to tell.
    fn mask(&mut self, words: &mut Vec<u32>) -> Result<()>;

    /// Goes on behind `token`, which was chosen, and returns whether the text is complete: nothing may follow.
    ///
    /// # Errors
    /// `InvalidGrammar` if it takes too much work to tell.
    fn accept(&mut self, token: u32) -> Result<bool>;

    /// Tokens that are likely to be chosen next, because nothing but their text may follow; none where that is not known.
    fn forced(&mut self) -> Vec<u32> {
        Vec::new()
    }
}

/// Only the tokens that a [`Constraint`] allows may be chosen, each time others.
#[derive(Debug)]
pub struct Constrained {
    constraint: Box<dyn Constraint>,
    /// `[vocab_size / 32]`
    words: Vec<u32>,
    lifted: Vec<u32>,
    /// What the constraint said to the last token: whether nothing may follow.
    accepted: Result<bool>,
}

impl Constrained {
    /// From the constraint's start.
    pub fn new(constraint: Box<dyn Constraint>) -> Self {
        Self { constraint, words: Vec::new(), lifted: Vec::new(), accepted: Ok(false) }
    }
}

impl Processor for Constrained {
    fn prepare(&mut self, logits: &[f32]) -> Result<()> {
        std::mem::replace(&mut self.accepted, Ok(false))?;
        self.constraint.mask(&mut self.words)?;
        self.words.resize(logits.len().div_ceil(32), 0);
        likeliest(&self.words, logits, &mut self.lifted);
        Ok(())
    }

    fn process(&mut self, candidates: &mut Candidates<'_>) -> Result<()> {
        for (logits, &word) in candidates.logits_mut().chunks_mut(32).zip(&self.words) {
            match word {
                0 => logits.fill(f32::NEG_INFINITY),
                u32::MAX => {}
                _ => {
                    (0..).zip(logits).filter(|(bit, _)| word >> bit & 1 == 0).for_each(|(_, l)| *l = f32::NEG_INFINITY)
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, token: u32) {
        self.accepted = self.constraint.accept(token);
    }

    fn lifted(&self) -> &[u32] {
        &self.lifted
    }

    fn forced(&mut self) -> Vec<u32> {
        // Behind an error, or the end, there is nothing.
        if matches!(self.accepted, Ok(false)) { self.constraint.forced() } else { Vec::new() }
    }

    fn is_complete(&self) -> bool {
        matches!(self.accepted, Ok(true))
    }
}

/// The ids that are set in `words`.
fn ids(words: &[u32]) -> impl Iterator<Item = u32> {
    (0..).step_by(32).zip(words).flat_map(|(first, &word)| {
        let mut left = word;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            Some(first + bit)
        })
    })
}

/// The set tokens of the greatest `logits`, in ascending order of their ids: all of them, or about [`WANTED_EXACT`].
fn likeliest(words: &[u32], logits: &[f32], out: &mut Vec<u32>) {
    out.clear();
    let count: usize = words.iter().map(|word| word.count_ones() as usize).sum();
    let set = || ids(words).filter(|&id| (id as usize) < logits.len());
    if count <= WANTED_EXACT {
        return out.extend(set());
    }
    let mut sample: Vec<f32> = set().step_by(SAMPLE).map(|id| logits[id as usize]).collect();
    let rank = (WANTED_EXACT / SAMPLE).min(sample.len() - 1);
    let bound = *sample.select_nth_unstable_by(rank, |a, b| b.total_cmp(a)).1;
    out.extend(set().filter(|&id| logits[id as usize] >= bound));
}

#[cfg(test)]
mod tests {
    use super::super::tests::kept;
    use super::*;
    use crate::{Error, ErrorKind};

    /// Tells what it was made with, one mask after the other; complete behind the last.
    #[derive(Debug)]
    struct Masks(Vec<Result<Vec<u32>>>);

    impl Constraint for Masks {
        fn mask(&mut self, words: &mut Vec<u32>) -> Result<()> {
            *words = self.0.remove(0)?;
            Ok(())
        }

        fn accept(&mut self, token: u32) -> Result<bool> {
            if token == 9 { Err(Error::new(ErrorKind::InvalidGrammar, "nine")) } else { Ok(self.0.is_empty()) }
        }
    }

    #[test]
    fn every_token_has_its_own_mask() {
        let mut step = Constrained::new(Box::new(Masks(vec![Ok(vec![0b1010]), Ok(vec![u32::MAX]), Ok(vec![0, 1])])));
        let logits = [0.5; 40];
        step.prepare(&logits).unwrap();
        assert_eq!(step.lifted(), [1, 3]);
        assert_eq!(kept(&logits, &mut [&mut step]), [1, 3]);
        step.accept(3);
        assert!(!step.is_complete());
        step.prepare(&logits).unwrap();
        // What lies beyond the mask is not allowed.
        assert_eq!(kept(&logits, &mut [&mut step]), (0..32).collect::<Vec<u32>>());
        step.accept(3);
        step.prepare(&logits).unwrap();
        assert_eq!(kept(&logits, &mut [&mut step]), [32]);
        step.accept(32);
        assert!(step.is_complete());
    }

    #[test]
    fn a_mask_may_be_longer_than_the_logits() {
        let mut step = Constrained::new(Box::new(Masks(vec![Ok(vec![0b1000_0001, 7, 7])])));
        step.prepare(&[0.5; 5]).unwrap();
        assert_eq!(step.lifted(), [0]);
        assert_eq!(kept(&[0.5; 5], &mut [&mut step]), [0]);
    }

    #[test]
    fn errors_come_with_the_next_token() {
        let failing = || Err(Error::new(ErrorKind::InvalidGrammar, "too much"));
        let mut step = Constrained::new(Box::new(Masks(vec![failing()])));
        assert_eq!(step.prepare(&[0.5; 5]).unwrap_err().kind(), ErrorKind::InvalidGrammar);
        let mut step = Constrained::new(Box::new(Masks(vec![Ok(vec![1]), Ok(vec![1])])));
        step.prepare(&[0.5; 5]).unwrap();
        step.accept(9);
        assert!(!step.is_complete());
        assert_eq!(step.prepare(&[0.5; 5]).unwrap_err().to_string(), "nine");
    }

    #[test]
    fn of_many_allowed_tokens_the_likeliest_are_lifted() {
        let count = 50_000;
        let logits: Vec<f32> = (0..count as u32).map(|id| (id.wrapping_mul(2_654_435_761) >> 8) as f32).collect();
        // Every third word is forbidden.
        let words: Vec<u32> = (0..count / 32).map(|word| if word % 3 == 0 { 0 } else { u32::MAX }).collect();
        let mut lifted = Vec::new();
        likeliest(&words, &logits, &mut lifted);
        let mut want: Vec<u32> = ids(&words).collect();
        want.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
        assert!((WANTED_EXACT / 2..2 * WANTED_EXACT).contains(&lifted.len()), "{}", lifted.len());
        want.truncate(lifted.len());
        want.sort_unstable();
        assert_eq!(lifted, want);
    }
}
