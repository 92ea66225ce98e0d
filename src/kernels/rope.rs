//! Rotary position embedding (arXiv:2104.09864).

/// Which dimensions of a head are rotated as a pair. A model has the order that it was trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairOrder {
    /// `i` and `i + dim / 2`: transformers' `rotate_half`, llama.cpp's NEOX.
    Halves,
    /// `2 i` and `2 i + 1`: the original, and what llama.cpp's converter permutes queries and keys of Llama models to.
    Adjacent,
}

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

    /// Both orders are one rotation of differently ordered dimensions; those behind the rotated ones stay.
    #[test]
    fn pairs_are_rotated_alike_in_either_order() {
        let rope = Rope::new(500.0, 6, None);
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
