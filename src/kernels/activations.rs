//! A batch of tokens quantized to int8, as BitLinear does.

use crate::pool::Pool;

use super::KernelKind;
use super::packed::{BATCH_MULTIPLE, CHUNK, padded_cols};
use super::rounding::{largest_magnitude, round_to_i8};

/// The inputs `[tokens, cols]` of BitLinear layers, quantized per token.
///
/// `s = 127 / max(|x|max, 1e-5)`, `q = clamp(round_half_even(x s), -128, 127)`, all in f32 (arXiv:2504.12285;
/// transformers' `ActQuant`).
#[derive(Debug, Default)]
pub struct Activations {
    tokens: usize,
    cols: usize,
    /// `[tokens, padded_cols]`, zeros behind `cols`.
    q: Vec<i8>,
    /// The `s` of each token.
    scales: Vec<f32>,
    /// The sum of each token's `q`, of those behind the batch.
    sums: Vec<i32>,
    /// How many tokens, from the first on, are multiplied together.
    batch: usize,
    /// Their codes `[padded_cols, batch rounded up]`, see `arrange` in `batch.rs`.
    columns: Vec<i8>,
    /// Of the other tokens, for `mad`: `[tokens - batch, padded_cols]`, see [`spread`].
    spread: Vec<i16>,
    /// Of the other tokens, for `lut`: `[tokens - batch, padded_cols / 2, 32]`, see `tabulate` in `lut.rs`.
    tables: Vec<u8>,
}

/// Where fewer are left, they take longer as a batch than one by one.
const FEWEST_OF_BATCH: usize = 10;

impl Activations {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the batch by `x` (`[tokens, cols]`), and prepares what `kernel` needs.
    ///
    /// # Panics
    /// If `x` is not `tokens * cols` long.
    pub fn quantize(&mut self, pool: &Pool, kernel: KernelKind, x: &[f32], tokens: usize, cols: usize) {
        assert_eq!(x.len(), tokens * cols);
        let padded = padded_cols(cols);
        (self.tokens, self.cols) = (tokens, cols);
        self.q.resize(tokens * padded, 0);
        self.scales.resize(tokens, 0.0);
        pool.par_rows(&mut self.scales, 1, 1, |token, scale| scale[0] = scale_of(&x[token * cols..][..cols]));
        let scales = &self.scales;
        pool.par_rows(&mut self.q, padded, 1, |token, q| {
            quantize_row(&x[token * cols..][..cols], scales[token], q);
        });
        self.batch = batch_of(kernel, tokens);
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        if self.batch > 0 {
            let q = &self.q[..self.batch * padded];
            let width = self.batch.next_multiple_of(BATCH_MULTIPLE);
            self.columns.resize(padded * width, 0);
            pool.par_rows(&mut self.columns, CHUNK * width, 1, |chunk, out| {
                super::batch::arrange(q, padded, chunk, kernel, out);
            });
        }
        let singles = tokens - self.batch;
        let q = &self.q[self.batch * padded..];
        self.sums.clear();
        self.sums.extend(q.chunks_exact(padded).map(|q| q.iter().map(|&q| i32::from(q)).sum::<i32>()));
        match kernel {
            KernelKind::Mad => {
                self.spread.resize(singles * padded, 0);
                pool.par_rows(&mut self.spread, padded, 1, |index, out| spread(&q[index * padded..][..padded], out));
            }
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            KernelKind::Lut => {
                self.tables.resize(singles * padded * 16, 0);
                pool.par_rows(&mut self.tables, padded * 16, 1, |index, out| {
                    super::lut::tabulate(&q[index * padded..][..padded], out);
                });
            }
            _ => {}
        }
    }

    /// Tokens of the batch.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Columns of each token.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The codes of one token, zeros behind `cols` up to a multiple of 64.
    pub fn codes(&self, token: usize) -> &[i8] {
        let padded = padded_cols(self.cols);
        &self.q[token * padded..][..padded]
    }

    /// The factor `s` of one token.
    pub fn scale(&self, token: usize) -> f32 {
        self.scales[token]
    }

    /// The sum of the codes of one token behind the batch.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for kernels on codes instead of weights"))]
    pub(super) fn sum(&self, token: usize) -> i32 {
        self.sums[token - self.batch]
    }

    /// How many tokens, from the first on, are multiplied together. The others are multiplied one by one.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// The codes of the batch column by column, see `arrange` in `batch.rs`, and how many bytes a column has.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "the scalar kernel takes tokens one by one"))]
    pub(super) fn columns(&self) -> (&[i8], usize) {
        (&self.columns, self.batch.next_multiple_of(BATCH_MULTIPLE))
    }

    /// The operands of one token behind the batch.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for the mad kernel"))]
    pub(super) fn spread(&self, token: usize) -> &[i16] {
        let padded = padded_cols(self.cols);
        &self.spread[(token - self.batch) * padded..][..padded]
    }

    /// The tables of one token behind the batch.
    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for the lut kernel"))]
    pub(super) fn tables(&self, token: usize) -> &[u8] {
        let bytes = padded_cols(self.cols) * 16;
        &self.tables[(token - self.batch) * bytes..][..bytes]
    }
}

/// How many of `tokens` are multiplied together.
fn batch_of(kernel: KernelKind, tokens: usize) -> usize {
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

/// Quantizes one token; `q` is as long as `x` or longer, and is zeroed behind it.
fn quantize_row(x: &[f32], scale: f32, q: &mut [i8]) {
    let (codes, padding) = q.split_at_mut(x.len());
    codes.iter_mut().zip(x).for_each(|(q, value)| *q = round_to_i8(value * scale));
    padding.fill(0);
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
