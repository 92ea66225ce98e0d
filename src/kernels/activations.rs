//! Some tokens' inputs quantized to int8, as BitLinear does. The first ones may be a *batch*, which is multiplied together.

use std::ops::Range;

use crate::pool::Pool;

use super::KernelKind;
use super::packed::{BATCH_COLS, BATCH_MULTIPLE, CHUNK, padded_cols};
use super::rounding::{largest_magnitude, scale_to_i8};

/// The inputs `[tokens, cols]` of BitLinear layers, quantized per token.
///
/// `s = 127 / max(|x|max, 1e-5)`, `q = clamp(round_half_even(x s), -128, 127)`, all in f32 (arXiv:2504.12285;
/// transformers' `ActQuant`).
#[derive(Debug, Default)]
pub struct Activations {
    tokens: usize,
    cols: usize,
    /// Of each token, and perhaps more that are not used now.
    rows: Vec<Row>,
    /// How many tokens, from the first on, are multiplied together.
    batched: usize,
    /// Their codes `[padded_cols, batched rounded up]`, see `arrange` in `batch.rs`.
    columns: Vec<i8>,
    /// Of the other tokens, for `mad`: `[tokens - batched, padded_cols]`, see [`spread`].
    spread: Vec<i16>,
    /// Of the other tokens, for `lut`: `[tokens - batched, padded_cols / 2, 32]`, see `tabulate` in `lut.rs`.
    tables: Vec<u8>,
}

/// One token.
#[derive(Debug, Default)]
pub(super) struct Row {
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

    /// See [`Activations::codes`].
    pub(super) fn codes(&self) -> &[i8] {
        &self.q
    }
}

/// Where fewer are left, they take longer as a batch than one by one.
const FEWEST_OF_BATCH: usize = 10;

impl Activations {
    /// Of no tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces them by `x` (`[tokens, cols]`), and prepares what `kernel` needs.
    ///
    /// # Panics
    /// If `x` is not `tokens * cols` long.
    pub fn quantize(&mut self, pool: &Pool, kernel: KernelKind, x: &[f32], tokens: usize, cols: usize) {
        assert_eq!(x.len(), tokens * cols);
        self.quantize_with(pool, kernel, tokens, cols, |token, out| out.copy_from_slice(&x[token * cols..][..cols]));
    }

    /// The same with the inputs that `fill(token, out)` computes; `out` is `[cols]`, zeros or older numbers.
    pub fn quantize_with(
        &mut self,
        pool: &Pool,
        kernel: KernelKind,
        tokens: usize,
        cols: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        let padded = padded_cols(cols);
        let batched = batched_of(kernel, tokens);
        (self.tokens, self.cols, self.batched) = (tokens, cols, batched);
        if self.rows.len() < tokens {
            self.rows.resize_with(tokens, Row::default);
        }
        pool.par_rows(&mut self.rows[..tokens], 1, 1, |token, row| {
            row[0].quantize(cols, token < batched, |out| fill(token, out));
        });
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        if batched > 0 {
            let (together, width) = (&self.rows[..batched], batched.next_multiple_of(BATCH_MULTIPLE));
            self.columns.resize(padded * width, 0);
            pool.par_rows(&mut self.columns, CHUNK * width, 1, |chunk, out| {
                super::batch::arrange(together, chunk, kernel, out);
            });
        }
        let singles = &self.rows[batched..tokens];
        match kernel {
            KernelKind::Mad => {
                self.spread.resize(singles.len() * padded, 0);
                pool.par_rows(&mut self.spread, padded, 1, |index, out| spread(&singles[index].q, out));
            }
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            KernelKind::Lut => {
                self.tables.resize(singles.len() * padded * 16, 0);
                pool.par_rows(&mut self.tables, padded * 16, 1, |index, out| {
                    super::lut::tabulate(&singles[index].q, out);
                });
            }
            _ => {}
        }
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
        self.rows[token].codes()
    }

    /// The factor `s` of one token.
    pub fn scale(&self, token: usize) -> f32 {
        self.rows[token].scale
    }

    /// The sum of the codes of one token behind the batch.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for kernels on codes instead of weights"))]
    pub(super) fn sum(&self, token: usize) -> i32 {
        self.rows[token].sum
    }

