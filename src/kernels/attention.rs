//! Attention.
use crate::model::KvCache;
use crate::pool::Pool;

/// x
pub fn attend(_pool: &Pool, cache: &KvCache, layer: usize, q: &[f32], first: usize, out: &mut [f32]) {
    let hd = cache.head_dim;
    let width = cache.n_heads * hd;
    for (t, (q, out)) in q.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
        for h in 0..cache.n_heads {
            let kvh = h / (cache.n_heads / cache.n_kv_heads);
            let q = &q[h * hd..][..hd];
            let out = &mut out[h * hd..][..hd];
            let n = first + t + 1;
            let mut p: Vec<f32> = (0..n)
                .map(|i| {
                    let k = cache.k(layer, i, kvh);
                    q.iter().zip(k).map(|(a, b)| a * b).sum::<f32>() / (hd as f32).sqrt()
                })
                .collect();
            let max = p.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
            p.iter_mut().for_each(|v| *v = libm::expf(*v - max));
            let sum: f32 = p.iter().sum();
            out.fill(0.0);
            for (i, p) in p.iter().enumerate() {
                out.iter_mut().zip(cache.v(layer, i, kvh)).for_each(|(o, v)| *o += p / sum * v);
            }
        }
    }
}
