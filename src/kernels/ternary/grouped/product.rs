//! What a kernel of group-scaled weights is given.

use std::marker::PhantomData;

use super::blocks::Blocks;

/// The weights of a matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    pub(super) blocks: Blocks,
    pub(super) factor: f32,
    pub(super) data: &'a [u8],
}

/// One token's activations; all of them end with whole groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupedToken<'a> {
    /// int8 codes.
    pub(super) codes: &'a [i8],
    /// The value of a step of the codes, `[groups]`.
    pub(super) steps: &'a [f32],
    /// Minus the sum of the codes, of each 64 columns.
    pub(super) starts: &'a [i32],
    /// What the kernel prepared of the codes.
    pub(super) prepared: &'a [u32],
}

/// A matrix times some tokens.
#[derive(Debug)]
pub(crate) struct GroupedProduct<'a> {
    pub(super) weights: Packed<'a>,
    pub(super) tokens: &'a [GroupedToken<'a>],
    /// The number of the first of them in [`out`](Self::out).
    pub(super) first_token: usize,
    pub(super) out: &'a Output<'a>,
}

/// The results of a product, `[tokens, rows]`, written by several threads: each writes its own rows or tokens.
#[derive(Debug)]
pub(super) struct Output<'a> {
    data: *mut f32,
    len: usize,
    rows: usize,
    factor: f32,
    borrowed: PhantomData<&'a mut [f32]>,
}

// SAFETY: rows and tokens are handed out once each, and `store` is only called for those, so no two threads write the
// same element of `data`, which is borrowed mutably for as long as this exists.
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    /// For a matrix of `rows` rows whose sums are multiplied by `factor`.
    pub(super) fn new(out: &'a mut [f32], rows: usize, factor: f32) -> Self {
        Self { data: out.as_mut_ptr(), len: out.len(), rows, factor, borrowed: PhantomData }
    }

    /// Writes a token's sums of adjacent rows; those behind the last row are left out.
    #[inline(always)]
    pub(super) fn store(&self, token: usize, row: usize, sums: &[f32]) {
        let sums = &sums[..sums.len().min(self.rows - row)];
        assert!(token * self.rows + row + sums.len() <= self.len);
        // SAFETY: the range is inside `data`, as asserted, and in one row of its token; the kernels give each row of their own
        // units once, so no other thread has it.
        let out = unsafe { std::slice::from_raw_parts_mut(self.data.add(token * self.rows + row), sums.len()) };
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = sum * self.factor);
    }
}
