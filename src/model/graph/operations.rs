//! What graphs are made of: norms, linear layers, rotary embedding, attention, gates, head. Each works on all tokens of a
//! pass, on all threads; only attention tells the sequences apart.

use std::ops::Range;

use crate::kernels::{AttentionScratch, PairOrder, Rope, add, attend, relu2_gate, rmsnorm, silu_gate};
use crate::pool::Pool;
use crate::stopwatch::{self, Stopwatch};

use super::super::config::Config;
use super::super::kv_cache::KvCache;
use super::super::linear::LinearInput;
use super::super::plan::{LinearId, RowsId, VectorId};
use super::super::weights::Weights;

/// The gate's activation function in the feed-forward block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Squared ReLU: `max(g, 0)^2 * u`.
    Relu2,
    /// `g * sigmoid(g) * u`.
    Silu,
}

/// What all operations read, and the stopwatch that tells how long they take.
pub(in super::super) struct Operations<'a> {
    pub(in super::super) config: &'a Config,
    pub(in super::super) weights: &'a Weights,
    pub(in super::super) pool: &'a Pool,
    pub(in super::super) watch: &'a mut Stopwatch,
}

/// The tokens that one sequence has in a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Part {
    /// Their places among all tokens of the pass.
    pub(in super::super) tokens: Range<usize>,
    /// How many tokens the sequence has before them.
    pub(in super::super) first_position: usize,
}

/// The sequences of a pass.
pub(in super::super) struct Batch<'a> {
    /// For each sequence its tokens, in order and without gaps.
    pub(in super::super) parts: &'a [Part],
    /// For each sequence its keys and values.
    pub(in super::super) caches: Vec<&'a mut KvCache>,
    /// For each token the cosines and sines of its position, `[tokens, 2, rope_dim / 2]`.
    pub(in super::super) rotations: &'a [f32],
}

/// Which logits are wanted.
pub(in super::super) enum LogitsOf<'a> {
    /// All, `[tokens, vocab_size]`; those of unlikely tokens may be estimates.
    All(&'a mut [f32]),
    /// Of one token those of some ids, exactly, `[ids]`.
    Ids(&'a [u32], &'a mut [f32]),
}

/// The input of a linear layer, `[tokens, cols]`, before it is quantized.
pub(super) struct Input<'a> {
    values: Values<'a>,
    norm: Option<VectorId>,
}

enum Values<'a> {
    Of(&'a [f32]),
    Gated(Activation, &'a [f32], &'a [f32]),
}

impl<'a> Input<'a> {
    /// `x` itself.
    pub(super) fn of(x: &'a [f32]) -> Self {
        Self { values: Values::Of(x), norm: None }
    }

    /// `activation(gate) * up`
    pub(super) fn gated(activation: Activation, gate: &'a [f32], up: &'a [f32]) -> Self {
        Self { values: Values::Gated(activation, gate, up), norm: None }
    }

    /// RMSNorm of it, times the weights `norm`.
    pub(super) fn normed(self, norm: VectorId) -> Self {
        Self { norm: Some(norm), ..self }
    }

    fn len(&self) -> usize {
        match self.values {
            Values::Of(x) | Values::Gated(_, x, _) => x.len(),
        }
    }

    /// One token's values into `out`, `[cols]`.
    fn write(&self, token: usize, out: &mut [f32]) {
        let row = token * out.len()..(token + 1) * out.len();
        match self.values {
            Values::Of(x) => out.copy_from_slice(&x[row]),
            Values::Gated(activation, gate, up) => {
                out.copy_from_slice(&gate[row.clone()]);
                match activation {
                    Activation::Relu2 => relu2_gate(out, &up[row]),
                    Activation::Silu => silu_gate(out, &up[row]),
                }
            }
        }
    }
}

