//! The forward pass of BitNet b1.58, read top to bottom like the paper (arXiv:2504.12285).
//!
//! Per block, with `x` the residual stream `[tokens, dim]`:
//!
//! ```text
//! a = RMSNorm(x) * attn_norm           q, k, v = BitLinear(a)         q, k = RoPE(q), RoPE(k)
//! o = softmax(q k^T / sqrt(head_dim)) v                               (grouped queries, causal)
//! x = x + BitLinear_o(RMSNorm(o) * attn_sub_norm)
//! b = RMSNorm(x) * ffn_norm            g, u = BitLinear(b)            h = relu(g)^2 * u
//! x = x + BitLinear_down(RMSNorm(h) * ffn_sub_norm)
//! ```
//!
//! `BitLinear` quantizes each token's input to int8 by its largest magnitude and multiplies it with ternary weights
//! in exact integer arithmetic.

use crate::kernels::{
    Activations, AttentionScratch, Job, Kernel, Rope, add, attend, matmul, relu2_gate, rmsnorm, silu_gate,
};
use crate::pool::Pool;
use crate::stopwatch::{Part, Stopwatch};

use super::config::{Activation, Config};
use super::kv_cache::KvCache;
use super::weights::{LayerWeights, Weights};

/// Working memory of one forward pass of up to [`Buffers::MAX_BATCH`] tokens. Grows to the largest batch seen.
#[derive(Debug)]
pub(super) struct Buffers {
    /// The residual stream, `[tokens, dim]`.
    x: Vec<f32>,
    /// The input of a BitLinear, normalized and quantized.
    activations: Activations,
    /// `[tokens, q_dim]`
    q: Vec<f32>,
    /// `[tokens, kv_dim]`
    k: Vec<f32>,
    /// `[tokens, kv_dim]`
    v: Vec<f32>,
    /// The rotations of the tokens' positions, `[tokens, 2, rope_dim / 2]`.
    turns: Vec<f32>,
    /// All heads' outputs, `[tokens, q_dim]`.
    attention: Vec<f32>,
    scratch: AttentionScratch,
    /// `[tokens, ffn_dim]`
    gate: Vec<f32>,
    /// `[tokens, ffn_dim]`
    up: Vec<f32>,
    /// What a block adds to the residual stream, `[tokens, dim]`.
    delta: Vec<f32>,
}

impl Buffers {
    /// The most tokens in one pass: more would push a block's activations out of the second-level cache.
    pub(super) const MAX_BATCH: usize = 64;

    pub(super) fn new() -> Self {
        Self {
            x: Vec::new(),
            activations: Activations::new(),
            q: Vec::new(),
            k: Vec::new(),
            v: Vec::new(),
            turns: Vec::new(),
            attention: Vec::new(),
            scratch: AttentionScratch::default(),
            gate: Vec::new(),
            up: Vec::new(),
            delta: Vec::new(),
        }
    }

    /// The residual stream of token `index` of the last pass, `[dim]`.
    pub(super) fn hidden(&self, index: usize, config: &Config) -> &[f32] {
        &self.x[index * config.dim..][..config.dim]
    }

    fn resize(&mut self, tokens: usize, config: &Config) {
        self.x.resize(tokens * config.dim, 0.0);
        self.q.resize(tokens * config.q_dim(), 0.0);
        self.k.resize(tokens * config.kv_dim(), 0.0);
        self.v.resize(tokens * config.kv_dim(), 0.0);
        self.attention.resize(tokens * config.q_dim(), 0.0);
        self.gate.resize(tokens * config.ffn_dim, 0.0);
        self.up.resize(tokens * config.ffn_dim, 0.0);
        self.delta.resize(tokens * config.dim, 0.0);
    }
}

/// What a pass reads: nothing here changes.
pub(super) struct Graph<'a> {
    pub(super) config: &'a Config,
    pub(super) weights: &'a Weights,
    pub(super) rope: &'a Rope,
    pub(super) kernel: Kernel,
    pub(super) pool: &'a Pool,
}

