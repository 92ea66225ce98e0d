//! What a check of the suite is given: threads, random numbers, and a place for what it finds.

use std::fmt::{Arguments, Debug};

use crate::pool::Pool;

/// Failures that are told; a routine that computes wrong results does so in most cases.
const MOST_FAILURES: usize = 100;

/// Compares results with their definition.
pub(crate) struct Check<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) random: Random,
    pub(super) cases: usize,
    pub(super) failures: Vec<String>,
}

impl<'a> Check<'a> {
    pub(super) fn new(pool: &'a Pool, seed: u64) -> Self {
        Self { pool, random: Random::new(seed), cases: 0, failures: Vec::new() }
    }

    /// One case: every number of `got` must be the one of `want`.
    pub(crate) fn equal<T: PartialEq + Debug>(&mut self, what: Arguments<'_>, got: &[T], want: &[T]) {
        self.compare(what, got, want, T::eq);
    }

    /// One case: every number of `got` must have the bits of the one of `want`.
    pub(crate) fn same_bits(&mut self, what: Arguments<'_>, got: &[f32], want: &[f32]) {
        self.compare(what, got, want, |got, want| got.to_bits() == want.to_bits());
    }

    /// One case: every number of `got` must be within `tolerance` of the one of `want`.
    pub(crate) fn near(&mut self, what: Arguments<'_>, got: &[f32], want: &[f32], tolerance: f32) {
        self.compare(what, got, want, |got, want| (got - want).abs() <= tolerance);
    }

    fn compare<T: Debug>(&mut self, what: Arguments<'_>, got: &[T], want: &[T], same: impl Fn(&T, &T) -> bool) {
        self.cases += 1;
        let differs = got.iter().zip(want).position(|(got, want)| !same(got, want));
        let failure = match differs {
            Some(at) => format!("{what}: {:?} at {at}, expected {:?}", got[at], want[at]),
            None if got.len() != want.len() => format!("{what}: {} numbers, expected {}", got.len(), want.len()),
            None => return,
        };
        if self.failures.len() < MOST_FAILURES {
            self.failures.push(failure);
        }
    }
}

/// xorshift64*: small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// 56 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 8
    }

    /// A number from -1 up to 1.
    pub(crate) fn float(&mut self) -> f32 {
        (self.bits() >> 32) as f32 / (1 << 23) as f32 - 1.0
    }

    /// `count` numbers from -1 up to 1.
    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }

    /// `count` numbers of about a normal distribution, as embeddings and activations are.
    pub(crate) fn normal(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| (0..12).map(|_| self.float()).sum::<f32>() / 2.0).collect()
    }

    /// `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.bits() >> 20) as u8).collect()
    }
}
