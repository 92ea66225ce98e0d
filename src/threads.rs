//! How many threads to decode with, measured on the model's own tokens.
//!
//! More threads are not always faster. A small model's threads wait for each other longer than they compute, a browser's
//! count of cores includes slow ones and halves of one, and other programs come and go. So the choice is the model's, not
//! the page's, and it is never final: it starts with what the size of the weights suggests, and now and then some tokens
//! are computed with a neighbouring count, in turn with the current one, so that whatever else changes meanwhile
//! (compilation, context, other programs) changes for both.
//!
//! The number of threads never changes what is computed.

/// Below this many bytes of weights one thread is the better guess: a token then takes less than a millisecond or two, of
/// which some thirty joins of two threads would take a large part.
const SMALL_MODEL: u64 = 16 << 20;
/// A piece of tokens that is timed lasts at least this long, in milliseconds, or [`TICKS`] of the clock.
const PIECE: f64 = 2.5;
const TICKS: f64 = 10.0;
/// The first token after a change wakes threads up. It is left out where that could count: where a token is short.
const SHORT_TOKEN: f64 = 5.0;
/// Tokens before the first trial: the engine is still compiling.
const WARM_UP: u32 = 4;
/// Pairs of pieces that a trial takes at most, and those after which it may end.
const MOST_PAIRS: usize = 9;
const CLEAR_PAIRS: usize = 3;
const LIKELY_PAIRS: usize = 5;
/// Time per token with the other count over that with the current one. A change needs a clear gain, because a wrong
/// one costs more than a missed one, and a missed one is tried again.
const CLEARLY_SLOWER: f64 = 1.2;
const SLOWER: f64 = 1.04;
const NO_SLOWER: f64 = 1.01;
const FASTER: f64 = 0.95;
/// The share of pairs that must agree with a change.
const AGREEMENT: f64 = 0.75;
/// Milliseconds of decoding from one round of trials to the next, at first and at most.
const FIRST_REST: f64 = 4000.0;
const LONGEST_REST: f64 = 30_000.0;
/// Tokens that take this many times as long as those after the last trial, for so many milliseconds, end a rest:
/// something else has begun to use the cores.
const DISTURBED: f64 = 1.35;
const DISTURBANCE: f64 = 300.0;

/// The choice of a thread count for one model.
#[derive(Debug)]
pub struct ThreadChoice {
    /// The numbers of threads to choose from, in ascending order.
    counts: Vec<usize>,
    /// The index of the choice.
    chosen: usize,
    /// Least milliseconds of a piece.
    piece: f64,
    state: State,
    /// How long the rest after this round of trials will be.
    rest: f64,
}

#[derive(Debug)]
enum State {
    /// One count, for ever.
    Fixed,
    /// Nothing is measured for so many tokens.
    WarmingUp(u32),
    /// `untried`: directions in which a neighbour will be tried after this one.
    Trying {
        trial: Trial,
        untried: Vec<Direction>,
    },
    Resting(Rest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Fewer,
    More,
}

/// A comparison of the current count with another one: pieces of tokens in the order current, other, other, current, ...
#[derive(Debug)]
struct Trial {
    direction: Direction,
    /// The index of the other count.
    other: usize,
    /// Finished pieces, milliseconds a token.
    pieces: Vec<f64>,
    tokens: u32,
    milliseconds: f64,
    /// Whether the next token is the first with its count.
    fresh: bool,
}

#[derive(Debug)]
struct Rest {
    /// Milliseconds of decoding that remain.
    left: f64,
    /// Milliseconds a token in the first stretch of this rest; `None` until it is over.
    usual: Option<f64>,
    tokens: u32,
    milliseconds: f64,
}

enum Verdict {
    Open,
    Stay,
    Change,
}

impl ThreadChoice {
    /// Always `count` threads.
    pub fn fixed(count: usize) -> Self {
        Self { counts: vec![count.max(1)], chosen: 0, piece: PIECE, state: State::Fixed, rest: FIRST_REST }
    }

    /// Up to `most` threads for a model of `weight_bytes`. `resolution` is the clock's, in milliseconds.
    pub fn measured(most: usize, weight_bytes: u64, resolution: f64) -> Self {
        if most <= 1 {
            return Self::fixed(1);
        }
        let counts = candidates(most);
        let chosen = if weight_bytes < SMALL_MODEL { 0 } else { counts.len() - 1 };
        let piece = PIECE.max(TICKS * resolution);
        Self { counts, chosen, piece, state: State::WarmingUp(WARM_UP), rest: FIRST_REST }
    }

    /// The choice as it stands.
    pub fn chosen(&self) -> usize {
        self.counts[self.chosen]
    }

    /// With how many threads to compute the next token: the choice, or what is tried.
    pub fn next(&self) -> usize {
        match &self.state {
            State::Trying { trial, .. } if trial.is_others_turn() => self.counts[trial.other],
            _ => self.chosen(),
        }
    }

    /// The most threads that may be chosen.
    pub fn most(&self) -> usize {
        self.counts.last().copied().unwrap_or(1)
    }

