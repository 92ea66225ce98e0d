//! Some tokens' inputs quantized to int8, as BitLinear does. The first ones may be a *batch*, which is multiplied together.

use std::ops::Range;

use crate::pool::Pool;

use super::super::rounding::{largest_magnitude, scale_to_i8};
use super::super::simd::{i32x4_splat, load, store, transpose_16x16, v128};
use super::layout::{CHUNK, padded_cols};
use super::list::Kernel;
use super::product::Token;

/// Tokens of a batch are padded to a multiple of these.
pub(super) const BATCH_MULTIPLE: usize = 16;
/// Columns of a batch whose products always add up within 16 bits: 256 of at most 127 make 32512.
pub(super) const BATCH_COLS: usize = 256;
/// Where fewer are left, they take longer as a batch than one by one.
pub(super) const FEWEST_OF_BATCH: usize = 10;

/// The inputs `[tokens, cols]` of BitLinear layers, quantized per token for one kernel.
///
/// `s = 127 / max(|x|max, 1e-5)`, `q = clamp(round_half_even(x s), -128, 127)`, all in f32 (arXiv:2504.12285;
/// transformers' `ActQuant`).
#[derive(Debug)]
pub struct Activations {
    kernel: Kernel,
    tokens: usize,
    cols: usize,
    /// Of each token, and perhaps more that are not used now.
    rows: Vec<Row>,
    /// How many tokens, from the first on, are multiplied together.
    batched: usize,
    /// Their codes column by column, `[padded_cols, batched rounded up]`, see [`arrange`].
    columns: Vec<i8>,
    /// What the kernel prepared of the other tokens: `[tokens - batched, chunks, prepared_per_chunk]`.
    prepared: Vec<v128>,
}

impl Default for Activations {
    fn default() -> Self {
        Self {
            kernel: Kernel::SCALAR,
            tokens: 0,
            cols: 0,
            rows: Vec::new(),
            batched: 0,
            columns: Vec::new(),
            prepared: Vec::new(),
        }
    }
}

/// One token.
#[derive(Debug, Default)]
struct Row {
    /// `[cols]`
    x: Vec<f32>,
    /// `[padded_cols]`, zeros behind `cols`.
    q: Vec<i8>,
    /// `s`
    scale: f32,
    /// The sum of `q`.
    sum: i32,
    /// In a batch, of each [`BATCH_COLS`] columns the sum of `|q|`.
    magnitudes: Vec<u16>,
}

impl Row {
    /// Replaces it by what `fill` makes of zeros or old numbers.
    fn quantize(&mut self, cols: usize, is_in_batch: bool, fill: impl FnOnce(&mut [f32])) {
        self.x.resize(cols, 0.0);
        fill(&mut self.x);
        self.scale = scale_of(&self.x);
        self.q.resize(padded_cols(cols), 0);
        let (codes, padding) = self.q.split_at_mut(cols);
        scale_to_i8(&self.x, self.scale, codes);
        padding.fill(0);
        self.magnitudes.clear();
        if is_in_batch {
            let magnitude = |q: &[i8]| q.iter().map(|q| u16::from(q.unsigned_abs())).sum::<u16>();
            self.magnitudes.extend(self.q.chunks(BATCH_COLS).map(magnitude));
        } else {
            self.sum = self.q.iter().map(|&q| i32::from(q)).sum();
        }
    }
}

impl Activations {
    /// Of no tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces them by `x` (`[tokens, cols]`), and prepares what `kernel` needs.
    ///
    /// # Panics
    /// If `x` is not `tokens * cols` long.
    pub fn quantize(&mut self, pool: &Pool, kernel: Kernel, x: &[f32], tokens: usize, cols: usize) {
        assert_eq!(x.len(), tokens * cols);
        self.quantize_with(pool, kernel, tokens, cols, |token, out| out.copy_from_slice(&x[token * cols..][..cols]));
    }

    /// The same with the inputs that `fill(token, out)` computes; `out` is `[cols]`, zeros or older numbers.
    pub fn quantize_with(
        &mut self,
        pool: &Pool,
        kernel: Kernel,
        tokens: usize,
        cols: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let batched = if kernel.inner().batches() { batched_of(tokens, FEWEST_OF_BATCH) } else { 0 };
        (self.kernel, self.tokens, self.cols, self.batched) = (kernel, tokens, cols, batched);
        if self.rows.len() < tokens {
            self.rows.resize_with(tokens, Row::default);
        }
        pool.par_rows(&mut self.rows[..tokens], 1, 1, |token, row| {
            row[0].quantize(cols, token < batched, |out| fill(token, out));
        });
        if batched > 0 {
            let (together, width) = (&self.rows[..batched], batched.next_multiple_of(BATCH_MULTIPLE));
            self.columns.resize(padded_cols(cols) * width, 0);
            let order = kernel.inner().layout().batch_order();
            let codes = |token: usize| together.get(token).map(|row| row.q.as_slice());
            pool.par_rows(&mut self.columns, CHUNK * width, 1, |chunk, out| arrange(codes, chunk, &order, out));
        }
        let len = self.prepared_len();
        if len > 0 {
            let singles = &self.rows[batched..tokens];
            self.prepared.resize(singles.len() * len, i32x4_splat(0));
            pool.par_rows(&mut self.prepared, len, 1, |index, out| kernel.inner().prepare(&singles[index].q, out));
        }
    }

