//! Products with a pair of thin float matrices, as LoRA adds beside a matrix: `y += scale * B (A x)`.
//!
//! Every number is one dot product in the order of [`dot`], and what a token gets does not depend on the others, so that the bits
//! are the same for all threads and batches.

use super::pool::Pool;
use super::vector::dot;

/// Numbers that a thread takes at once: a dot product is short.
const GRAIN: usize = 64;

/// `h = A x` for each token: `a` is `[rank, cols]`, `x` `[tokens, cols]`, `h` `[tokens, rank]`.
///
/// # Panics
/// If a length does not fit.
pub fn reduce(pool: &Pool, a: &[f32], x: &[f32], rank: usize, h: &mut [f32]) {
    let cols = a.len() / rank;
    assert_eq!(x.len() / cols, h.len() / rank);
    pool.par_rows(h, 1, 4, |index, h| {
        let (token, row) = (index / rank, index % rank);
        h[0] = dot(&a[row * cols..][..cols], &x[token * cols..][..cols]);
    });
}

/// `y += scale * (B h)` for each token: `b` is `[rows, rank]`, `h` `[tokens, rank]`, `y` `[tokens, rows]`.
///
/// # Panics
/// If a length does not fit.
pub fn expand(pool: &Pool, b: &[f32], h: &[f32], rank: usize, scale: f32, y: &mut [f32]) {
    let rows = b.len() / rank;
    assert_eq!(y.len() / rows, h.len() / rank);
    pool.par_rows(y, 1, GRAIN, |index, y| {
        let (token, row) = (index / rows, index % rows);
        y[0] += scale * dot(&b[row * rank..][..rank], &h[token * rank..][..rank]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens, rank 2, three columns, two rows.
    #[test]
    fn what_is_added_is_the_product_of_both_matrices() {
        let (a, b) = ([1.0, 2.0, 0.0, 0.0, 1.0, -1.0], [1.0, 1.0, 2.0, 0.0]);
        let x = [1.0, 2.0, 3.0, 0.0, 1.0, 0.5];
        for threads in [1, 3] {
            let pool = Pool::new(threads);
            let (mut h, mut y) = ([0.0; 4], [10.0, 20.0, 30.0, 40.0]);
            reduce(&pool, &a, &x, 2, &mut h);
            assert_eq!(h, [5.0, -1.0, 2.0, 0.5]);
            expand(&pool, &b, &h, 2, 0.5, &mut y);
            assert_eq!(y, [12.0, 25.0, 31.25, 42.0]);
        }
    }
}
