//! What graphs are made of: norms, linear layers, rotary embedding, attention, gates, head. Each works on all tokens of a
//! pass, on all threads; only attention tells the sequences apart.

use std::ops::Range;
use std::sync::Arc;

use crate::Result;
use crate::adapter::LowRank;
use crate::kernels::{
    AttentionScratch, PairOrder, Reach, Rope, add, attend, expand, gelu_gate, reduce, relu2_gate, rmsnorm, scale,
    silu_gate,
};
use crate::pool::Pool;
use crate::stopwatch::{self, Stopwatch};

use super::super::adapters::ActiveAdapters;
use super::super::config::Config;
use super::super::kv_cache::KvCache;
use super::super::linear::LinearInput;
use super::super::plan::{LinearId, RowsId, Tensors, VectorId};
use super::super::weights::Weights;

/// The gate's activation function in the feed-forward block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Squared ReLU: `max(g, 0)^2 * u`.
    Relu2,
    /// `g * sigmoid(g) * u`.
    Silu,
    /// GELU by a hyperbolic tangent: `g / 2 (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3))) * u`.
    Gelu,
}

/// What all operations read, and the stopwatch that tells how long they take.
pub(in super::super) struct Operations<'a> {
    pub(in super::super) config: &'a Config,
    pub(in super::super) weights: &'a Weights,
    /// Which tokens go through which adapters.
    pub(in super::super) adapters: Vec<(Range<usize>, Arc<ActiveAdapters>)>,
    pub(in super::super) pool: &'a Pool,
    pub(in super::super) watch: &'a mut Stopwatch,
    /// Grows by the bytes of every matrix that is multiplied with.
    pub(in super::super) weight_bytes_read: &'a mut u64,
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
    /// For each of the model's ropes, and for each token, the cosines and sines of its position, `[tokens, 2, rope_dim / 2]`.
    pub(in super::super) rotations: &'a [Vec<f32>],
}

/// Which logits are wanted.
pub(in super::super) enum LogitsOf<'a> {
    /// All, `[tokens, vocab_size]`; those of unlikely tokens may be estimates.
    All(&'a mut [f32]),
    /// Of one token those of some ids, exactly, `[ids]`.
    Ids(&'a [u32], &'a mut [f32]),
}

/// A linear layer, and the RMSNorm that some models have right before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection {
    pub(super) layer: LinearId,
    pub(super) norm: Option<VectorId>,
}

impl Projection {
    /// The linear layer `{name}.weight`, `[rows, cols]`, with the norm `{name}_norm_in.weight`, `[cols]`, if the file has it.
    pub(super) fn find(file: &mut Tensors<'_>, name: &str, shape: [usize; 2]) -> Result<Self> {
        Ok(Self { layer: file.linear(name, shape)?, norm: file.optional_vector(&format!("{name}_norm_in"), shape[1])? })
    }
}

/// The input of a linear layer, `[tokens, cols]`, before it is quantized.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    values: Values<'a>,
    /// One after the other.
    norms: [Option<VectorId>; 2],
}

#[derive(Clone, Copy)]
enum Values<'a> {
    Of(&'a [f32]),
    Gated(Activation, &'a [f32], &'a [f32]),
}

impl<'a> Input<'a> {
    /// `x` itself.
    pub(super) fn of(x: &'a [f32]) -> Self {
        Self { values: Values::Of(x), norms: [None; 2] }
    }

    /// `activation(gate) * up`
    pub(super) fn gated(activation: Activation, gate: &'a [f32], up: &'a [f32]) -> Self {
        Self { values: Values::Gated(activation, gate, up), norms: [None; 2] }
    }

