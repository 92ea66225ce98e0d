//! Float weights made ternary.

/// Codes and one scale of a weight matrix that is stored as floats.
///
/// If all nonzero |w| are equal the matrix is ternary already and keeps its scale exactly. Otherwise it is quantized
/// as BitNet b1.58 does in training: `scale = max(mean |w|, 1e-5)`, `code = round(w / scale)` half to even, clamped
/// to [-1, 1] (arXiv:2402.17764, and transformers' `WeightQuant`: it multiplies by the rounded reciprocal, and so do
/// we).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ternarizer {
    Exact { scale: f32 },
    AbsMean { reciprocal: f32 },
}

impl Ternarizer {
    /// Looks at the whole matrix. `None` if a weight is NaN or infinite.
    pub(super) fn of(weights: impl Iterator<Item = f32> + Clone) -> Option<Self> {
        let mut magnitude = 0.0_f32;
        let mut is_ternary = true;
        let (mut sum, mut count) = (0.0_f64, 0_u64);
        for w in weights {
            let a = w.abs();
            if !a.is_finite() {
                return None;
            }
            if a > 0.0 {
                is_ternary &= magnitude == 0.0 || magnitude == a;
                magnitude = a;
            }
            sum += f64::from(a);
            count += 1;
        }
        if is_ternary {
            return Some(Self::Exact { scale: magnitude });
        }
        let mean = ((sum / count as f64) as f32).max(1e-5);
        Some(Self::AbsMean { reciprocal: 1.0 / mean })
    }

    pub(super) fn scale(self) -> f32 {
        match self {
            Self::Exact { scale } => scale,
            Self::AbsMean { reciprocal } => 1.0 / reciprocal,
        }
    }

    pub(super) fn code(self, w: f32) -> i8 {
        match self {
            Self::Exact { .. } => i8::from(w > 0.0) - i8::from(w < 0.0),
            Self::AbsMean { reciprocal } => (w * reciprocal).round_ties_even().clamp(-1.0, 1.0) as i8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ternary_weights_keep_their_scale() {
        let t = Ternarizer::of([0.25_f32, -0.25, 0.0].into_iter()).unwrap();
        assert_eq!(t, Ternarizer::Exact { scale: 0.25 });
        assert_eq!([0.25, -0.25, 0.0].map(|w| t.code(w)), [1, -1, 0]);
    }

    #[test]
    fn others_are_rounded_by_their_mean_magnitude() {
        let weights = [1.0_f32, -0.2, 0.3, -2.5]; // mean |w| is 1.0
        let t = Ternarizer::of(weights.into_iter()).unwrap();
        assert_eq!(weights.map(|w| t.code(w)), [1, 0, 0, -1]);
        assert_eq!(t.scale(), 1.0);
    }

    #[test]
    fn a_weight_that_is_no_number_is_found() {
        assert_eq!(Ternarizer::of([1.0, f32::NAN].into_iter()), None);
    }
}
