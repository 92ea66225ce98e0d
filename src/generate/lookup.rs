//! Speculative decoding by look-up: where a text repeats what it said before, the tokens that followed there are guessed, and
//! several of them are verified in one pass over the weights.
//!
//! A guess never changes what is said. Each guessed position chooses its token as if it had been computed alone, with the same
//! random numbers; as long as the choice is the guess, the next position counts too, and what was computed behind the first
//! other choice is dropped.
//!
//! What would have been guessed is compared with what was said also where nothing is guessed, which costs next to nothing: so it is
//! known how often guesses come true. Whether they pay is up to [`Guessing`](super::Guessing).

use std::collections::HashMap;

/// The lengths of the beginnings that are looked up, the longest first.
const BEGINNINGS: [usize; 2] = [3, 2];
/// How much of a new measurement counts in the running mean of what came true.
const FRESH: f64 = 0.1;

/// How often the first token of a guess has come true of late.
#[derive(Debug)]
struct Hits {
    share: f64,
    /// The guess for the next token, whether it was verified in a pass or not.
    guess: Option<u32>,
}

impl Hits {
    /// `share`: what is expected before anything was seen, 0 to 1.
    fn new(share: f64) -> Self {
        Self { share, guess: None }
    }

    /// The share that came true, 0 to 1.
    fn share(&self) -> f64 {
        self.share
    }

    /// So the text has gone on since the last [`expect`](Self::expect).
    fn judge(&mut self, next: u32) {
        if let Some(guess) = self.guess.take() {
            self.share += FRESH * (f64::from(u8::from(next == guess)) - self.share);
        }
    }

    /// The text is expected to go on so.
    fn expect(&mut self, next: Option<u32>) {
        self.guess = next;
    }
}

/// The tokens of a text, by those before them.
#[derive(Debug)]
pub(super) struct Lookup {
    /// Where a beginning of two or three tokens ended, the last time.
    ends: [HashMap<[u32; 3], usize>; BEGINNINGS.len()],
    /// Tokens that are in `ends`.
    known: usize,
    hits: Hits,
    /// Of tokens that were guessed for what a grammar forces: it leaves no choice of text, and seldom one of tokens.
    forced: Hits,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { ends: Default::default(), known: 0, hits: Hits::new(0.0), forced: Hits::new(1.0) }
    }
}

impl Lookup {
    /// Takes note of the tokens of `text` that are new, of which the last may have been guessed.
    fn update(&mut self, text: &[u32]) {
        if let Some(&next) = text.get(self.known) {
            self.hits.judge(next);
            self.forced.judge(next);
        }
        // The end of the text itself is no place that something followed.
        for end in self.known.max(1)..text.len() {
            for (len, ends) in BEGINNINGS.iter().zip(&mut self.ends) {
                if let Some(key) = key(&text[..end], *len) {
                    ends.insert(key, end);
                }
            }
        }
        self.known = text.len();
    }

    /// Guesses at most `most` tokens that follow `text`, which has grown since the last call; none where it says something
    /// new.
    pub(super) fn guess(&mut self, text: &[u32], most: usize) -> Vec<u32> {
        self.update(text);
        let places = BEGINNINGS.iter().zip(&self.ends);
        let place = places.filter_map(|(&len, ends)| ends.get(&key(text, len)?).copied()).next();
        let guess = place.map_or(&[][..], |place| &text[place..text.len().min(place + most.max(1))]);
        self.hits.expect(guess.first().copied());
        guess[..guess.len().min(most)].to_vec()
    }

    /// A grammar forces the text to go on so; `None`: it forces nothing. After [`guess`](Self::guess) for the same text.
    pub(super) fn expect_forced(&mut self, next: Option<u32>) {
        self.forced.expect(next);
    }

    /// As [`hits`](Self::hits), of tokens that a grammar forces.
    pub(super) fn forced_hits(&self) -> f64 {
        self.forced.share()
    }

    /// The share of guesses for the next token that came true of late, 0 to 1.
    pub(super) fn hits(&self) -> f64 {
        self.hits.share()
    }
}

/// The last `len` tokens of a text.
fn key(text: &[u32], len: usize) -> Option<[u32; 3]> {
    let last = &text[text.len().checked_sub(len)?..];
    let mut key = [u32::MAX; 3];
    key[..len].copy_from_slice(last);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_followed_is_guessed_by_the_longest_beginning_and_its_last_place() {
        let mut lookup = Lookup::default();
        assert!(lookup.guess(&[1, 2, 3, 4, 5], 4).is_empty());
        // After 2 3 came 4, and after 9 2 3 nothing.
        assert_eq!(lookup.guess(&[1, 2, 3, 4, 5, 9, 2, 3], 2), [4, 5]);
        let text = [1, 2, 3, 4, 5, 9, 2, 3, 7, 1, 2, 3];
        assert_eq!(lookup.guess(&text, 9), [4, 5, 9, 2, 3, 7, 1, 2, 3]);
        assert_eq!(lookup.guess(&[&text[..], &[8, 2, 3]].concat(), 1), [8], "the last place");
        assert!(lookup.guess(&[&text[..], &[8, 2, 3, 6]].concat(), 1).is_empty());
    }

    #[test]
    fn guesses_are_judged_whether_they_were_used_or_not() {
        let mut lookup = Lookup::default();
        let mut text: Vec<u32> = (0..6).collect();
        for i in 0..60 {
            lookup.guess(&text, if i % 2 == 0 { 0 } else { 3 });
            text.push(i % 6);
        }
        assert!(lookup.hits() > 0.95, "{}", lookup.hits());
        for i in 0..60 {
            text.extend([7, 8]);
            lookup.guess(&text, 3);
            text.push(1000 + i);
        }
        assert!(lookup.hits() < 0.1, "{}", lookup.hits());
    }

    #[test]
    fn forced_tokens_are_judged_apart_and_at_their_place() {
        let mut lookup = Lookup::default();
        let mut text = vec![1, 2, 3];
        for i in 0..40 {
            lookup.guess(&text, 3);
            lookup.expect_forced(Some(1000 + i));
            // The forced token, and others that came in the same pass.
            text.extend([1000 + i, 7 * i, 5 * i]);
        }
        assert!(lookup.forced_hits() > 0.99 && lookup.hits() < 0.1);
        for _ in 0..40 {
            lookup.guess(&text, 3);
            lookup.expect_forced(Some(5000));
            text.extend([1, 5000]);
        }
        assert!(lookup.forced_hits() < 0.1, "{}", lookup.forced_hits());
    }
}
