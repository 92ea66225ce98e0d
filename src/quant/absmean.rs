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

/// What must be known of a whole matrix to make it ternary, gathered in the order of its weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Survey {
    /// The magnitude of the last weight that is not 0.
    magnitude: f32,
    is_ternary: bool,
    is_finite: bool,
    sum: f64,
    count: u64,
}

impl Survey {
    pub(super) fn new() -> Self {
        Self { magnitude: 0.0, is_ternary: true, is_finite: true, sum: 0.0, count: 0 }
    }

    /// The next weights.
    pub(super) fn add(&mut self, weights: &[f32]) {
        for w in weights {
            let a = w.abs();
            self.is_finite &= a.is_finite();
            if a > 0.0 {
                self.is_ternary &= self.magnitude == 0.0 || self.magnitude == a;
                self.magnitude = a;
            }
            self.sum += f64::from(a);
        }
        self.count += weights.len() as u64;
    }

    /// `None` if a weight was NaN or infinite. `always_rounds`: also what is ternary already, as training does, whose scale
    /// shrinks by that.
    pub(super) fn ternarizer(self, always_rounds: bool) -> Option<Ternarizer> {
        if !self.is_finite {
            return None;
        }
        if self.is_ternary && !always_rounds {
            return Some(Ternarizer::Exact { scale: self.magnitude });
        }
        let mean = ((self.sum / self.count as f64) as f32).max(1e-5);
        Some(Ternarizer::AbsMean { reciprocal: 1.0 / mean })
    }
}

impl Ternarizer {
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

    fn of(weights: &[f32]) -> Option<Ternarizer> {
        let mut survey = Survey::new();
        weights.chunks(3).for_each(|weights| survey.add(weights));
        survey.ternarizer(false)
    }

    #[test]
    fn master_weights_are_rounded_whatever_they_are() {
        let mut survey = Survey::new();
        survey.add(&[0.5, -0.5, 0.0, 0.5]);
        let t = survey.ternarizer(true).unwrap();
        assert_eq!([0.5, -0.5, 0.0].map(|w| t.code(w)), [1, -1, 0]);
        assert_eq!(t.scale(), 0.375);
    }

    #[test]
    fn ternary_weights_keep_their_scale() {
        let t = of(&[0.25, -0.25, 0.0, 0.25]).unwrap();
        assert_eq!(t, Ternarizer::Exact { scale: 0.25 });
        assert_eq!([0.25, -0.25, 0.0].map(|w| t.code(w)), [1, -1, 0]);
    }

    #[test]
    fn others_are_rounded_by_their_mean_magnitude() {
        let weights = [1.0_f32, -0.2, 0.3, -2.5]; // mean |w| is 1.0
        let t = of(&weights).unwrap();
        assert_eq!(weights.map(|w| t.code(w)), [1, 0, 0, -1]);
        assert_eq!(t.scale(), 1.0);
    }

    #[test]
    fn a_weight_that_is_no_number_is_found() {
        assert_eq!(of(&[1.0, f32::NAN]), None);
    }
}
