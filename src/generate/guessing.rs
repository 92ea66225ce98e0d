//! Whether guessed tokens pay: what passes of some tokens cost, and how many guesses bring more than they cost.
//!
//! A pass of one token is the unit of all costs, so that a processor that slows down or speeds up changes none of them. What a pass
//! of two to eight tokens costs is measured whenever there is one: those that verify guesses, those of several generations side by
//! side, and the ends of prompts, which cost no more than a pass of guesses does. No time ever changes what is said, only what is
//! guessed.
//!
//! Losses are bounded by an account, over all generations of an engine: plain passes pay in a hundredth of their time, and a pass
//! with guesses takes out what it cost and pays in what it saved. Guesses that the account could not pay for, should all of them be
//! wrong, are not made. So an engine where guesses never pay loses a hundredth and no more, whatever the texts are.

/// The most guesses in a pass of one generation.
const MOST_GUESSES: usize = 7;
/// The most tokens of a pass whose cost is kept.
const MOST_TOKENS: usize = MOST_GUESSES + 1;
/// Tokens a second with guesses over those without, from which guesses are made.
const GAIN: f64 = 1.05;
/// The share of guesses that must have come true before a pass of unknown cost is tried.
const WORTH_A_PROBE: f64 = 0.8;
/// The guesses that are tried, each with so many passes, where costs are unknown.
const PROBES: [usize; 2] = [1, 3];
const PROBE_PASSES: usize = 3;
/// Plain passes from one round of probes that were of no use to the next, at first and at most.
const FIRST_REST: u32 = 256;
const LONGEST_REST: u32 = 4096;
/// What the account holds at first and at most, and what a plain pass pays in, in passes of one token.
const FIRST_CREDIT: f64 = 1.5;
const MOST_CREDIT: f64 = 3.0;
const PAID_IN: f64 = 0.01;
/// Passes of one token that must have been measured before anything is guessed.
const LEAST_SINGLES: usize = 3;
/// Passes with guesses after which one without shows what that costs today.
const MOST_IN_A_ROW: u32 = 16;
/// A pass of n tokens that took longer than so many times n passes was interrupted.
const INTERRUPTED: f64 = 1.5;

/// A pass whose time was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TimedPass {
    /// Tokens that went through the layers.
    pub(super) tokens: usize,
    /// Of these, tokens of prompts.
    pub(super) prompt_tokens: usize,
    /// Of these, guesses.
    pub(super) guessed_tokens: usize,
    /// Tokens that the generations of the pass have chosen.
    pub(super) chosen_tokens: usize,
    /// Threads that a pass of one token would have had.
    pub(super) threads: usize,
    pub(super) milliseconds: f64,
}

impl TimedPass {
    fn is_single(&self) -> bool {
        self.tokens == 1 && self.prompt_tokens == 0
    }
}

/// Decides how many tokens to guess for a pass.
#[derive(Clone, Debug, Default)]
pub struct Guessing {
    mode: Mode,
    costs: Costs,
    /// What guesses may still lose, in passes of one token.
    credit: f64,
    /// Plain passes until costs are probed anew; 0: they may be probed now.
    rest: u32,
    /// How long the next rest will be.
    next_rest: u32,
    /// Passes with guesses since the last one without.
    in_a_row: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Never,
    /// As long as it pays, by the times of passes.
    Measured,
    Always(usize),
}

impl Guessing {
    /// Guesses as long as it pays, by the times that [`Scheduler::took`](super::Scheduler::took) is told.
    pub fn measured() -> Self {
        Self { mode: Mode::Measured, credit: FIRST_CREDIT, next_rest: FIRST_REST, ..Self::default() }
    }

    /// Always guesses `count` tokens for each generation that writes.
    pub fn always(count: usize) -> Self {
        Self { mode: Mode::Always(count), ..Self::default() }
    }

    /// How many tokens to guess for each of `writers` generations that share a pass, where each has at least `available` guesses
    /// and at least the share `hits` of them has come true of late.
    ///
    /// Nobody waits longer for his next token for the sake of another's guesses: all of them gain, or nothing is guessed.
    pub(super) fn count(&self, writers: usize, hits: f64, available: usize) -> usize {
        match self.mode {
            Mode::Never => 0,
            Mode::Always(count) => count,
            Mode::Measured => self.measured_count(writers, hits, available),
        }
    }

    fn measured_count(&self, writers: usize, hits: f64, available: usize) -> usize {
        if !self.costs.has_singles() || self.in_a_row >= MOST_IN_A_ROW {
            return 0;
        }
        let probe = || self.probe().filter(|&count| writers == 1 && hits >= WORTH_A_PROBE && count <= available);
        self.paying(writers, hits, available).or_else(probe).unwrap_or(0)
    }