impl Graph<'_> {
    /// Begins a pass: puts the embeddings of `tokens` (at most [`Buffers::MAX_BATCH`]), which come behind
    /// `first_position` others, into `buffers`.
    pub(super) fn begin(&self, tokens: &[u32], first_position: usize, buffers: &mut Buffers) {
        buffers.resize(tokens.len(), self.config);
        for (&token, x) in tokens.iter().zip(buffers.x.chunks_exact_mut(self.config.dim)) {
            self.weights.embedding.row(token as usize, x);
        }
        self.rope.turns(first_position, tokens.len(), &mut buffers.turns);
    }

    /// Takes the `tokens` of the pass that was begun through block `index`. Behind the last block `buffers` holds their
    /// residual streams, before the last norm, and `cache` their keys and values.
    pub(super) fn block(
        &self,
        index: usize,
        tokens: usize,
        cache: &mut KvCache,
        buffers: &mut Buffers,
        watch: &mut Stopwatch,
    ) {
        let layer = &self.weights.layers[index];
        self.attention(index, layer, cache.len(), tokens, cache, buffers, watch);
        self.feed_forward(layer, tokens, buffers, watch);
        watch.lap(Part::Norms, self.pool);
    }

    /// The logits of one token from its residual stream: `out` is `[vocab_size]`.
    pub(super) fn logits(&self, hidden: &[f32], out: &mut [f32]) {
        let mut normed = hidden.to_vec();
        rmsnorm(&mut normed, &self.weights.output_norm, self.config.rms_norm_eps);
        self.weights.head().matmul(self.pool, &normed, out);
    }

    #[expect(clippy::too_many_arguments, reason = "they are all it works on, and it has one caller")]
    fn attention(
        &self,
        index: usize,
        layer: &LayerWeights,
        first_position: usize,
        tokens: usize,
        cache: &mut KvCache,
        buffers: &mut Buffers,
        watch: &mut Stopwatch,
    ) {
        let Config { dim, head_dim, .. } = *self.config;
        let (q_dim, kv_dim) = (self.config.q_dim(), self.config.kv_dim());
        let Buffers { x, activations, q, k, v, turns, attention, scratch, delta, .. } = buffers;

        self.quantize_normed(activations, tokens, &layer.attn_norm, |token, out| {
            out.copy_from_slice(&x[token * dim..][..dim]);
        });
        watch.lap(Part::Norms, self.pool);
        let mut jobs =
            [Job { matrix: &layer.q, out: q }, Job { matrix: &layer.k, out: k }, Job { matrix: &layer.v, out: v }];
        matmul(self.pool, activations, &mut jobs);
        watch.lap(Part::Ternary, self.pool);

        let turns = &*turns;
        self.pool.par_rows(q, q_dim, 1, |token, q| {
            Rope::rotate(&turns[token * self.config.rope_dim..][..self.config.rope_dim], q, head_dim);
        });
        for (token, turn) in turns.chunks_exact(self.config.rope_dim).enumerate() {
            Rope::rotate(turn, &mut k[token * kv_dim..][..kv_dim], head_dim);
            cache.store(index, first_position + token, &k[token * kv_dim..][..kv_dim], &v[token * kv_dim..][..kv_dim]);
        }
        attend(self.pool, cache.shape(), cache.layer(index), q, first_position, attention, scratch);
        watch.lap(Part::Attention, self.pool);

        self.quantize_normed(activations, tokens, &layer.attn_sub_norm, |token, out| {
            out.copy_from_slice(&attention[token * q_dim..][..q_dim]);
        });
        watch.lap(Part::Norms, self.pool);
        matmul(self.pool, activations, &mut [Job { matrix: &layer.o, out: delta }]);
        watch.lap(Part::Ternary, self.pool);
        self.add(x, delta, dim);
    }

    fn feed_forward(&self, layer: &LayerWeights, tokens: usize, buffers: &mut Buffers, watch: &mut Stopwatch) {
        let Config { dim, ffn_dim, .. } = *self.config;
        let Buffers { x, activations, gate, up, delta, .. } = buffers;

        self.quantize_normed(activations, tokens, &layer.ffn_norm, |token, out| {
            out.copy_from_slice(&x[token * dim..][..dim]);
        });
        watch.lap(Part::Norms, self.pool);
        matmul(
            self.pool,
            activations,
            &mut [Job { matrix: &layer.gate, out: gate }, Job { matrix: &layer.up, out: up }],
        );
        watch.lap(Part::Ternary, self.pool);

        // Squared ReLU can leave f16's range, so everything up to the norm stays f32.
        let activate = match self.config.activation {
            Activation::Relu2 => relu2_gate,
            Activation::Silu => silu_gate,
        };
        let rows = |token: usize| token * ffn_dim..(token + 1) * ffn_dim;
        self.quantize_normed(activations, tokens, &layer.ffn_sub_norm, |token, out| {
            out.copy_from_slice(&gate[rows(token)]);
            activate(out, &up[rows(token)]);
        });
        watch.lap(Part::Norms, self.pool);
        matmul(self.pool, activations, &mut [Job { matrix: &layer.down, out: delta }]);
        watch.lap(Part::Ternary, self.pool);
        self.add(x, delta, dim);
    }

    /// `x[t] += delta[t]` for every token.
    fn add(&self, x: &mut [f32], delta: &[f32], dim: usize) {
        self.pool.par_rows(x, dim, 1, |token, x| add(x, &delta[token * dim..][..dim]));
    }

    /// The input of a BitLinear: for every token what `fill` writes, normalized by `weight`, and quantized.
    fn quantize_normed(
        &self,
        activations: &mut Activations,
        tokens: usize,
        weight: &[f32],
        fill: impl Fn(usize, &mut [f32]) + Sync,
    ) {
        activations.quantize_with(self.pool, self.kernel, tokens, weight.len(), |token, out| {
            fill(token, out);
            rmsnorm(out, weight, self.config.rms_norm_eps);
        });
    }
}
