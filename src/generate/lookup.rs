//! Speculative decoding by look-up: where a text repeats what it said before, the tokens that followed there are guessed, and
//! several of them are verified in one pass over the weights.
//!
//! A guess never changes what is said. Each guessed position chooses its token as if it had been computed alone, with the same
//! random numbers; as long as the choice is the guess, the next position counts too, and what was computed behind the first
//! other choice is dropped.
//!
//! Guessing pays off where guesses come true and a pass of some tokens costs less than as many passes. Both are measured all the
//! time: what would have been guessed is compared with what was said, at no cost, also where nothing is guessed; and the passes
//! are timed.

use std::collections::HashMap;

/// The lengths of the beginnings that are looked up, the longest first.
const BEGINNINGS: [usize; 2] = [3, 2];
/// Guesses that go into one pass: these many, or none.
const GUESSES: [usize; 3] = [1, 3, 7];
/// How much of a new measurement counts in the running mean of what came true, and of the times.
const FRESH: f64 = 0.1;
const FRESH_TIME: f64 = 0.25;
/// The share of guesses that must have come true before the time of a pass that was never made is tried, and afterwards only
/// every so many tokens.
const WORTH_A_TRIAL: f64 = 0.8;
const TRIAL_REST: u32 = 256;
/// The gain in tokens per second from which guessing is worth it.
const GAIN: f64 = 1.05;

/// The tokens of a text, by those before them.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// Where a beginning of two or three tokens ended, the last time.
    ends: [HashMap<[u32; 3], usize>; BEGINNINGS.len()],
    /// Tokens that are in `ends`.
    known: usize,
    /// The share of guesses for the very next token that came true.
    hits: f64,
    /// The guess for the next token, whether it was verified in a pass or not.
    guess: Option<u32>,
}

impl Lookup {
    /// Takes note of the tokens of `text` that are new, of which the last may have been guessed.
    fn update(&mut self, text: &[u32]) {
        if let Some(guess) = self.guess.take_if(|_| text.len() > self.known) {
            let hit = f64::from(u8::from(text[self.known] == guess));
            self.hits += FRESH * (hit - self.hits);
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
        self.guess = guess.first().copied();
        guess[..guess.len().min(most)].to_vec()
    }

    /// The share of guesses for the next token that came true, of late.
    pub(super) fn hits(&self) -> f64 {
        self.hits
    }
}

/// The last `len` tokens of a text.
fn key(text: &[u32], len: usize) -> Option<[u32; 3]> {
    let last = &text[text.len().checked_sub(len)?..];
    let mut key = [u32::MAX; 3];
    key[..len].copy_from_slice(last);
    Some(key)
}

/// How many tokens to guess for one pass.
#[derive(Clone, Debug, Default)]
pub struct Guessing {
    mode: Mode,
    /// Milliseconds of a pass without guesses, and with each number of [`GUESSES`].
    times: [Option<f64>; GUESSES.len() + 1],
    /// Tokens until a pass that was not made for long is tried.
    rest: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Never,
    /// As long as it pays, by the times that [`Guessing::took`] is told.
    Measured,
    Always(usize),
}

impl Guessing {
    /// Guesses as long as it pays, by the times that [`took`](Self::took) is told.
    pub fn measured() -> Self {
        Self { mode: Mode::Measured, ..Self::default() }
    }

    /// Always guesses `count` tokens.
    pub fn always(count: usize) -> Self {
        Self { mode: Mode::Always(count), ..Self::default() }
    }

    /// A pass of one token and `guessed` guesses has taken so many milliseconds.
    pub fn took(&mut self, guessed: usize, milliseconds: f64) {
        let Some(index) = [&[0], &GUESSES[..]].concat().iter().position(|&count| count == guessed) else { return };
        let time = self.times[index].get_or_insert(milliseconds);
        *time += FRESH_TIME * (milliseconds - *time);
        self.rest = self.rest.saturating_sub(1);
    }

    /// How many tokens to guess, where the share `hits` of guesses has come true of late.
    pub(super) fn count(&mut self, hits: f64) -> usize {
        match self.mode {
            Mode::Never => 0,
            Mode::Always(count) => count,
            Mode::Measured => self.measured_count(hits),
        }
    }

    fn measured_count(&mut self, hits: f64) -> usize {
        let Some(single) = self.times[0] else { return 0 };
        if hits >= WORTH_A_TRIAL && self.rest == 0 {
            self.rest = TRIAL_REST;
            self.times[1..].fill(None);
        }
        if hits >= WORTH_A_TRIAL
            && let Some(untried) = self.times[1..].iter().position(Option::is_none)
        {
            return GUESSES[untried];
        }
        let gain = |guessed: usize, time: f64| expected_tokens(hits, guessed) * single / time;
        let known = GUESSES.iter().zip(&self.times[1..]);
        let gains = known.filter_map(|(&guessed, time)| Some((guessed, gain(guessed, (*time)?))));
        let best = gains.max_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|&(_, gain)| gain >= GAIN).map_or(0, |(guessed, _)| guessed)
    }
}

/// Tokens that a pass with so many guesses gives, where each comes true with the probability `hits` if those before it did.
fn expected_tokens(hits: f64, guessed: usize) -> f64 {
    (0..=guessed as i32).map(|exponent| hits.powi(exponent)).sum()
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
    fn it_guesses_where_that_is_faster_and_stops_where_it_is_not() {
        // Milliseconds of passes of 1, 2, 4 and 8 tokens.
        for (times, most) in
            [([10.0, 11.0, 13.0, 20.0], 7), ([10.0, 12.0, 30.0, 80.0], 1), ([10.0, 20.0, 40.0, 80.0], 0)]
        {
            let mut guessing = Guessing::measured();
            let mut guesses = Vec::new();
            for _ in 0..100 {
                let guessed = guessing.count(0.95);
                let time =
                    GUESSES.iter().position(|&count| count == guessed).map_or(times[0], |index| times[index + 1]);
                guessing.took(guessed, time);
                guesses.push(guessed);
            }
            assert_eq!(&guesses[..4], [0, 1, 3, 7], "each is tried once");
            assert!(guesses[4..].iter().all(|&guessed| guessed == most), "{times:?}: {guesses:?}");
            assert_eq!(guessing.count(0.02), 0, "{times:?}: guesses that fail");
        }
        // Without repetition nothing is tried.
        let mut guessing = Guessing::measured();
        for _ in 0..1000 {
            assert_eq!(guessing.count(0.5), 0);
            guessing.took(0, 10.0);
        }
    }
}
