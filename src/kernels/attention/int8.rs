//! Attention over keys and values in int8, by integer dot products.
//!
//! Both halves of attention are one loop. A key's score sums over the dimensions of a head, for 8 positions at once; an
//! output sums over positions, for 8 dimensions at once. Either way a step takes 16 codes, two for each of 8 lanes, and
//! for every query head a pair of 16-bit weights that all lanes share:
//!
//! ```text
//! scores:   8 positions x (dimension 2i, 2i + 1)     weights: the query's (2i, 2i + 1)
//! outputs:  8 dimensions x (position 2i, 2i + 1)     weights: exp(score - max) of (2i, 2i + 1)
//! sum[lane] += code[lane][0] * weight[0] + code[lane][1] * weight[1]          i32x4.dot_i16x8_s
//! ```
//!
//! No sum across lanes, and keys and values are widened once for all the query heads that share them. The queries and the
//! weights of the positions are rounded to 16 bits, which costs a hundredth of what the 8 bits of keys and values cost.
//! Sums are exact integers; f32 enters where a block ends, in a fixed order.

use std::ops::Range;

use crate::pool::Pool;

use super::super::exp::exp_differences;
use super::super::rounding::round_to_i16;
use super::super::vector::{LANES, sum_lanes};
use super::int8_block::{Int8Block, step_of};
use super::pairs::{Pair, WIDE, pair, pair_dots};
use super::{HeadShape, KV_BLOCK, Reach};

/// The largest weight of a position: a block's sum of 256 products stays within i32.
const MAX_WEIGHT: f32 = i16::MAX as f32;
const _: () = assert!(i16::MAX as usize * 127 * KV_BLOCK <= i32::MAX as usize);

/// Chunks of 8 dimensions that a thread adds up together. The more they are, the longer the pieces that it reads of a
/// block's values, 2 KB each, and the fewer there are to share: a model has as few as 5 heads of 16 chunks.
const fn chunks_together(threads: usize) -> usize {
    match threads {
        1 => 16,
        2 | 3 => 8,
        _ => 4,
    }
}

/// A single token behind fewer positions than this is not worth two more joins.
const SPLIT_POSITIONS: usize = 2 * KV_BLOCK;

/// Working memory of one token's attention, over all heads or those of one unit.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    queries: Vec<Queries>,
    /// `[units, blocks, H, KV_BLOCK]`
    scores: Vec<f32>,
    exponentials: Vec<Exponentials>,
    /// `[units, blocks]`
    weights: Vec<Weights>,
    /// `[units, head_dim / 8, H, 8]`, whole groups of chunks for each unit
    out: Vec<f32>,
}

/// Query heads that are computed together, as 16-bit integers.
#[derive(Debug, Default)]
struct Queries {
    /// `[head_dim / 2, H]`
    pairs: Vec<Pair>,
    /// What a sum of products with key codes is multiplied with, before the key's step, `[H]`.
    factors: Vec<f32>,
}

/// `exp(score - max)` of one query head.
#[derive(Debug, Default)]
struct Exponentials {
    /// `[blocks, KV_BLOCK]`, zeros behind the last position
    values: Vec<f32>,
    /// 1 / their sum
    factor: f32,
}

/// What the query heads of a unit make of the positions of a block, as 16-bit integers.
#[derive(Debug, Default)]
struct Weights {
    /// `[KV_BLOCK / 2, H]`
    pairs: Vec<Pair>,
    /// What an integer stands for, `[H]`.
    steps: Vec<f32>,
}

/// See [`super::attend`]. A head of a token is computed whole by one thread, or, behind many positions, in four steps
/// by all of them; the order of every sum is the same.
pub(super) fn attend(
    pool: &Pool,
    shape: HeadShape,
    blocks: &[&Int8Block],
    q: &[f32],
    reach: Reach,
    out: &mut [f32],
    scratch: &mut Scratch,
) {
    let heads = shape.heads_per_unit();
    let attend = match heads {
        4 => attend_token::<4>,
        2 => attend_token::<2>,
        _ => attend_token::<1>,
    };
    let token_width = shape.n_heads * shape.head_dim;
    if out.len() == token_width && (pool.width() == 1 || reach.positions(0).len() > SPLIT_POSITIONS) {
        attend(Some(pool), shape, blocks, 0, reach.positions(0), q, out, scratch);
        return;
    }
    let width = heads * shape.head_dim;
    let units = shape.n_heads / heads;
    // Working memory is had once for all units of a token, where there are tokens enough for all threads.
    let together = if out.len() >= 4 * pool.width() * token_width { units } else { 1 };
    pool.par_rows(out, together * width, 1, |task, out| {
        let mut scratch = Scratch::default();
        let first = task * together;
        for (row, out) in (first..).zip(out.chunks_exact_mut(width)) {
            let (token, unit) = (row / units, row % units);
            let q = &q[row * width..][..width];
            attend(None, shape, blocks, unit, reach.positions(token), q, out, &mut scratch);
        }
    });
}