    /// The number of guesses that gains most, if one gains enough and the account could pay for it.
    fn paying(&self, writers: usize, hits: f64, available: usize) -> Option<usize> {
        let without = self.costs.of(writers)?;
        let most = available.min((MOST_TOKENS / writers.max(1)).saturating_sub(1));
        let gains = (1..=most).filter_map(|count| {
            let cost = self.costs.of(writers * (1 + count))?;
            let gain = expected_tokens(hits, count) * without / cost;
            (gain >= GAIN && cost - without <= self.credit).then_some((count, gain))
        });
        gains.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(count, _)| count)
    }

    /// The number of guesses whose cost is to be found out next, if the account could pay for it.
    fn probe(&self) -> Option<usize> {
        let unknown = PROBES.into_iter().find(|&count| self.costs.measured(1 + count) < PROBE_PASSES);
        let count = unknown.filter(|_| self.rest == 0)?;
        // Unless it is known better, a pass costs as much as its tokens would one by one.
        let cost = self.costs.of(1 + count).unwrap_or(1.0 + count as f64);
        (cost - 1.0 <= self.credit).then_some(count)
    }

    /// A pass has ended.
    pub(super) fn took(&mut self, pass: TimedPass) {
        if self.mode != Mode::Measured {
            return;
        }
        if self.costs.threads != pass.threads {
            self.costs = Costs { threads: pass.threads, ..Costs::default() };
            (self.rest, self.next_rest) = (0, FIRST_REST);
        }
        let cost = self.costs.took(pass);
        if pass.guessed_tokens > 0 {
            self.in_a_row += 1;
            self.settle(pass, cost);
        } else if pass.prompt_tokens == 0 {
            self.in_a_row = 0;
        }
        if pass.is_single() {
            self.credit = (self.credit + PAID_IN).min(MOST_CREDIT);
            if self.rest == 1 {
                self.costs.forget_larger();
            }
            self.rest = self.rest.saturating_sub(1);
        }
        if self.paying(1, 1.0, MOST_GUESSES).is_some() {
            self.next_rest = FIRST_REST;
        } else if self.rest == 0 && self.probe().is_none() {
            self.rest = self.next_rest;
            self.next_rest = (2 * self.next_rest).min(LONGEST_REST);
        }
    }

    /// Takes out of the account what a pass with guesses cost, and pays in what it saved.
    fn settle(&mut self, pass: TimedPass, cost: Option<f64>) {
        let writers = (pass.tokens - pass.guessed_tokens).max(1);
        if let Some((cost, without)) = cost.zip(self.costs.of(writers)) {
            let saved = without * pass.chosen_tokens as f64 / writers as f64 - cost;
            self.credit = (self.credit + saved).min(MOST_CREDIT);
        }
    }
}

/// What passes cost.
#[derive(Clone, Debug, Default)]
struct Costs {
    /// The threads that it was measured with.
    threads: usize,
    /// Milliseconds of passes of one token.
    single: Recent<7>,
    /// Costs of passes of 2 to [`MOST_TOKENS`] tokens, in passes of one.
    larger: [Recent<PROBE_PASSES>; MOST_TOKENS - 1],
    /// As `larger`, of the ends of prompts. These need logits after their last token alone: guesses cost as much and more.
    prompts: [Recent<PROBE_PASSES>; MOST_TOKENS - 1],
}

impl Costs {
    fn has_singles(&self) -> bool {
        self.single.len >= LEAST_SINGLES
    }

    /// How often a pass of so many tokens was measured, up to a bound.
    fn measured(&self, tokens: usize) -> usize {
        self.larger[tokens - 2].len.max(self.prompts[tokens - 2].len)
    }

    /// What a pass of so many tokens costs, in passes of one. Where none was measured, each token costs as much beside the first
    /// as in the passes whose number of tokens comes nearest.
    fn of(&self, tokens: usize) -> Option<f64> {
        if tokens == 1 {
            return Some(1.0);
        }
        let costs = self.larger.iter().zip(&self.prompts).map(|(costs, prompts)| {
            // `None` is less than every number.
            let (cost, least) = (costs.median(), prompts.median());
            if cost >= least { cost } else { least }
        });
        let known = (2..).zip(costs).filter_map(|(other, cost)| Some((other, cost?)));
        let (other, cost) = known.min_by_key(|&(other, _)| tokens.abs_diff(other))?;
        Some(1.0 + (cost - 1.0) * (tokens - 1) as f64 / (other - 1) as f64)
    }

    fn forget_larger(&mut self) {
        (self.larger, self.prompts) = Default::default();
    }

    /// Takes note of a pass. Returns its cost in passes of one token, if that can be told.
    fn took(&mut self, pass: TimedPass) -> Option<f64> {
        let TimedPass { tokens, prompt_tokens, milliseconds, .. } = pass;
        if pass.is_single() {
            self.single.push(milliseconds);
            return Some(1.0);
        }
        let single = self.single.median().filter(|&single| single > 0.0 && self.has_singles())?;
        // More tokens never take less time.
        let cost = (milliseconds / single).clamp(1.0, INTERRUPTED * tokens as f64);
        if (2..=MOST_TOKENS).contains(&tokens) {
            match prompt_tokens {
                0 => self.larger[tokens - 2].push(cost),
                all if all == tokens => self.prompts[tokens - 2].push(cost),
                _ => {}
            }
        }
        Some(cost)
    }
}

/// The last few values of something that is measured.
#[derive(Clone, Copy, Debug)]
struct Recent<const N: usize> {
    values: [f64; N],
    len: usize,
    next: usize,
}

impl<const N: usize> Default for Recent<N> {
    fn default() -> Self {
        Self { values: [0.0; N], len: 0, next: 0 }
    }
}

impl<const N: usize> Recent<N> {
    fn push(&mut self, value: f64) {
        self.values[self.next] = value;
        self.next = (self.next + 1) % N;
        self.len = (self.len + 1).min(N);
    }

    /// The greater of the two in the middle, if there are two.
    fn median(&self) -> Option<f64> {
        let mut values = self.values;
        let values = &mut values[..self.len];
        values.sort_by(f64::total_cmp);
        values.get(self.len / 2).copied()
    }
}

/// Tokens that a pass with so many guesses gives, where each comes true with the probability `hits` if those before it did.
fn expected_tokens(hits: f64, guesses: usize) -> f64 {
    (0..=guesses as i32).map(|exponent| hits.powi(exponent)).sum()
}

#[cfg(test)]
mod tests;