    /// RMSNorm of it, times the weights `norm`.
    pub(super) fn normed(self, norm: VectorId) -> Self {
        let norms = if self.norms[0].is_none() { [Some(norm), None] } else { [self.norms[0], Some(norm)] };
        Self { norms, ..self }
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
                    Activation::Gelu => gelu_gate(out, &up[row]),
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

    /// `x *= factor`
    pub(super) fn scale(&self, x: &mut [f32], factor: f32) {
        self.pool.par_rows(x, self.config.dim, 1, |_, x| scale(x, factor));
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
        let ids = products.each_ref().map(|(layer, _)| *layer);
        let mut products = products.map(|(layer, out)| (&self.weights[layer], out.as_mut_slice()));
        let (layers, config) = (products.each_ref().map(|(layer, _)| *layer), self.config);
        let (cols, norms) = (layers[0].cols(), input.norms.map(|norm| norm.map(|norm| &self.weights[norm])));
        let fill = |token: usize, out: &mut [f32]| {
            input.write(token, out);
            for weight in norms.into_iter().flatten() {
                rmsnorm(out, weight, config.rms_norm_eps);
            }
        };
        prepared.prepare(self.pool, layers, input.len() / cols, fill);
        self.watch.lap(stopwatch::Part::Norms, self.pool);
        *self.weight_bytes_read += layers.iter().map(|layer| layer.bytes() as u64).sum::<u64>();
        prepared.multiply(self.pool, products.each_mut().map(|(layer, out)| (*layer, &mut **out)));
        self.watch.lap(stopwatch::Part::Ternary, self.pool);
        if !self.adapters.is_empty() {
            let outs = ids.into_iter().zip(products).map(|(id, (_, out))| (id, out));
            self.adapt(cols, input.len() / cols, fill, outs);
            self.watch.lap(stopwatch::Part::Norms, self.pool);
        }
    }

    /// Adds to the outputs of linear layers with one input (`[tokens, cols]`, which `fill` computes) what adapters add.
    fn adapt<'o>(
        &self,
        cols: usize,
        tokens: usize,
        fill: impl Fn(usize, &mut [f32]) + Sync,
        outs: impl Iterator<Item = (LinearId, &'o mut [f32])>,
    ) {
        let (mut x, mut h) = (Vec::new(), Vec::new());
        for (id, out) in outs {
            let rows = out.len() / tokens;
            for (range, active) in &self.adapters {
                for (LowRank { rank, a, b, .. }, scale) in active.beside(id) {
                    if x.is_empty() {
                        x.resize(tokens * cols, 0.0);
                        self.pool.par_rows(&mut x, cols, 1, &fill);
                    }
                    h.clear();
                    h.resize(range.len() * rank, 0.0);
                    reduce(self.pool, a, &x[range.start * cols..range.end * cols], *rank, &mut h);
                    expand(self.pool, b, &h, *rank, scale, &mut out[range.start * rows..range.end * rows]);
                }
            }
        }
    }

    /// Linear layers with one input, each with a norm of its own in between where it has one. All have, or none.
    pub(super) fn project<const N: usize>(
        &mut self,
        prepared: &mut LinearInput,
        input: Input<'_>,
        products: [(Projection, &mut Vec<f32>); N],
    ) {
        if products.iter().all(|(projection, _)| projection.norm.is_none()) {
            return self.linear(prepared, input, products.map(|(projection, out)| (projection.layer, out)));
        }
        for (Projection { layer, norm }, out) in products {
            let input = norm.map_or(input, |norm| input.normed(norm));
            self.linear(prepared, input, [(layer, out)]);
        }
    }

    /// Rotates the heads of queries and keys by their positions, as the model's rope `rope` says.
    pub(super) fn rotate(&self, batch: &Batch<'_>, rope: usize, order: PairOrder, q: &mut [f32], k: &mut [f32]) {
        let Config { rope_dim, head_dim, .. } = *self.config;
        let rotation = |token: usize| &batch.rotations[rope][token * rope_dim..][..rope_dim];
        self.pool.par_rows(q, self.config.q_dim(), 1, |token, q| Rope::rotate(rotation(token), order, q, head_dim));
        for (token, k) in k.chunks_exact_mut(self.config.kv_dim()).enumerate() {
            Rope::rotate(rotation(token), order, k, head_dim);
        }
    }

    /// Stores keys and values of layer `index`, and attends to them and to those from before, or of these to the last of
    /// `window` positions: `out` is `[tokens, q_dim]`.
    pub(super) fn attend(
        &mut self,
        batch: &mut Batch<'_>,
        index: usize,
        window: Option<usize>,
        (q, k, v): (&[f32], &[f32], &[f32]),
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
            let reach = Reach { first_position: *first_position, window };
            attend(self.pool, cache.shape(), &cache.layer(index), q, reach, out, scratch);
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
            LogitsOf::All(out) => {
                *self.weight_bytes_read += head.product_bytes() as u64;
                head.matmul(self.pool, x, out);
            }
            LogitsOf::Ids(ids, out) => {
                *self.weight_bytes_read += (head.bytes() / head.rows() * ids.len()) as u64;
                head.matvec_of(self.pool, x, ids, out);
            }
        }
        self.watch.lap(stopwatch::Part::Head, self.pool);
    }
}
