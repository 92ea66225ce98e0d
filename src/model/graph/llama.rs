//! Llama with ternary weights: Llama3-8B-1.58, Falcon3 1.58bit, Falcon-E (arXiv:2402.17764 on the graph of
//! arXiv:2302.13971).
//!
//! Of a layer, with `x` the residual stream `[tokens, dim]`:
//!
//! ```text
//! a = RMSNorm(x) * attn_norm           q, k, v = BitLinear(a)         q, k = RoPE(q), RoPE(k)
//! o = softmax(q k^T / sqrt(head_dim)) v                               (grouped queries, causal)
//! x = x + BitLinear_o(o)
//! b = RMSNorm(x) * ffn_norm            g, u = BitLinear(b)            x = x + BitLinear_down(silu(g) * u)
//! ```
//!
//! llama.cpp's converter permutes the rows of `q` and `k` so that RoPE turns neighbours (`LlamaModel.permute`).

use crate::Result;
use crate::gguf::Metadata;
use crate::kernels::{PairOrder, Rope};
use crate::quant::TensorType;

use super::super::config::Config;
use super::super::linear::LinearRules;
use super::super::plan::{LinearId, Tensors, VectorId};
use super::super::weights::Weights;
use super::super::workspace::Workspace;
use super::ends::Ends;
use super::operations::{Activation, Batch, Input, Operations};
use super::{Graph, inputs_are_floats, refuse_variants};

#[derive(Debug)]
pub(super) struct Llama {
    ends: Ends,
    layers: Vec<Layer>,
    rope_factors: Option<VectorId>,
    rules: LinearRules,
}

#[derive(Debug)]
struct Layer {
    attn_norm: VectorId,
    ffn_norm: VectorId,
    q: LinearId,
    k: LinearId,
    v: LinearId,
    o: LinearId,
    gate: LinearId,
    up: LinearId,
    down: LinearId,
}

impl Llama {
    pub(super) fn build(config: &Config, metadata: &Metadata, file: &mut Tensors<'_>) -> Result<Box<dyn Graph>> {
        let Config { dim, ffn_dim, .. } = *config;
        let (q_dim, kv_dim) = (config.q_dim(), config.kv_dim());

        refuse_variants(config, metadata, &VARIANTS)?;
        // Before embedding and head, whose type says nothing: a matrix that is not ternary is what to tell of a file.
        let layer = |index: usize| {
            let name = |tensor: &str| format!("blk.{index}.{tensor}");
            Ok(Layer {
                attn_norm: file.vector(&name("attn_norm"), dim)?,
                ffn_norm: file.vector(&name("ffn_norm"), dim)?,
                q: file.linear(&name("attn_q"), [q_dim, dim])?,
                k: file.linear(&name("attn_k"), [kv_dim, dim])?,
                v: file.linear(&name("attn_v"), [kv_dim, dim])?,
                o: file.linear(&name("attn_output"), [dim, q_dim])?,
                gate: file.linear(&name("ffn_gate"), [ffn_dim, dim])?,
                up: file.linear(&name("ffn_up"), [ffn_dim, dim])?,
                down: file.linear(&name("ffn_down"), [dim, ffn_dim])?,
            })
        };
        let layers = (0..config.n_layers).map(layer).collect::<Result<_>>()?;
        // Frequencies that old files hold beside the numbers they follow from.
        file.refuse_unread("blk.", &[".attn_rot_embd.weight"])?;
        let ends = Ends::find(config, file)?;
        let rope_factors = file.constants("rope_freqs", config.rope_dim / 2)?;
        let is_trained_with_floats = match inputs_are_floats(config, metadata)? {
            Some(are_floats) => are_floats,
            None => is_trained_with_floats(config, file),
        };
        let rules = if is_trained_with_floats { LinearRules::TERNARY } else { LinearRules::BITLINEAR };
        Ok(Box::new(Self { ends, layers, rope_factors, rules }))
    }
}

/// Of a GGUF file: TriLM (arXiv:2407.12327), which says so in its name alone, and what is stored in the types of such models. All others were
/// trained with int8 inputs.
fn is_trained_with_floats(config: &Config, file: &Tensors<'_>) -> bool {
    let name = config.name.to_ascii_lowercase();
    let types = [TensorType::Q1_0, TensorType::Q2_0, TensorType::Pq2_0, TensorType::Ptq1_0];
    name.contains("trilm") || name.contains("spectra") || file.stores(|stored| types.contains(&stored))
}

impl Graph for Llama {
    fn ropes(&self, config: &Config, weights: &Weights) -> Vec<Rope> {
        vec![config.rope(self.rope_factors.map(|factors| &weights[factors]))]
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
        operations.linear(input, normed, [(layer.q, q), (layer.k, k), (layer.v, v)]);
        operations.rotate(batch, 0, PairOrder::Adjacent, q, k);
        operations.attend(batch, index, None, (q, k, v), heads, scratch);
        operations.linear(input, Input::of(heads), [(layer.o, delta)]);
        operations.add(x, delta);

        let normed = Input::of(x).normed(layer.ffn_norm);
        operations.linear(input, normed, [(layer.gate, gate), (layer.up, up)]);
        operations.linear(input, Input::gated(Activation::Silu, gate, up), [(layer.down, delta)]);
        operations.add(x, delta);
    }
}

/// Other computations that go by the name of `llama`: mixtures of experts, windows, and scaled streams.
const VARIANTS: [(&str, &str, &[f32]); 6] = [
    ("expert_count", "mixtures of experts", &[0.0]),
    ("attention.sliding_window", "attention to a window", &[0.0]),
    ("attention.scale", "attention with a scale of its own", &[0.0]),
    ("embedding_scale", "a scaled embedding", &[0.0, 1.0]),
    ("residual_scale", "a scaled residual stream", &[0.0, 1.0]),
    ("logit_scale", "scaled logits", &[0.0, 1.0]),
];