/// One token over some positions: the units of `H` query heads from `first_unit` on that `q` and `out`
/// (`[heads, head_dim]`) have room for. On the threads of `pool`, or on this one.
#[expect(clippy::too_many_arguments, reason = "they are all it works on, and it has one caller")]
fn attend_token<const H: usize>(
    pool: Option<&Pool>,
    shape: HeadShape,
    blocks: &[&Int8Block],
    first_unit: usize,
    positions: Range<usize>,
    q: &[f32],
    out: &mut [f32],
    scratch: &mut Scratch,
) {
    let head_dim = shape.head_dim;
    let group_len = chunks_together(pool.map_or(1, Pool::threads));
    // From here on positions are counted from the first block that has one of them; `before` are those of it that have none.
    let (first_block, before) = (positions.start / KV_BLOCK, positions.start % KV_BLOCK);
    let (blocks, positions) = (&blocks[first_block..], positions.end - first_block * KV_BLOCK);
    let (n_blocks, groups) = (positions.div_ceil(KV_BLOCK), head_dim.div_ceil(WIDE * group_len));
    let blocks = &blocks[..n_blocks];
    let rows_of = |block: usize| KV_BLOCK.min(positions - block * KV_BLOCK);
    let kv_head = |unit: usize| shape.kv_head(first_unit + unit);
    let heads = q.len() / head_dim;

    let Scratch { queries, scores, exponentials, weights, out: parts } = scratch;
    queries.resize_with(heads / H, Queries::default);
    for (queries, q) in queries.iter_mut().zip(q.chunks_exact(H * head_dim)) {
        queries.take(q, head_dim);
    }

    let queries = &*queries;
    scores.resize(heads * n_blocks * KV_BLOCK, 0.0);
    each_row(pool, scores, H * KV_BLOCK, |row, scores| {
        let (unit, block) = (row / n_blocks, row % n_blocks);
        score::<H>(blocks[block], kv_head(unit), rows_of(block), &queries[unit], scores);
        if block == 0 {
            scores.chunks_exact_mut(KV_BLOCK).for_each(|scores| scores[..before].fill(f32::NEG_INFINITY));
        }
    });

    let scores = &*scores;
    exponentials.resize_with(heads, Exponentials::default);
    each_row(pool, exponentials, 1, |head, exponentials| {
        let (unit, head) = (head / H, head % H);
        exponentials[0]
            .take(n_blocks, |block| &scores[((unit * n_blocks + block) * H + head) * KV_BLOCK..][..rows_of(block)]);
    });

    let exponentials = &*exponentials;
    weights.resize_with(heads / H * n_blocks, Weights::default);
    each_row(pool, weights, 1, |row, weights| {
        let (unit, block) = (row / n_blocks, row % n_blocks);
        let steps = &blocks[block].value_steps[kv_head(unit) * KV_BLOCK..][..rows_of(block)];
        weights[0].take::<H>(&exponentials[unit * H..], block, steps);
    });

    let weights = &*weights;
    parts.resize(heads * groups * group_len * WIDE, 0.0);
    each_row(pool, parts, group_len * H * WIDE, |row, out| {
        let (unit, group) = (row / groups, row % groups);
        let chunks = group * group_len..head_dim.div_ceil(WIDE).min((group + 1) * group_len);
        let weights = &weights[unit * n_blocks..][..n_blocks];
        add_up::<H>(blocks, kv_head(unit), chunks, positions, weights, &exponentials[unit * H..], out);
    });

    for (unit, out) in out.chunks_exact_mut(H * head_dim).enumerate() {
        for (head, out) in out.chunks_exact_mut(head_dim).enumerate() {
            for (chunk, out) in out.chunks_mut(WIDE).enumerate() {
                out.copy_from_slice(&parts[((unit * groups * group_len + chunk) * H + head) * WIDE..][..out.len()]);
            }
        }
    }
}