    /// A token was computed with [`next`](Self::next) threads in so many milliseconds.
    pub fn took(&mut self, milliseconds: f64) {
        match &mut self.state {
            State::Fixed => {}
            State::WarmingUp(left) => {
                *left -= 1;
                if *left == 0 {
                    self.begin_round();
                }
            }
            State::Trying { trial, .. } => {
                trial.took(milliseconds, self.piece);
                match trial.verdict() {
                    Verdict::Open => {}
                    Verdict::Stay => self.end_trial(false),
                    Verdict::Change => self.end_trial(true),
                }
            }
            State::Resting(rest) => {
                if rest.took(milliseconds) {
                    self.begin_round();
                }
            }
        }
    }

    /// Tries the neighbours on both sides, the likelier one first.
    fn begin_round(&mut self) {
        let first = if self.chosen == 0 { Direction::More } else { Direction::Fewer };
        let second = if first == Direction::More { Direction::Fewer } else { Direction::More };
        self.go_on(vec![second, first]);
    }

    /// Tries the last direction of `untried` that has a neighbour; rests if there is none.
    fn go_on(&mut self, mut untried: Vec<Direction>) {
        while let Some(direction) = untried.pop() {
            let other = match direction {
                Direction::Fewer => self.chosen.checked_sub(1),
                Direction::More => Some(self.chosen + 1).filter(|&other| other < self.counts.len()),
            };
            if let Some(other) = other {
                self.state = State::Trying { trial: Trial::new(direction, other), untried };
                return;
            }
        }
        self.state = State::Resting(Rest { left: self.rest, usual: None, tokens: 0, milliseconds: 0.0 });
        self.rest = (2.0 * self.rest).min(LONGEST_REST);
    }

    fn end_trial(&mut self, change: bool) {
        let State::Trying { trial, untried } = &mut self.state else { return };
        let mut untried = std::mem::take(untried);
        if change {
            self.chosen = trial.other;
            // Further in the same direction; the way back was just measured.
            untried = vec![trial.direction];
            self.rest = FIRST_REST;
        }
        self.go_on(untried);
    }
}

/// Every count to 4, then steps of a quarter to a third: the time per token is flat about its minimum.
fn candidates(most: usize) -> Vec<usize> {
    let mut counts: Vec<usize> =
        [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48].into_iter().filter(|&count| count < most).collect();
    counts.push(most);
    counts
}

impl Trial {
    fn new(direction: Direction, other: usize) -> Self {
        Self { direction, other, pieces: Vec::new(), tokens: 0, milliseconds: 0.0, fresh: true }
    }

    fn is_others_turn(&self) -> bool {
        matches!(self.pieces.len() % 4, 1 | 2)
    }

    fn took(&mut self, milliseconds: f64, piece: f64) {
        if std::mem::take(&mut self.fresh) && milliseconds < SHORT_TOKEN {
            return;
        }
        self.tokens += 1;
        self.milliseconds += milliseconds;
        if self.milliseconds >= piece {
            let before = self.is_others_turn();
            self.pieces.push(self.milliseconds / f64::from(self.tokens));
            (self.tokens, self.milliseconds) = (0, 0.0);
            self.fresh = self.is_others_turn() != before;
        }
    }

    fn verdict(&self) -> Verdict {
        let (pairs, rest) = self.pieces.as_chunks::<2>();
        if pairs.is_empty() || !rest.is_empty() {
            return Verdict::Open;
        }
        // Of every other pair the other count is the first.
        let mut ratios: Vec<f64> = pairs
            .iter()
            .enumerate()
            .map(|(index, &[first, second])| if index % 2 == 0 { second / first } else { first / second })
            .collect();
        ratios.sort_by(f64::total_cmp);
        let (count, median) = (ratios.len(), ratios[ratios.len() / 2]);
        let agreeing = ratios.iter().filter(|&&ratio| ratio < 1.0).count() as f64 / count as f64;
        if count >= CLEAR_PAIRS && median > CLEARLY_SLOWER || count >= LIKELY_PAIRS && median > SLOWER {
            Verdict::Stay
        } else if count >= LIKELY_PAIRS && median < FASTER && agreeing >= AGREEMENT {
            Verdict::Change
        } else if count >= MOST_PAIRS {
            // As fast with fewer threads is better: they leave the cores to others, and lie on the way to fewer still.
            if self.direction == Direction::Fewer && median < NO_SLOWER { Verdict::Change } else { Verdict::Stay }
        } else {
            Verdict::Open
        }
    }
}

impl Rest {
    /// Whether the rest is over.
    fn took(&mut self, milliseconds: f64) -> bool {
        self.left -= milliseconds;
        self.tokens += 1;
        self.milliseconds += milliseconds;
        if self.milliseconds >= DISTURBANCE {
            let mean = self.milliseconds / f64::from(self.tokens);
            (self.tokens, self.milliseconds) = (0, 0.0);
            if mean > DISTURBED * *self.usual.get_or_insert(mean) {
                return true;
            }
        }
        self.left <= 0.0
    }
}

#[cfg(test)]
mod tests;
