//! Rotary position embedding (arXiv:2104.09864) in its rotate-half form: dimension `i` is paired with `i + dim / 2`.

use crate::{Error, ErrorKind, Result};

/// Sines and cosines for every position of the context.
#[derive(Debug)]
pub struct Rope {
    /// Pairs of one head that are rotated: half of the rotary dimension.
    half: usize,
    /// `[context, 2, half]`: cosines, then sines.
    table: Vec<f32>,
}

impl Rope {
    /// Tables for `context` positions of heads whose first `dim` dimensions are rotated. Each frequency
    /// `theta^(-2 i / dim)` is divided by its factor, where there are `factors` (`[dim / 2]`).
    ///
    /// Frequency and angle are rounded to f32, as in transformers, whose models were trained that way.
    ///
    /// # Errors
    /// `OutOfMemory` if the tables do not fit.
    pub fn new(theta: f32, dim: usize, factors: Option<&[f32]>, context: usize) -> Result<Self> {
        let half = dim / 2;
        let mut table = Vec::new();
        table.try_reserve_exact(context * dim).map_err(|e| {
            Error::new(ErrorKind::OutOfMemory, format!("no memory for the rotary tables of {context} positions"))
                .with_source(e)
        })?;
        let frequencies: Vec<f32> = (0..half)
            .map(|i| {
                let frequency = 1.0 / libm::powf(theta, (2 * i) as f32 / dim as f32);
                factors.map_or(frequency, |factors| frequency / factors[i])
            })
            .collect();
        for position in 0..context {
            let angle = |frequency: &f32| position as f32 * frequency;
            table.extend(frequencies.iter().map(|f| libm::cosf(angle(f))));
            table.extend(frequencies.iter().map(|f| libm::sinf(angle(f))));
        }
        Ok(Self { half, table })
    }

    /// Rotates every head of one token; `x` is `[heads, head_dim]`.
    pub fn apply(&self, position: usize, x: &mut [f32], head_dim: usize) {
        let (cos, sin) = self.table[2 * self.half * position..][..2 * self.half].split_at(self.half);
        for head in x.chunks_exact_mut(head_dim) {
            let (first, rest) = head.split_at_mut(self.half);
            let second = &mut rest[..self.half];
            for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }

    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        size_of_val(self.table.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_turns_by_its_position() {
        let rope = Rope::new(10000.0, 4, None, 3).unwrap();
        let mut x = [1.0, 1.0, 0.0, 0.0];
        rope.apply(2, &mut x, 4);
        let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6;
        assert!(near(x[0], 2_f64.cos()) && near(x[2], 2_f64.sin()));
        assert!(near(x[1], 0.02_f64.cos()) && near(x[3], 0.02_f64.sin()));
        rope.apply(0, &mut x, 4);
        assert!(near(x[0], 2_f64.cos()));
    }

    #[test]
    fn factors_slow_a_frequency_down() {
        let rope = Rope::new(10000.0, 2, Some(&[4.0]), 9).unwrap();
        let mut x = [1.0, 0.0, 7.0];
        rope.apply(8, &mut x, 3);
        assert!((x[0] - libm::cosf(2.0)).abs() < 1e-6 && x[2] == 7.0);
    }
}