    /// How many tokens, from the first on, are multiplied together. The others are multiplied one by one.
    pub(super) fn batched(&self) -> usize {
        self.batched
    }

    /// The codes of the batch column by column, see `arrange` in `batch.rs`, and how many bytes a column has.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "the scalar kernel takes tokens one by one"))]
    pub(super) fn columns(&self) -> (&[i8], usize) {
        (&self.columns, self.batched.next_multiple_of(BATCH_MULTIPLE))
    }

    /// The sum of `|q|` over columns [`BATCH_COLS`] times `block` and as many after it, the largest of some tokens of the
    /// batch and of others that only fill it up.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "the scalar kernel takes tokens one by one"))]
    pub(super) fn magnitude(&self, tokens: Range<usize>, block: usize) -> u32 {
        let rows = &self.rows[tokens.start..tokens.end.min(self.batched)];
        rows.iter().map(|row| u32::from(row.magnitudes[block])).max().unwrap_or(0)
    }

    /// The operands of one token behind the batch.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for the mad kernel"))]
    pub(super) fn spread(&self, token: usize) -> &[i16] {
        let padded = padded_cols(self.cols);
        &self.spread[(token - self.batched) * padded..][..padded]
    }

    /// The tables of one token behind the batch.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for the lut kernel"))]
    pub(super) fn tables(&self, token: usize) -> &[u8] {
        let bytes = padded_cols(self.cols) * 16;
        &self.tables[(token - self.batched) * bytes..][..bytes]
    }
}

/// How many of `tokens` are multiplied together.
fn batched_of(kernel: KernelKind, tokens: usize) -> usize {
    let rest = tokens % BATCH_MULTIPLE;
    match kernel {
        KernelKind::Scalar => 0,
        _ if rest < FEWEST_OF_BATCH => tokens - rest,
        _ => tokens,
    }
}

/// `127 / max(|x|max, 1e-5)`
fn scale_of(x: &[f32]) -> f32 {
    127.0 / largest_magnitude(x).max(1e-5)
}

/// The activations as `mad` reads them: for each chunk of 64 columns, 8 vectors of 8 lanes. Lane `j` of vector `k`
/// belongs to the 2-bit field `k % 4` of byte `2 j + k / 4`, that is to column `16 (k % 4) + 2 j + k / 4`. The field
/// stands `2 (k % 4)` bits up in its byte, so the activation is shifted by the remaining `6 - 2 (k % 4)`: every product
/// is then 64 times too large, and the sum is shifted back once.
fn spread(q: &[i8], out: &mut [i16]) {
    for (q, out) in q.chunks_exact(CHUNK).zip(out.chunks_exact_mut(CHUNK)) {
        for (k, vector) in out.chunks_exact_mut(8).enumerate() {
            let field = k % 4;
            for (j, lane) in vector.iter_mut().enumerate() {
                *lane = i16::from(q[16 * field + 2 * j + k / 4]) << (6 - 2 * field);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_rounded_half_to_even_by_the_largest_magnitude() {
        let mut x = Activations::new();
        // The scale is 127 / 127 = 1.
        x.quantize(&Pool::new(1), KernelKind::Scalar, &[127.0, 0.5, 1.5, -2.5, -126.6, 0.49], 1, 6);
        assert_eq!(x.codes(0)[..7], [127, 0, 2, -2, -127, 0, 0]);
        assert_eq!((x.scale(0), x.sum(0)), (1.0, 0));
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
            activations.quantize(&Pool::new(1), KernelKind::Scalar, &x, 1, x.len());
            for (value, &code) in x.iter().zip(activations.codes(0)) {
                let want = (value * activations.scale(0)).round_ties_even().clamp(-128.0, 127.0);
                assert_eq!(f32::from(code), want, "{value} times {factor}");
            }
        }
    }

    #[test]
    fn a_silent_token_does_not_divide_by_zero() {
        let mut x = Activations::new();
        x.quantize(&Pool::new(1), KernelKind::Scalar, &[0.0, 1e-7], 1, 2);
        assert_eq!(x.codes(0)[..2], [0, 1]);
    }
}