/// Rows of `data` on the threads of `pool`, or one after the other on this one.
fn each_row<T: Send>(pool: Option<&Pool>, data: &mut [T], len: usize, task: impl Fn(usize, &mut [T]) + Sync) {
    match pool {
        Some(pool) => pool.par_rows(data, len, 1, task),
        None => data.chunks_exact_mut(len).enumerate().for_each(|(row, data)| task(row, data)),
    }
}

impl Queries {
    /// From heads of `head_dim` numbers each.
    fn take(&mut self, q: &[f32], head_dim: usize) {
        let heads = q.len() / head_dim;
        // A sum of `head_dim` products with codes up to 127 stays within i32.
        let bound = (i32::MAX as usize / (127 * head_dim)).min(i16::MAX as usize);
        self.pairs.resize(head_dim.div_ceil(2) * heads, 0);
        self.factors.clear();
        for (head, q) in q.chunks_exact(head_dim).enumerate() {
            let (step, inverse) = step_of(q, bound as f32);
            self.factors.push(step / (head_dim as f32).sqrt());
            for (pairs, q) in self.pairs.chunks_exact_mut(heads).zip(q.chunks(2)) {
                let second = q.get(1).map_or(0, |q| round_to_i16(q * inverse));
                pairs[head] = pair(round_to_i16(q[0] * inverse), second);
            }
        }
    }
}

/// The scores of `H` query heads at the first `rows` positions of a block, into `out[head][position]`. Behind `rows`
/// some are what old codes give, and mean nothing.
fn score<const H: usize>(block: &Int8Block, kv_head: usize, rows: usize, queries: &Queries, out: &mut [f32]) {
    let pairs = queries.pairs.as_chunks::<H>().0;
    let steps = block.key_steps[kv_head * KV_BLOCK..][..KV_BLOCK].as_chunks::<WIDE>().0;
    for (group, steps) in steps.iter().enumerate().take(rows.div_ceil(WIDE)) {
        let sums = pair_dots(block.key_group(kv_head, group), pairs);
        for (head, (sums, factor)) in sums.iter().zip(&queries.factors).enumerate() {
            let out = &mut out[head * KV_BLOCK + group * WIDE..][..WIDE];
            for ((out, &sum), step) in out.iter_mut().zip(sums).zip(steps) {
                *out = sum as f32 * factor * step;
            }
        }
    }
}

impl Exponentials {
    /// From the scores, block by block.
    fn take<'a>(&mut self, n_blocks: usize, scores_of: impl Fn(usize) -> &'a [f32]) {
        let max = (0..n_blocks).map(|block| maximum(scores_of(block))).fold(f32::NEG_INFINITY, larger);
        self.values.resize(n_blocks * KV_BLOCK, 0.0);
        let mut sums = [0.0; LANES];
        for (block, values) in self.values.chunks_exact_mut(KV_BLOCK).enumerate() {
            let scores = scores_of(block);
            let (values, behind) = values.split_at_mut(scores.len());
            exp_differences(scores, max, values);
            behind.fill(0.0);
            let (whole, rest) = values.as_chunks::<LANES>();
            for values in whole {
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += value);
        }
        self.factor = 1.0 / sum_lanes(sums);
    }
}

impl Weights {
    /// Of `H` query heads, from the exponentials of a block times the steps of its values.
    fn take<const H: usize>(&mut self, exponentials: &[Exponentials], block: usize, value_steps: &[f32]) {
        self.pairs.resize(KV_BLOCK / 2 * H, 0);
        self.steps.clear();
        for (head, exponentials) in exponentials[..H].iter().enumerate() {
            let mut weights = [0.0; KV_BLOCK];
            let values = &exponentials.values[block * KV_BLOCK..][..value_steps.len()];
            for (weight, (value, step)) in weights.iter_mut().zip(values.iter().zip(value_steps)) {
                *weight = value * step;
            }
            let (step, inverse) = step_of(&weights, MAX_WEIGHT);
            self.steps.push(step);
            for (pairs, weights) in self.pairs.as_chunks_mut::<H>().0.iter_mut().zip(weights.as_chunks::<2>().0) {
                pairs[head] = pair(round_to_i16(weights[0] * inverse), round_to_i16(weights[1] * inverse));
            }
        }
    }
}