    /// The kernel that they were quantized for.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// How many tokens there are.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Columns of each token.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The codes of one token, zeros behind `cols` up to a multiple of 64.
    pub fn codes(&self, token: usize) -> &[i8] {
        &self.rows[token].q
    }

    /// The factor `s` of one token.
    pub fn scale(&self, token: usize) -> f32 {
        self.rows[token].scale
    }

    /// How many tokens, from the first on, are multiplied together. The others are multiplied one by one.
    pub(super) fn batched(&self) -> usize {
        self.batched
    }

    /// The tokens behind the batch.
    pub(super) fn singles(&self) -> impl Iterator<Item = Token<'_>> {
        let len = self.prepared_len();
        self.rows[self.batched..self.tokens].iter().enumerate().map(move |(index, row)| Token {
            codes: &row.q,
            sum: row.sum,
            prepared: &self.prepared[index * len..][..len],
        })
    }

    /// Vectors that the kernel prepares of one token.
    fn prepared_len(&self) -> usize {
        self.kernel.inner().prepared_per_chunk() * self.cols.div_ceil(CHUNK)
    }

    /// The codes of the batch column by column, see [`arrange`], and how many bytes a column has.
    pub(super) fn columns(&self) -> (&[i8], usize) {
        (&self.columns, self.batched.next_multiple_of(BATCH_MULTIPLE))
    }

    /// The sum of `|q|` over columns [`BATCH_COLS`] times `block` and as many after it, the largest of some tokens of the
    /// batch and of others that only fill it up.
    pub(super) fn magnitude(&self, tokens: Range<usize>, block: usize) -> u32 {
        let rows = &self.rows[tokens.start..tokens.end.min(self.batched)];
        rows.iter().map(|row| u32::from(row.magnitudes[block])).max().unwrap_or(0)
    }
}

/// How many of `tokens` are multiplied together, where `fewest` left over are worth it.
pub(super) fn batched_of(tokens: usize, fewest: usize) -> usize {
    let rest = tokens % BATCH_MULTIPLE;
    if rest < fewest { tokens - rest } else { tokens }
}

/// The codes of a chunk of columns for `batch.rs`: column by column instead of token by token, and the columns in the
/// order of the layout. `codes(token)` are those of a token, if there is one; `out` is `[64, tokens rounded up to a multiple
/// of 16]`.
pub(super) fn arrange<'a>(
    codes: impl Fn(usize) -> Option<&'a [i8]>,
    chunk: usize,
    order: &[usize; CHUNK],
    out: &mut [i8],
) {
    let width = out.len() / CHUNK;
    for first in (0..width).step_by(16) {
        for (index, order) in order.as_chunks::<16>().0.iter().enumerate() {
            let columns = transpose_16x16(std::array::from_fn(|token| {
                codes(first + token).map_or(i32x4_splat(0), |codes| load(&codes[CHUNK * chunk + 16 * index..]))
            }));
            for (codes, place) in columns.into_iter().zip(order) {
                store(codes, &mut out[place * width + first..]);
            }
        }
    }
}

/// `127 / max(|x|max, 1e-5)`
fn scale_of(x: &[f32]) -> f32 {
    127.0 / largest_magnitude(x).max(1e-5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_rounded_half_to_even_by_the_largest_magnitude() {
        let mut x = Activations::new();
        // The scale is 127 / 127 = 1.
        x.quantize(&Pool::new(1), Kernel::SCALAR, &[127.0, 0.5, 1.5, -2.5, -126.6, 0.49], 1, 6);
        assert_eq!(x.codes(0)[..7], [127, 0, 2, -2, -127, 0, 0]);
        assert_eq!((x.scale(0), x.singles().map(|token| token.sum).sum::<i32>()), (1.0, 0));
    }

    /// Against the definition, on values all around the ties.
    #[test]
    fn codes_are_those_of_the_definition() {
        let mut x: Vec<f32> = (-2000..=2000).map(|i| i as f32 / 16.0).collect();
        x.extend(x.clone().iter().flat_map(|v| [v.next_up(), v.next_down()]));
        x.push(127.0);
        let mut activations = Activations::new();
        for factor in [1.0, 0.3, 1e-9, 7e5] {
            let x: Vec<f32> = x.iter().map(|v| v * factor).collect();
            activations.quantize(&Pool::new(1), Kernel::SCALAR, &x, 1, x.len());
            for (value, &code) in x.iter().zip(activations.codes(0)) {
                let want = (value * activations.scale(0)).round_ties_even().clamp(-128.0, 127.0);
                assert_eq!(f32::from(code), want, "{value} times {factor}");
            }
        }
    }

    #[test]
    fn a_silent_token_does_not_divide_by_zero() {
        let mut x = Activations::new();
        x.quantize(&Pool::new(1), Kernel::SCALAR, &[0.0, 1e-7], 1, 2);
        assert_eq!(x.codes(0)[..2], [0, 1]);
    }
}
