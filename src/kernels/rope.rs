//! Rotary position embedding (arXiv:2104.09864) in its rotate-half form: dimension `i` is paired with `i + dim / 2`.

/// The frequencies of one head.
#[derive(Debug)]
pub struct Rope {
    /// Radians a position, one for each pair that is rotated: `[dim / 2]`.
    frequencies: Vec<f32>,
}

impl Rope {
    /// For heads whose first `dim` dimensions are rotated. Each frequency `theta^(-2 i / dim)` is divided by its
    /// factor, where there are `factors` (`[dim / 2]`).
    pub fn new(theta: f32, dim: usize, factors: Option<&[f32]>) -> Self {
        let frequency = |i: usize| {
            let frequency = 1.0 / libm::powf(theta, (2 * i) as f32 / dim as f32);
            factors.map_or(frequency, |factors| frequency / factors[i])
        };
        Self { frequencies: (0..dim / 2).map(frequency).collect() }
    }

    /// Appends the cosines and sines of `count` positions from `first` on to `rotations`, `[count, 2, dim / 2]`. They serve
    /// all layers of one pass; a table of the whole context would cost a load more than it saves.
    ///
    /// Frequency and angle are rounded to f32, as in transformers, whose models were trained that way.
    pub fn rotations(&self, first: usize, count: usize, rotations: &mut Vec<f32>) {
        for position in first..first + count {
            let angle = |frequency: &f32| position as f32 * frequency;
            rotations.extend(self.frequencies.iter().map(|f| libm::cosf(angle(f))));
            rotations.extend(self.frequencies.iter().map(|f| libm::sinf(angle(f))));
        }
    }

    /// Rotates every head of one token, `x` `[heads, head_dim]`, by its `rotation`, `[2, dim / 2]`.
    pub fn rotate(rotation: &[f32], x: &mut [f32], head_dim: usize) {
        let half = rotation.len() / 2;
        let (cos, sin) = rotation.split_at(half);
        for head in x.chunks_exact_mut(head_dim) {
            let (first, rest) = head.split_at_mut(half);
            let second = &mut rest[..half];
            for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rotates one head of `x.len()` at `position`.
    fn rotated<const N: usize>(rope: &Rope, position: usize, mut x: [f32; N]) -> [f32; N] {
        let mut rotations = Vec::new();
        rope.rotations(position, 1, &mut rotations);
        Rope::rotate(&rotations, &mut x, N);
        x
    }

    #[test]
    fn a_pair_turns_by_its_position() {
        let rope = Rope::new(10000.0, 4, None);
        let x = rotated(&rope, 2, [1.0, 1.0, 0.0, 0.0]);
        let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6;
        assert!(near(x[0], 2_f64.cos()) && near(x[2], 2_f64.sin()));
        assert!(near(x[1], 0.02_f64.cos()) && near(x[3], 0.02_f64.sin()));
        assert_eq!(rotated(&rope, 0, x), x);
    }

    #[test]
    fn factors_slow_a_frequency_down() {
        let rope = Rope::new(10000.0, 2, Some(&[4.0]));
        let x = rotated(&rope, 8, [1.0, 0.0, 7.0]);
        assert!((x[0] - libm::cosf(2.0)).abs() < 1e-6 && x[2] == 7.0);
    }

    #[test]
    fn positions_follow_each_other() {
        let rope = Rope::new(500.0, 6, None);
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        rope.rotations(3, 4, &mut together);
        (0..4).for_each(|i| rope.rotations(3 + i, 1, &mut alone));
        assert_eq!(together, alone);
        assert_eq!(together.len(), 24);
    }
}
