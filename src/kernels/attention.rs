//! Attention of new tokens over a KV cache: grouped queries, causal.

use crate::model::{KvCache, KvRows};
use crate::pool::Pool;

use super::exp::exp;
use super::vector::{LANES, add_scaled, dot, sum_lanes, widen};

/// How many heads there are, and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadShape {
    /// Query heads.
    pub n_heads: usize,
    /// Key/value heads; divides `n_heads`.
    pub n_kv_heads: usize,
    /// The width of a head.
    pub head_dim: usize,
}

impl HeadShape {
    /// Query heads that one thread computes together, so that keys and values are read and converted once for them.
    fn heads_per_unit(self) -> usize {
        let group = self.n_heads / self.n_kv_heads;
        [4, 2, 1].into_iter().find(|&heads| group.is_multiple_of(heads)).unwrap_or(1)
    }
}

/// `out[t, h] = softmax(q[t, h] k^T / sqrt(head_dim)) v` over the positions `0..=first_position + t` of `layer`.
///
/// `q` and `out` are `[tokens, n_heads, head_dim]`; query head `h` reads key/value head `h / (n_heads / n_kv_heads)`.
/// Each head of each token is computed whole by one thread and position by position, so neither threads nor batches
/// change a bit.
pub fn attend(pool: &Pool, cache: &KvCache, layer: usize, q: &[f32], first_position: usize, out: &mut [f32]) {
    let shape = cache.shape();
    let heads = shape.heads_per_unit();
    let units_per_token = shape.n_heads / heads;
    let width = heads * shape.head_dim;
    pool.par_rows(out, width, 1, |unit, out| {
        let (token, first_head) = (unit / units_per_token, unit % units_per_token * heads);
        let kv_head = first_head / (shape.n_heads / shape.n_kv_heads);
        let positions = first_position + token + 1;
        let q = &q[unit * width..][..width];
        let attend = match heads {
            4 => attend_heads::<4>,
            2 => attend_heads::<2>,
            _ => attend_heads::<1>,
        };
        attend(cache, layer, kv_head, positions, q, out);
    });
}

/// Positions whose values are added to the output in one go.
const VALUE_ROWS: usize = 4;

/// `H` query heads that share a key/value head; `q` and `out` are `[H, head_dim]`.
fn attend_heads<const H: usize>(
    cache: &KvCache,
    layer: usize,
    kv_head: usize,
    positions: usize,
    q: &[f32],
    out: &mut [f32],
) {
    let head_dim = cache.shape().head_dim;
    let factor = 1.0 / (head_dim as f32).sqrt();
    let mut scores: [Vec<f32>; H] = std::array::from_fn(|_| Vec::with_capacity(positions));
    let mut widened = vec![0.0; VALUE_ROWS * head_dim];
    for rows in cache.keys(layer, kv_head, positions) {
        rows.for_each_group(head_dim, &mut widened, |keys| {
            for key in keys.chunks_exact(head_dim) {
                for (scores, q) in scores.iter_mut().zip(q.chunks_exact(head_dim)) {
                    scores.push(dot(key, q) * factor);
                }
            }
        });
    }
    for scores in &mut scores {
        softmax(scores);
    }
    out.fill(0.0);
    let mut position = 0;
    for rows in cache.values(layer, kv_head, positions) {
        rows.for_each_group(head_dim, &mut widened, |values| {
            for (scores, out) in scores.iter().zip(out.chunks_exact_mut(head_dim)) {
                add_values(out, &scores[position..], values);
            }
            position += values.len() / head_dim;
        });
    }
}

/// `out += sum_i weights[i] * values[i]`; `values` is up to [`VALUE_ROWS`] rows as long as `out`.
#[inline(always)]
fn add_values(out: &mut [f32], weights: &[f32], values: &[f32]) {
    let dim = out.len();
    if values.len() == VALUE_ROWS * dim {
        let row = |i: usize| &values[i * dim..][..dim];
        add_scaled::<VALUE_ROWS>(out, std::array::from_fn(|i| weights[i]), std::array::from_fn(row));
    } else {
        for (row, &weight) in values.chunks_exact(dim).zip(weights) {
            add_scaled(out, [weight], [row]);
        }
    }
}

fn softmax(x: &mut [f32]) {
    let max = x.iter().fold(f32::NEG_INFINITY, |max, &v| if v > max { v } else { max });
    for v in x.iter_mut() {
        *v = exp(*v - max);
    }
    let mut lanes = [0.0; LANES];
    for chunk in x.chunks(LANES) {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += v;
        }
    }
    let factor = 1.0 / sum_lanes(lanes);
    for v in x.iter_mut() {
        *v *= factor;
    }
}

impl KvRows<'_> {
    /// Calls `each` with groups of up to [`VALUE_ROWS`] rows as f32; `widened` is working memory of that size.
    #[inline(always)]
    fn for_each_group(&self, head_dim: usize, widened: &mut [f32], mut each: impl FnMut(&[f32])) {
        match self {
            Self::F32(values) => values.chunks(VALUE_ROWS * head_dim).for_each(each),
            Self::F16(values) => {
                for halves in values.chunks(VALUE_ROWS * head_dim) {
                    let widened = &mut widened[..halves.len()];
                    widen(halves, widened);
                    each(widened);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_softmax_sums_to_one() {
        let mut x = [1.0, 2.0, 3.0, -1e30, 3.0];
        softmax(&mut x);
        assert!((x.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!((x[2], x[3]), (x[4], x[3]));
        assert!(x[3] < 1e-37 && (x[1] / x[0] - libm::expf(1.0)).abs() < 1e-5);
    }
}
