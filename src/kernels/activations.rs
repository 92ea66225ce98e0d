//! A batch of tokens quantized to int8, as BitLinear does.

use crate::pool::Pool;

use super::KernelKind;
use super::packed::{CHUNK, padded_cols};
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
    /// The sum of each token's `q`.
    sums: Vec<i32>,
    /// For `mad`: `[tokens, padded_cols]`, see [`spread`].
    spread: Vec<i16>,
    /// For `lut`: `[tokens, padded_cols / 2, 32]`, see `tabulate` in `lut.rs`.
    tables: Vec<u8>,
}

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
        self.sums.clear();
        pool.par_rows(&mut self.scales, 1, 1, |token, scale| scale[0] = scale_of(&x[token * cols..][..cols]));
        let scales = &self.scales;
        pool.par_rows(&mut self.q, padded, 1, |token, q| {
            quantize_row(&x[token * cols..][..cols], scales[token], q);
        });
        self.sums.extend(self.q.chunks_exact(padded).map(|q| q.iter().map(|&q| i32::from(q)).sum::<i32>()));
        let q = &self.q;
        match kernel {
            KernelKind::Mad => {
                self.spread.resize(tokens * padded, 0);
                pool.par_rows(&mut self.spread, padded, 1, |token, out| spread(&q[token * padded..][..padded], out));
            }
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            KernelKind::Lut => {
                self.tables.resize(tokens * padded * 16, 0);
                pool.par_rows(&mut self.tables, padded * 16, 1, |token, out| {
                    super::lut::tabulate(&q[token * padded..][..padded], out);
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

    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for kernels on codes instead of weights"))]
    pub(super) fn sum(&self, token: usize) -> i32 {
        self.sums[token]
    }

    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for the mad kernel"))]
    pub(super) fn spread(&self, token: usize) -> &[i16] {
        let padded = padded_cols(self.cols);
        &self.spread[token * padded..][..padded]
    }

    #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "for the lut kernel"))]
    pub(super) fn tables(&self, token: usize) -> &[u8] {
        let bytes = padded_cols(self.cols) * 16;
        &self.tables[token * bytes..][..bytes]
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
