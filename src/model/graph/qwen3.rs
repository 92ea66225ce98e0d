//! Qwen3 with ternary weights (arXiv:2505.09388): Bonsai, and embedding models, which have a norm before each linear layer.
//!
//! Of a layer, with `x` the residual stream `[tokens, dim]`; `Linear` is the matrix, behind its norm where it has one:
//!
//! ```text
//! a = RMSNorm(x) * attn_norm           q, k, v = Linear(a)
//! q = RoPE(RMSNorm(q) * q_norm)        k = RoPE(RMSNorm(k) * k_norm)    (head by head)
//! o = softmax(q k^T / sqrt(head_dim)) v                                 (grouped queries, causal)
//! x = x + Linear_o(o)
//! b = RMSNorm(x) * ffn_norm            g, u = Linear(b)                 x = x + Linear_down(silu(g) * u)
//! ```

use crate::Result;
use crate::gguf::Metadata;
use crate::kernels::{PairOrder, Rope};

use super::super::config::Config;
use super::super::linear::LinearRules;
use super::super::plan::{Tensors, VectorId};
use super::super::weights::Weights;
use super::super::workspace::Workspace;
use super::ends::Ends;
use super::operations::{Activation, Batch, Input, Operations, Projection};
use super::{Graph, inputs_are_floats, refuse_variants};

#[derive(Debug)]
pub(super) struct Qwen3 {
    ends: Ends,
    layers: Vec<Layer>,
    rules: LinearRules,
}

#[derive(Debug)]
struct Layer {
    attn_norm: VectorId,
    q_norm: VectorId,
    k_norm: VectorId,
    ffn_norm: VectorId,
    q: Projection,
    k: Projection,
    v: Projection,
    o: Projection,
    gate: Projection,
    up: Projection,
    down: Projection,
}

/// Other computations that go by the name of `qwen3`.
const VARIANTS: [(&str, &str, &[f32]); 3] = [
    ("expert_count", "mixtures of experts", &[0.0]),
    ("attention.sliding_window", "attention to a window", &[0.0]),
    ("attention.scale", "attention with a scale of its own", &[0.0]),
];

impl Qwen3 {
    pub(super) fn build(config: &Config, metadata: &Metadata, file: &mut Tensors<'_>) -> Result<Box<dyn Graph>> {
        let Config { dim, ffn_dim, head_dim, .. } = *config;
        let (q_dim, kv_dim) = (config.q_dim(), config.kv_dim());

        refuse_variants(config, metadata, &VARIANTS)?;
        file.refuse(&["cls.weight", "cls.output.weight"], "this build runs no models that rank texts")?;
        file.refuse(&["rope_freqs.weight"], "this build knows no factors of rotary frequencies of this architecture")?;
        // Before embedding and head, whose type says nothing: a matrix that is not ternary is what to tell of a file.
        let layer = |index: usize| {
            let name = |tensor: &str| format!("blk.{index}.{tensor}");
            Ok(Layer {
                attn_norm: file.vector(&name("attn_norm"), dim)?,
                q_norm: file.vector(&name("attn_q_norm"), head_dim)?,
                k_norm: file.vector(&name("attn_k_norm"), head_dim)?,
                ffn_norm: file.vector(&name("ffn_norm"), dim)?,
                q: Projection::find(file, &name("attn_q"), [q_dim, dim])?,
                k: Projection::find(file, &name("attn_k"), [kv_dim, dim])?,
                v: Projection::find(file, &name("attn_v"), [kv_dim, dim])?,
                o: Projection::find(file, &name("attn_output"), [dim, q_dim])?,
                gate: Projection::find(file, &name("ffn_gate"), [ffn_dim, dim])?,
                up: Projection::find(file, &name("ffn_up"), [ffn_dim, dim])?,
                down: Projection::find(file, &name("ffn_down"), [dim, ffn_dim])?,
            })
        };
        let layers = (0..config.n_layers).map(layer).collect::<Result<Vec<Layer>>>()?;
        file.refuse_unread("blk.", &[])?;
        let ends = Ends::find(config, file)?;
        // Bonsai was trained with floats; what has norms before its layers, or is stored as bitnet.cpp stores it, with int8.
        let has_input_norms = layers.iter().any(|layer| layer.q.norm.is_some());
        let has_groups = file.stores(|stored| stored.groups().is_some());
        let is_trained_with_floats = inputs_are_floats(config, metadata)?.unwrap_or(has_groups);
        // Only BitLinear layers have such norms: floats beside them are master weights.
        let rules = match (has_input_norms, is_trained_with_floats) {
            (true, _) => LinearRules::BITNET,
            (false, true) => LinearRules::TERNARY,
            (false, false) => LinearRules::BITLINEAR,
        };
        Ok(Box::new(Self { ends, layers, rules }))
    }
}

impl Graph for Qwen3 {
    fn ropes(&self, config: &Config, _: &Weights) -> Vec<Rope> {
        vec![config.rope(None)]
    }

    fn linear_rules(&self) -> LinearRules {
        self.rules
    }

    fn activation(&self) -> Activation {
        Activation::Silu
    }

    fn ends(&self) -> &Ends {
        &self.ends
    }

    fn layer(
        &self,
        index: usize,
        operations: &mut Operations<'_>,
        batch: &mut Batch<'_>,
        x: &mut [f32],
        workspace: &mut Workspace,
    ) {
        let layer = &self.layers[index];
        let Workspace { input, q, k, v, heads, scratch, gate, up, delta } = workspace;

        let normed = Input::of(x).normed(layer.attn_norm);
        operations.project(input, normed, [(layer.q, q), (layer.k, k), (layer.v, v)]);
        operations.norm(layer.q_norm, q);
        operations.norm(layer.k_norm, k);
        operations.rotate(batch, 0, PairOrder::Halves, q, k);
        operations.attend(batch, index, None, (q, k, v), heads, scratch);
        operations.project(input, Input::of(heads), [(layer.o, delta)]);
        operations.add(x, delta);

        let normed = Input::of(x).normed(layer.ffn_norm);
        operations.project(input, normed, [(layer.gate, gate), (layer.up, up)]);
        operations.project(input, Input::gated(Activation::Silu, gate, up), [(layer.down, delta)]);
        operations.add(x, delta);
    }
}
