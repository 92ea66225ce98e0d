//! What a kernel is given: packed weights, tokens, and a place for the results.

use std::marker::PhantomData;

use super::super::simd::v128;

/// Rows and columns of a matrix: out_features and in_features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

/// The weights of a matrix in its kernel's layout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    pub(crate) shape: Shape,
    pub(crate) data: &'a [u8],
}

/// One token's activations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    /// int8 codes, zeros behind the last column up to a multiple of 64.
    pub(crate) codes: &'a [i8],
    /// The sum of the codes.
    pub(crate) sum: i32,
    /// What the kernel prepared of the codes.
    pub(crate) prepared: &'a [v128],
}

/// A matrix times some tokens, one by one.
#[derive(Debug)]
pub(crate) struct Product<'a> {
    pub(crate) weights: Packed<'a>,
    pub(crate) tokens: &'a [Token<'a>],
    /// The number of the first of them in [`out`](Self::out).
    pub(crate) first_token: usize,
    pub(crate) out: &'a Output<'a>,
}

impl Product<'_> {
    /// Takes the sums of weight times activation of token `token` of [`tokens`](Self::tokens) and adjacent rows.
    #[inline(always)]
    pub(crate) fn store(&self, token: usize, row: usize, sums: &[i32]) {
        self.out.store(self.first_token + token, row, sums);
    }
}

/// The results of a product, `[tokens, rows]`, written by several threads: each writes its own rows or tokens.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    data: *mut f32,
    rows: usize,
    /// Weights are codes times this.
    factor: f32,
    /// Activations are codes divided by this, one for each token.
    divisors: &'a [f32],
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: rows and tokens are handed out once each, and `store` is only called for those, so no two threads write the
// same element of `data`, which is borrowed mutably for as long as this exists.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    /// For weights with one scale, `factor`, and tokens with the scales `divisors`.
    ///
    /// # Panics
    /// If `out` is not as long as tokens and rows make it.
    pub(crate) fn new(out: &'a mut [f32], rows: usize, factor: f32, divisors: &'a [f32]) -> Self {
        assert_eq!(out.len(), divisors.len() * rows);
        Self { data: out.as_mut_ptr(), rows, factor, divisors, borrowed: PhantomData }
    }

    /// Writes a token's sums of weight times activation of adjacent rows, as floats: the one place where the integers
    /// become floats again, so that every kernel gives the same bits.
    #[inline(always)]
    pub(crate) fn store(&self, token: usize, row: usize, sums: &[i32]) {
        let divisor = self.divisors[token];
        assert!(row + sums.len() <= self.rows);
        // SAFETY: the range is inside `data`, which is `[tokens, rows]` as asserted in `new`; the kernels give each row
        // of their own row groups once, so no other thread has it.
        let out = unsafe { std::slice::from_raw_parts_mut(self.data.add(token * self.rows + row), sums.len()) };
        for (out, &sum) in out.iter_mut().zip(sums) {
            *out = sum as f32 / divisor * self.factor;
        }
    }
}
