//! Attention over keys and values in f32: what the model was trained with, and what the int8 form is compared with.

use std::ops::Range;

use crate::pool::Pool;

use super::super::buffer::{try_copied, try_filled};
use super::super::exp::exp;
use super::super::vector::{LANES, add_scaled, dot, sum_lanes};
use super::{HeadShape, KV_BLOCK, Reach};

/// Keys and values of [`KV_BLOCK`] positions of one layer. Each head's rows are contiguous.
#[derive(Debug)]
pub struct FloatBlock {
    head_dim: usize,
    /// `[n_kv_heads, KV_BLOCK, head_dim]`
    keys: Vec<f32>,
    /// `[n_kv_heads, KV_BLOCK, head_dim]`
    values: Vec<f32>,
}

impl FloatBlock {
    /// The bytes of a block.
    pub const fn bytes(shape: HeadShape) -> usize {
        2 * shape.n_kv_heads * KV_BLOCK * shape.head_dim * size_of::<f32>()
    }

    /// A block of zeros; `None` if there is no memory for it.
    pub fn new(shape: HeadShape) -> Option<Self> {
        let len = shape.n_kv_heads * KV_BLOCK * shape.head_dim;
        let zeros = || try_filled(len, 0.0);
        Some(Self { head_dim: shape.head_dim, keys: zeros()?, values: zeros()? })
    }

    /// Stores the position that stands at `slot` of the block; `k` and `v` are `[n_kv_heads, head_dim]`.
    pub fn store(&mut self, slot: usize, k: &[f32], v: &[f32]) {
        let head_dim = self.head_dim;
        for (block, values) in [(&mut self.keys, k), (&mut self.values, v)] {
            for (head, values) in values.chunks_exact(head_dim).enumerate() {
                block[(head * KV_BLOCK + slot) * head_dim..][..head_dim].copy_from_slice(values);
            }
        }
    }

    /// A copy; `None` if there is no memory for it.
    pub fn try_clone(&self) -> Option<Self> {
        let Self { head_dim, keys, values } = self;
        Some(Self { head_dim: *head_dim, keys: try_copied(keys)?, values: try_copied(values)? })
    }

    /// The bytes that [`write`](Self::write) gives for a position.
    pub const fn position_bytes(shape: HeadShape) -> usize {
        2 * shape.n_kv_heads * shape.head_dim * size_of::<f32>()
    }

    /// Appends keys, then values of the position at `slot`: `[2, n_kv_heads, head_dim]`, f32 little-endian.
    pub fn write(&self, slot: usize, out: &mut Vec<u8>) {
        for values in [&self.keys, &self.values] {
            for head in values.chunks_exact(KV_BLOCK * self.head_dim) {
                out.extend(head[slot * self.head_dim..][..self.head_dim].iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }

    /// Takes the position at `slot` from what [`write`](Self::write) gave.
    pub fn read(&mut self, slot: usize, bytes: &[u8]) {
        let head_dim = self.head_dim;
        let mut numbers = bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
        for values in [&mut self.keys, &mut self.values] {
            for head in values.chunks_exact_mut(KV_BLOCK * head_dim) {
                head[slot * head_dim..][..head_dim].iter_mut().zip(&mut numbers).for_each(|(out, value)| *out = value);
            }
        }
    }

    /// Some rows of one head, `[rows, head_dim]`.
    fn rows<'a>(&self, values: &'a [f32], head: usize, rows: Range<usize>) -> &'a [f32] {
        &values[(head * KV_BLOCK + rows.start) * self.head_dim..][..rows.len() * self.head_dim]
    }
}

/// See [`super::attend`]. Each head of each token is computed whole by one thread, position by position.
pub(super) fn attend(pool: &Pool, shape: HeadShape, blocks: &[&FloatBlock], q: &[f32], reach: Reach, out: &mut [f32]) {
    let heads = shape.heads_per_unit();
    let units_per_token = shape.n_heads / heads;
    let width = heads * shape.head_dim;
    pool.par_rows(out, width, 1, |unit, out| {
        let (token, unit_of_token) = (unit / units_per_token, unit % units_per_token);
        let q = &q[unit * width..][..width];
        let attend = match heads {
            4 => attend_heads::<4>,
            2 => attend_heads::<2>,
            _ => attend_heads::<1>,
        };
        attend(blocks, shape.kv_head(unit_of_token), reach.positions(token), q, out);
    });
}

/// Positions whose values are added to the output in one go.
const VALUE_ROWS: usize = 4;

/// `H` query heads that share a key/value head; `q` and `out` are `[H, head_dim]`.
fn attend_heads<const H: usize>(
    blocks: &[&FloatBlock],
    kv_head: usize,
    positions: Range<usize>,
    q: &[f32],
    out: &mut [f32],
) {
    let head_dim = q.len() / H;
    let factor = 1.0 / (head_dim as f32).sqrt();
    // For each block the rows that count, and the place of the first of them among all scores.
    let filled = || {
        let blocks = blocks.iter().copied().zip((0..positions.end).step_by(KV_BLOCK)).skip(positions.start / KV_BLOCK);
        blocks.map(|(block, begin)| {
            let first = positions.start.max(begin);
            (block, first - positions.start, first - begin..KV_BLOCK.min(positions.end - begin))
        })
    };
    let mut scores: [Vec<f32>; H] = std::array::from_fn(|_| Vec::with_capacity(positions.len()));
    for (block, _, rows) in filled() {
        for key in block.rows(&block.keys, kv_head, rows).chunks_exact(head_dim) {
            for (scores, q) in scores.iter_mut().zip(q.chunks_exact(head_dim)) {
                scores.push(dot(key, q) * factor);
            }
        }
    }
    for scores in &mut scores {
        softmax(scores);
    }
    out.fill(0.0);
    for (block, at, rows) in filled() {
        for (index, values) in block.rows(&block.values, kv_head, rows).chunks(VALUE_ROWS * head_dim).enumerate() {
            for (scores, out) in scores.iter().zip(out.chunks_exact_mut(head_dim)) {
                add_values(out, &scores[at + index * VALUE_ROWS..], values);
            }
        }
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
