//! Rotary position embedding.
use crate::Result;

/// Tables
#[derive(Debug)]
pub struct Rope {
    inverse: Vec<f32>,
}

impl Rope {
    /// x
    pub fn new(theta: f32, dim: usize, factors: Option<&[f32]>, _context: usize) -> Result<Self> {
        let inverse = (0..dim / 2)
            .map(|i| {
                let f = 1.0 / libm::powf(theta, (2 * i) as f32 / dim as f32);
                factors.map_or(f, |x| f / x[i])
            })
            .collect();
        Ok(Self { inverse })
    }
    /// x
    pub fn apply(&self, position: usize, x: &mut [f32], head_dim: usize) {
        let half = self.inverse.len();
        for head in x.chunks_exact_mut(head_dim) {
            for i in 0..half {
                let angle = position as f32 * self.inverse[i];
                let (s, c) = (libm::sinf(angle), libm::cosf(angle));
                let (a, b) = (head[i], head[i + half]);
                head[i] = a * c - b * s;
                head[i + half] = b * c + a * s;
            }
        }
    }
}
