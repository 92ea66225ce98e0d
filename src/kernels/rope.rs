//! Rotary position embedding (arXiv:2104.09864).

/// Which dimensions of a head are rotated as a pair. A model has the order that it was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairOrder {
    /// `i` and `i + dim / 2`: transformers' `rotate_half`, llama.cpp's NEOX.
    Halves,
    /// `2 i` and `2 i + 1`: the original, and what llama.cpp's converter permutes queries and keys of Llama models to.
    Adjacent,
}

/// How the frequencies are changed for longer contexts than those of a model's first training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// They are not.
    None,
    /// Each is divided by `factor` (arXiv:2306.15595).
    Linear {
        /// How many times longer the context is.
        factor: f32,
    },
    /// YaRN (arXiv:2309.00071): slow frequencies are divided, fast ones stay, and what is rotated grows.
    Yarn(Yarn),
}

/// The numbers of YaRN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// How many times longer the context is, at least 1.
    pub factor: f32,
    /// The context before that, in tokens.
    pub original_context: usize,
    /// A frequency that turns more often than this within the original context stays.
    pub beta_fast: f32,
    /// A frequency that turns less often is divided by `factor`.
    pub beta_slow: f32,
}

impl Yarn {
    /// What cosines and sines are multiplied with.
    fn magnitude(&self) -> f32 {
        (0.1 * libm::log(f64::from(self.factor)) + 1.0) as f32
    }

    /// How much of each of `dim / 2` frequencies stays, from 0 to 1. The ends of the ramp are whole numbers, as in
    /// transformers and llama.cpp.
    fn kept(&self, theta: f32, dim: usize) -> impl Fn(usize) -> f32 {
        let theta = f64::from(theta);
        let pair_that_turns = |times: f32| {
            let length = self.original_context as f64 / (f64::from(times) * std::f64::consts::TAU);
            dim as f64 * libm::log(length) / (2.0 * libm::log(theta))
        };
        let low = libm::floor(pair_that_turns(self.beta_fast)).max(0.0) as f32;
        let high = libm::ceil(pair_that_turns(self.beta_slow)).min(dim as f64 - 1.0) as f32;
        move |pair| 1.0 - ((pair as f32 - low) / (high - low).max(0.001)).clamp(0.0, 1.0)
    }
}

/// The frequencies of one head.
#[derive(Debug)]
pub struct Rope {
    /// Radians a position, one for each pair that is rotated: `[dim / 2]`.
    frequencies: Vec<f32>,
    /// What cosines and sines are multiplied with: 1 but for YaRN.
    magnitude: f32,
}

impl Rope {
    /// For heads whose first `dim` dimensions are rotated. Each frequency `theta^(-2 i / dim)` is divided by its
    /// factor, where there are `factors` (`[dim / 2]`), and then scaled.
    pub fn new(theta: f32, dim: usize, factors: Option<&[f32]>, scaling: RopeScaling) -> Self {
        let frequency = |i: usize| {
            let frequency = 1.0 / libm::powf(theta, (2 * i) as f32 / dim as f32);
            factors.map_or(frequency, |factors| frequency / factors[i])
        };
        let frequencies = (0..dim / 2).map(frequency);
        match scaling {
            RopeScaling::None => Self { frequencies: frequencies.collect(), magnitude: 1.0 },
            RopeScaling::Linear { factor } => {
                Self { frequencies: frequencies.map(|f| f / factor).collect(), magnitude: 1.0 }
            }
            RopeScaling::Yarn(yarn) => {
                let kept = yarn.kept(theta, dim);
                let scale = |(i, f): (usize, f32)| f / yarn.factor * (1.0 - kept(i)) + f * kept(i);
                Self { frequencies: frequencies.enumerate().map(scale).collect(), magnitude: yarn.magnitude() }
            }
        }
    }

    /// Appends the cosines and sines of `count` positions from `first` on to `rotations`, `[count, 2, dim / 2]`. They serve
    /// all layers of one pass; a table of the whole context would cost a load more than it saves.
    ///
    /// Frequency and angle are rounded to f32, as in transformers, whose models were trained that way.
    pub fn rotations(&self, first: usize, count: usize, rotations: &mut Vec<f32>) {
        for position in first..first + count {
            let angle = |frequency: &f32| position as f32 * frequency;
            rotations.extend(self.frequencies.iter().map(|f| libm::cosf(angle(f)) * self.magnitude));
            rotations.extend(self.frequencies.iter().map(|f| libm::sinf(angle(f)) * self.magnitude));
        }
    }