impl Operations<'_> {
    /// `x[t] = embedding[tokens[t]]`
    pub(super) fn embed(&self, embedding: RowsId, tokens: &[u32], x: &mut [f32]) {
        for (&token, x) in tokens.iter().zip(x.chunks_exact_mut(self.config.dim)) {
            self.weights[embedding].row(token as usize, x);
        }
    }

    /// RMSNorm times the weights `norm`, of every piece of `x` that is as long as they are: whole tokens, or heads.
    pub(super) fn norm(&self, norm: VectorId, x: &mut [f32]) {
        let weight = &self.weights[norm];
        self.pool.par_rows(x, weight.len(), 16, |_, x| rmsnorm(x, weight, self.config.rms_norm_eps));
    }

    /// Linear layers with one input: each output is `[tokens, rows]`.
    pub(super) fn linear<const N: usize>(
        &mut self,
        prepared: &mut LinearInput,
        input: Input<'_>,
        products: [(LinearId, &mut Vec<f32>); N],
    ) {
        let products = products.map(|(layer, out)| (&self.weights[layer], out.as_mut_slice()));
        let layer = products[0].0;
        let norm = input.norm.map(|norm| &self.weights[norm]);
        prepared.prepare(self.pool, layer, input.len() / layer.cols(), |token, out| {
            input.write(token, out);
            if let Some(weight) = norm {
                rmsnorm(out, weight, self.config.rms_norm_eps);
            }
        });
        self.watch.lap(stopwatch::Part::Norms, self.pool);
        prepared.multiply(self.pool, products);
        self.watch.lap(stopwatch::Part::Ternary, self.pool);
    }

    /// Rotates the heads of queries and keys by their positions.
    pub(super) fn rotate(&self, batch: &Batch<'_>, order: PairOrder, q: &mut [f32], k: &mut [f32]) {
        let Config { rope_dim, head_dim, .. } = *self.config;
        let rotation = |token: usize| &batch.rotations[token * rope_dim..][..rope_dim];
        self.pool.par_rows(q, self.config.q_dim(), 1, |token, q| Rope::rotate(rotation(token), order, q, head_dim));
        for (token, k) in k.chunks_exact_mut(self.config.kv_dim()).enumerate() {
            Rope::rotate(rotation(token), order, k, head_dim);
        }
    }

    /// Stores keys and values of layer `index`, and attends to them and to those from before: `out` is `[tokens, q_dim]`.
    #[expect(clippy::too_many_arguments, reason = "they are all it works on")]
    pub(super) fn attend(
        &mut self,
        batch: &mut Batch<'_>,
        index: usize,
        q: &[f32],
        k: &[f32],
        v: &[f32],
        out: &mut [f32],
        scratch: &mut AttentionScratch,
    ) {
        let (q_dim, kv_dim) = (self.config.q_dim(), self.config.kv_dim());
        for (Part { tokens, first_position }, cache) in batch.parts.iter().zip(&mut batch.caches) {
            for (position, token) in (*first_position..).zip(tokens.clone()) {
                cache.store(index, position, &k[token * kv_dim..][..kv_dim], &v[token * kv_dim..][..kv_dim]);
            }
            let range = tokens.start * q_dim..tokens.end * q_dim;
            let (q, out) = (&q[range.clone()], &mut out[range]);
            attend(self.pool, cache.shape(), &cache.layer(index), q, *first_position, out, scratch);
        }
        self.watch.lap(stopwatch::Part::Attention, self.pool);
    }

    /// `x += delta`
    pub(super) fn add(&self, x: &mut [f32], delta: &[f32]) {
        let dim = self.config.dim;
        self.pool.par_rows(x, dim, 1, |token, x| add(x, &delta[token * dim..][..dim]));
    }

    /// The logits of normalized residual streams `x`, `[tokens, dim]`, by the matrix `head`.
    pub(super) fn head(&mut self, head: RowsId, x: &[f32], logits: LogitsOf<'_>) {
        let head = &self.weights[head];
        match logits {
            LogitsOf::All(out) => head.matmul(self.pool, x, out),
            LogitsOf::Ids(ids, out) => head.matvec_of(self.pool, x, ids, out),
        }
        self.watch.lap(stopwatch::Part::Head, self.pool);
    }
}
