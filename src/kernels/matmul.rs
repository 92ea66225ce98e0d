//! Ternary matrices times activations.
use crate::pool::Pool;

use super::{Activations, TernaryMatrix};

/// One product with the shared input.
pub struct Job<'a> {
    /// `[rows, cols]`
    pub matrix: &'a TernaryMatrix,
    /// `[tokens, rows]`
    pub out: &'a mut [f32],
}

/// x
pub fn matmul(_pool: &Pool, x: &Activations, jobs: &mut [Job<'_>]) {
    for job in jobs {
        let m = job.matrix;
        for t in 0..x.tokens {
            let q = &x.q[t * x.cols..][..x.cols];
            for r in 0..m.rows {
                let acc: i32 =
                    m.codes[r * m.cols..][..m.cols].iter().zip(q).map(|(w, q)| i32::from(*w) * i32::from(*q)).sum();
                job.out[t * m.rows + r] = acc as f32 / x.scale[t] * m.scale;
            }
        }
    }
}