    /// Rotates every head of one token, `x` `[heads, head_dim]`, by its `rotation`, `[2, dim / 2]`.
    pub fn rotate(rotation: &[f32], order: PairOrder, x: &mut [f32], head_dim: usize) {
        let dim = rotation.len();
        let (cos, sin) = rotation.split_at(dim / 2);
        let turn = |a: &mut f32, b: &mut f32, cos: f32, sin: f32| (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
        for head in x.chunks_exact_mut(head_dim) {
            let angles = cos.iter().zip(sin);
            match order {
                PairOrder::Halves => {
                    let (first, second) = head[..dim].split_at_mut(dim / 2);
                    first.iter_mut().zip(second).zip(angles).for_each(|((a, b), (cos, sin))| turn(a, b, *cos, *sin));
                }
                PairOrder::Adjacent => {
                    let pairs = head[..dim].as_chunks_mut::<2>().0;
                    pairs.iter_mut().zip(angles).for_each(|([a, b], (cos, sin))| turn(a, b, *cos, *sin));
                }
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
        Rope::rotate(&rotations, PairOrder::Halves, &mut x, N);
        x
    }

    #[test]
    fn a_pair_turns_by_its_position() {
        let rope = Rope::new(10000.0, 4, None, RopeScaling::None);
        let x = rotated(&rope, 2, [1.0, 1.0, 0.0, 0.0]);
        let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6;
        assert!(near(x[0], 2_f64.cos()) && near(x[2], 2_f64.sin()));
        assert!(near(x[1], 0.02_f64.cos()) && near(x[3], 0.02_f64.sin()));
        assert_eq!(rotated(&rope, 0, x), x);
    }

    #[test]
    fn factors_slow_a_frequency_down() {
        let rope = Rope::new(10000.0, 2, Some(&[4.0]), RopeScaling::None);
        let x = rotated(&rope, 8, [1.0, 0.0, 7.0]);
        assert!((x[0] - libm::cosf(2.0)).abs() < 1e-6 && x[2] == 7.0);
    }

    #[test]
    fn linear_scaling_is_a_slower_position() {
        let slow = Rope::new(10000.0, 2, Some(&[2.0]), RopeScaling::Linear { factor: 4.0 });
        let x = rotated(&slow, 8, [1.0, 0.0]);
        assert!((x[0] - libm::cosf(1.0)).abs() < 1e-6);
    }

    /// Of transformers' `_compute_yarn_parameters` for theta 10000, 16 dimensions, factor 4, 64 tokens.
    #[test]
    fn yarn_keeps_fast_frequencies_and_slows_slow_ones_down() {
        let yarn = Yarn { factor: 4.0, original_context: 64, beta_fast: 32.0, beta_slow: 1.0 };
        let rope = Rope::new(10000.0, 16, None, RopeScaling::Yarn(yarn));
        let want = [1.0, 0.237_170_82, 0.05, 0.007_905_695, 0.002_5, 0.000_790_569_47, 0.000_25, 0.000_079_056_95];
        for (got, want) in rope.frequencies.iter().zip(want) {
            assert!((got - want).abs() <= want * 2e-7, "{got} instead of {want}");
        }
        assert!((rope.magnitude - 1.138_629_4).abs() < 1e-6);
        let x = rotated(&rope, 0, [1.0; 16]);
        assert_eq!(x, [rope.magnitude; 16]);
    }

    #[test]
    fn positions_follow_each_other() {
        let rope = Rope::new(500.0, 6, None, RopeScaling::None);
        let (mut together, mut alone) = (Vec::new(), Vec::new());
        rope.rotations(3, 4, &mut together);
        (0..4).for_each(|i| rope.rotations(3 + i, 1, &mut alone));
        assert_eq!(together, alone);
        assert_eq!(together.len(), 24);
    }

    /// Both orders are one rotation of differently ordered dimensions; those behind the rotated ones stay.
    #[test]
    fn pairs_are_rotated_alike_in_either_order() {
        let rope = Rope::new(500.0, 6, None, RopeScaling::None);
        let mut rotation = Vec::new();
        rope.rotations(11, 1, &mut rotation);
        let heads = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, -1.0, 0.5, -3.0, 9.0, 0.25, 6.5, 8.0];
        let (mut halves, mut adjacent) = (heads, heads);
        for (head, x) in adjacent.chunks_exact_mut(7).enumerate() {
            (0..3).for_each(|i| (x[2 * i], x[2 * i + 1]) = (heads[7 * head + i], heads[7 * head + 3 + i]));
        }
        Rope::rotate(&rotation, PairOrder::Halves, &mut halves, 7);
        Rope::rotate(&rotation, PairOrder::Adjacent, &mut adjacent, 7);
        for (x, y) in halves.chunks_exact(7).zip(adjacent.chunks_exact(7)) {
            (0..3).for_each(|i| assert_eq!((x[i], x[3 + i]), (y[2 * i], y[2 * i + 1])));
            assert_eq!(x[6], y[6]);
        }
    }
}