/// Some chunks of 8 dimensions of the outputs of `H` query heads, `[chunks, H, 8]`.
fn add_up<const H: usize>(
    blocks: &[&Int8Block],
    kv_head: usize,
    chunks: Range<usize>,
    positions: usize,
    weights: &[Weights],
    exponentials: &[Exponentials],
    out: &mut [f32],
) {
    let out = out.as_chunks_mut::<WIDE>().0;
    out.fill([0.0; WIDE]);
    for (index, (block, weights)) in blocks.iter().zip(weights).enumerate() {
        let pairs = (positions - index * KV_BLOCK).min(KV_BLOCK).div_ceil(2);
        let of_block = weights.pairs.as_chunks::<H>().0;
        for (chunk, out) in chunks.clone().zip(out.chunks_exact_mut(H)) {
            let sums = pair_dots(block.value_chunk(kv_head, chunk, pairs), of_block);
            for ((out, sums), step) in out.iter_mut().zip(&sums).zip(&weights.steps) {
                for (out, &sum) in out.iter_mut().zip(sums) {
                    *out += sum as f32 * step;
                }
            }
        }
    }
    for out in out.chunks_exact_mut(H) {
        for (out, exponentials) in out.iter_mut().zip(exponentials) {
            out.iter_mut().for_each(|out| *out *= exponentials.factor);
        }
    }
}

fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The largest of some numbers, in lanes that compilers vectorize.
fn maximum(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &value)| *lane = larger(*lane, value));
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, larger)
}

#[cfg(test)]
mod tests {
    use super::super::super::conformance::check::Random;
    use super::*;

    #[test]
    fn one_key_gives_its_value() {
        let shape = HeadShape { n_heads: 2, n_kv_heads: 1, head_dim: 4 };
        let mut block = Int8Block::new(shape).unwrap();
        // 127 steps of 0.5, 0.25 and so on: nothing is rounded.
        block.store(0, &[1.0, -1.0, 0.0, 1.0], &[63.5, 0.5, -1.0, 0.0]);
        let mut out = [0.0; 8];
        attend(&Pool::new(1), shape, &[&block], &[0.3; 8], Reach::all(0), &mut out, &mut Scratch::default());
        for (out, want) in out.iter().zip([63.5, 0.5, -1.0, 0.0, 63.5, 0.5, -1.0, 0.0]) {
            assert!((out - want).abs() < 1e-4 * 63.5, "{out} instead of {want}");
        }
    }

    /// A batch, single tokens, and single tokens split over threads: the same bits.
    #[test]
    fn batches_and_threads_change_nothing() {
        let shape = HeadShape { n_heads: 20, n_kv_heads: 5, head_dim: 32 };
        let (before, tokens) = (SPLIT_POSITIONS + 5, 3);
        let mut random = Random::new(1);
        let mut blocks: Vec<Int8Block> = (0..3).map(|_| Int8Block::new(shape).unwrap()).collect();
        for position in 0..before + tokens {
            let (k, v) = (random.floats(160), random.floats(160));
            blocks[position / KV_BLOCK].store(position % KV_BLOCK, &k, &v);
        }
        let q = random.floats(tokens * 640);
        for window in [None, Some(SPLIT_POSITIONS + 1), Some(300), Some(3)] {
            let run = |pool: &Pool, first_position: usize, q: &[f32]| {
                let mut out = vec![0.0; q.len()];
                let reach = Reach { first_position, window };
                attend(pool, shape, &blocks.iter().collect::<Vec<_>>(), q, reach, &mut out, &mut Scratch::default());
                out
            };
            let one = Pool::new(1);
            let batch = run(&one, before, &q);
            for pool in [one, Pool::new(2), Pool::new(3)] {
                let what = format!("{} threads, window {window:?}", pool.threads());
                assert!(run(&pool, before, &q) == batch, "{what}, a batch");
                for token in 0..tokens {
                    let single = run(&pool, before + token, &q[token * 640..][..640]);
                    assert!(single == batch[token * 640..][..640], "{what}, token {token}");
                }
            }
        }
    }

    #[test]
    fn zeros_and_tiny_numbers_stay_finite() {
        let shape = HeadShape { n_heads: 1, n_kv_heads: 1, head_dim: 8 };
        let mut block = Int8Block::new(shape).unwrap();
        block.store(0, &[0.0; 8], &[1e-38; 8]);
        block.store(1, &[1e-38; 8], &[0.0; 8]);
        let mut out = [1.0; 8];
        attend(&Pool::new(1), shape, &[&block], &[0.0; 8], Reach::all(1), &mut out, &mut Scratch::default());
        assert_eq!(out, [0.0; 8]);
    }
}
