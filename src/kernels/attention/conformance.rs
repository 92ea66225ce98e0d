//! Attention as it is defined, one number at a time, and the cases on which the suite compares it.

use crate::{Error, ErrorKind, Result};

use super::super::conformance::check::Check;
use super::pairs::{Codes, Pair, pair, pair_dots};
use super::{AttentionScratch, FloatBlock, HeadShape, Int8Block, KV_BLOCK, KvLayer, Reach, attend};

/// For the conformance suite: the integer products, and whole attention in both precisions.
pub(crate) fn check(check: &mut Check<'_>) -> Result<()> {
    for len in [0, 1, 2, 63, 128] {
        pairs::<1>(check, len);
        pairs::<2>(check, len);
        pairs::<4>(check, len);
    }
    for (n_heads, n_kv_heads, head_dim, positions, window) in [
        (4, 1, 128, 700, None),
        (2, 1, 64, 513, None),
        (6, 2, 20, 255, None),
        (3, 3, 100, 257, None),
        (20, 5, 128, 1, None),
        (8, 1, 6, 9, None),
        (4, 1, 96, 700, Some(512)),
        (2, 1, 64, 600, Some(20)),
        (3, 1, 20, 257, Some(1)),
        (3, 1, 20, 257, Some(300)),
    ] {
        whole(check, HeadShape { n_heads, n_kv_heads, head_dim }, positions, window)?;
    }
    Ok(())
}

/// `H` sums of products of codes and pairs of weights.
fn pairs<const H: usize>(check: &mut Check<'_>, len: usize) {
    let codes: Vec<Codes> = (0..len).map(|_| std::array::from_fn(|_| (check.random.bits() >> 20) as i8)).collect();
    let weights: [Vec<Pair>; H] = std::array::from_fn(|_| {
        (0..len).map(|_| pair((check.random.bits() >> 20) as i16, (check.random.bits() >> 20) as i16)).collect()
    });
    let side_by_side: Vec<[Pair; H]> = (0..len).map(|i| weights.each_ref().map(|weights| weights[i])).collect();
    let sums = pair_dots(&codes, &side_by_side);
    for (head, weights) in weights.iter().enumerate() {
        let want: Vec<i32> = (0..sums[head].len())
            .map(|lane| {
                let products = codes.iter().zip(weights).map(|(codes, weights)| {
                    let (low, high) = (*weights as i16, (weights >> 16) as i16);
                    i32::from(codes[2 * lane]) * i32::from(low) + i32::from(codes[2 * lane + 1]) * i32::from(high)
                });
                products.fold(0, i32::wrapping_add)
            })
            .collect();
        check.equal(format_args!("pairs of {len}, head {head} of {H}"), &sums[head], &want);
    }
}

/// One token over all `positions` or the last ones in a window: keys and values that int8 and f32 hold alike, so that both have the same definition.
fn whole(check: &mut Check<'_>, shape: HeadShape, positions: usize, window: Option<usize>) -> Result<()> {
    let HeadShape { n_heads, n_kv_heads, head_dim } = shape;
    let no_memory = || Error::new(ErrorKind::OutOfMemory, "no memory for a test of attention");
    let blocks = || 0..positions.div_ceil(KV_BLOCK);
    let mut int8 = blocks().map(|_| Int8Block::new(shape)).collect::<Option<Vec<_>>>().ok_or_else(no_memory)?;
    let mut f32s = blocks().map(|_| FloatBlock::new(shape)).collect::<Option<Vec<_>>>().ok_or_else(no_memory)?;
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for position in 0..positions {
        let mut codes = || coded(&check.random.floats(n_kv_heads * head_dim), head_dim);
        let (k, v) = (codes(), codes());
        int8[position / KV_BLOCK].store(position % KV_BLOCK, &k, &v);
        f32s[position / KV_BLOCK].store(position % KV_BLOCK, &k, &v);
        keys.push(k);
        values.push(v);
    }
    let mut q = check.random.floats(n_heads * head_dim);
    q.iter_mut().for_each(|q| *q *= 4.0);
    let first = window.map_or(0, |window| positions.saturating_sub(window));
    let want = defined(shape, &keys[first..], &values[first..], &q);
    let reach = Reach { first_position: positions - 1, window };
    for (name, layer, tolerance) in
        [("int8", KvLayer::Int8(int8.iter().collect()), 3e-4), ("f32", KvLayer::F32(f32s.iter().collect()), 1e-5)]
    {
        let mut out = vec![f32::NAN; q.len()];
        attend(check.pool, shape, &layer, &q, reach, &mut out, &mut AttentionScratch::default());
        check.near(format_args!("{name} {shape:?}, {positions} positions, window {window:?}"), &out, &want, tolerance);
    }
    Ok(())
}

/// `softmax(q k^T / sqrt(head_dim)) v` for one token, in f64. `keys` and `values` are `[positions][n_kv_heads, head_dim]`.
fn defined(shape: HeadShape, keys: &[Vec<f32>], values: &[Vec<f32>], q: &[f32]) -> Vec<f32> {
    let HeadShape { n_heads, n_kv_heads, head_dim } = shape;
    let of_head = |head: usize| {
        let at = head / (n_heads / n_kv_heads) * head_dim;
        let q = &q[head * head_dim..][..head_dim];
        let score = |k: &Vec<f32>| {
            let products = k[at..].iter().zip(q).map(|(k, q)| f64::from(*k) * f64::from(*q));
            products.sum::<f64>() / libm::sqrt(head_dim as f64)
        };
        let scores: Vec<f64> = keys.iter().map(score).collect();
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = scores.iter().map(|score| libm::exp(score - max)).collect();
        let total: f64 = weights.iter().sum();
        let out = move |d: usize| {
            let products = weights.iter().zip(values).map(|(weight, v)| weight * f64::from(v[at + d]));
            (products.sum::<f64>() / total) as f32
        };
        (0..head_dim).map(out)
    };
    (0..n_heads).flat_map(of_head).collect()
}

/// What the int8 codes of `x` stand for, `[heads, head_dim]`.
fn coded(x: &[f32], head_dim: usize) -> Vec<f32> {
    let heads = x.chunks_exact(head_dim).flat_map(|x| {
        let step = x.iter().fold(0.0_f32, |max, v| max.max(v.abs())) / 127.0;
        x.iter().map(move |v| (v / step).round() * step)
    });
    heads.collect()
}
