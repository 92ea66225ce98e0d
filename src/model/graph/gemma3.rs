//! Gemma 3, the part for text, with ternary weights (arXiv:2503.19786): embedding models, which have a norm before each
//! linear layer.
//!
//! Of a layer, with `x` the residual stream `[tokens, dim]`; `Linear` is the matrix, behind its norm where it has one. The
//! embedding is multiplied by `sqrt(dim)`, and files hold `1 + w` of the norms.
//!
//! ```text
//! a = RMSNorm(x) * attn_norm           q, k, v = Linear(a)
//! q = RoPE(RMSNorm(q) * q_norm)        k = RoPE(RMSNorm(k) * k_norm)    (head by head)
//! o = softmax(q k^T / sqrt(head_dim)) v                                 (grouped queries, causal)
//! x = x + RMSNorm(Linear_o(o)) * post_attention_norm
//! b = RMSNorm(x) * ffn_norm            g, u = Linear(b)
//! x = x + RMSNorm(Linear_down(gelu(g) * u)) * post_ffw_norm
//! ```
//!
//! Five layers of six attend to a window of positions only, with rotary frequencies of a base of their own, where the file
//! names a window.

use crate::gguf::{Array, Metadata, Value};
use crate::kernels::{PairOrder, Rope, RopeScaling};
use crate::{Error, ErrorKind, Result};

use super::super::config::Config;
use super::super::linear::LinearRules;
use super::super::plan::{Tensors, VectorId};
use super::super::weights::Weights;
use super::super::workspace::Workspace;
use super::ends::Ends;
use super::operations::{Activation, Batch, Input, Operations, Projection};
use super::{Graph, refuse_variants};

#[derive(Debug)]
pub(super) struct Gemma3 {
    ends: Ends,
    layers: Vec<Layer>,
    windows: Option<Windows>,
    rules: LinearRules,
}

#[derive(Debug)]
struct Layer {
    attn_norm: VectorId,
    q_norm: VectorId,
    k_norm: VectorId,
    post_attention_norm: VectorId,
    ffn_norm: VectorId,
    post_ffw_norm: VectorId,
    q: Projection,
    k: Projection,
    v: Projection,
    o: Projection,
    gate: Projection,
    up: Projection,
    down: Projection,
}

/// The layers that attend to a window.
#[derive(Debug)]
struct Windows {
    /// Positions, a token's own included.
    size: usize,
    /// Of each layer, whether it attends to a window.
    layers: Vec<bool>,
    /// The base of the rotary frequencies of the others.
    rope_theta: f32,
}

/// The index of the rotary frequencies: of layers that attend to all positions, and of the others.
const ALL: usize = 0;
const WINDOW: usize = 1;

/// Other computations that go by the name of `gemma3`.
const VARIANTS: [(&str, &str, &[f32]); 4] = [
    ("expert_count", "mixtures of experts", &[0.0]),
    ("attention.scale", "attention with a scale of its own", &[0.0]),
    ("attn_logit_softcapping", "capped scores of attention", &[0.0]),
    ("final_logit_softcapping", "capped logits", &[0.0]),
];

impl Gemma3 {
    pub(super) fn build(config: &Config, metadata: &Metadata, file: &mut Tensors<'_>) -> Result<Box<dyn Graph>> {
        let Config { dim, ffn_dim, head_dim, .. } = *config;
        let (q_dim, kv_dim) = (config.q_dim(), config.kv_dim());

        refuse_variants(config, metadata, &VARIANTS)?;
        if config.n_layers == 62 {
            // llama.cpp tells it by this number: nothing else in a file does.
            return Err(Error::new(
                ErrorKind::Unsupported,
                "gemma3.block_count is 62: this build does not run Gemma 3 27B, whose attention has a scale of its own",
            ));
        }
        file.refuse(&["rope_freqs.weight"], "this build knows no factors of rotary frequencies of this architecture")?;
        // Before embedding and head, whose type says nothing: a matrix that is not ternary is what to tell of a file.
        let layer = |index: usize| {
            let name = |tensor: &str| format!("blk.{index}.{tensor}");
            Ok(Layer {
                attn_norm: file.vector(&name("attn_norm"), dim)?,
                q_norm: file.vector(&name("attn_q_norm"), head_dim)?,
                k_norm: file.vector(&name("attn_k_norm"), head_dim)?,
                post_attention_norm: file.vector(&name("post_attention_norm"), dim)?,
                ffn_norm: file.vector(&name("ffn_norm"), dim)?,
                post_ffw_norm: file.vector(&name("post_ffw_norm"), dim)?,
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
        let windows = Windows::of(metadata, config.n_layers)?;
        // Only BitLinear layers have norms of their own: floats beside them are master weights.
        let has_input_norms = layers.iter().any(|layer| layer.q.norm.is_some());
        let rules = if has_input_norms { LinearRules::BITNET } else { LinearRules::BITLINEAR };
        Ok(Box::new(Self { ends, layers, windows, rules }))
    }

    /// The window of layer `index`, and which rotary frequencies it has.
    fn reach(&self, index: usize) -> (Option<usize>, usize) {
        match &self.windows {
            Some(Windows { size, layers, .. }) if layers[index] => (Some(*size), WINDOW),
            _ => (None, ALL),
        }
    }
}

impl Windows {
    /// As llama.cpp reads them (`llama_model_gemma3`), with the same defaults: the pattern is a number, by which each so
    /// many-th layer attends to all positions and none does if it is 0, or a flag for each layer.
    fn of(metadata: &Metadata, n_layers: usize) -> Result<Option<Self>> {
        const PATTERN: &str = "gemma3.attention.sliding_window_pattern";
        let size = metadata.u32("gemma3.attention.sliding_window")?.unwrap_or(0) as usize;
        let layers = match metadata.get(PATTERN) {
            Some(Value::Array(Array::Bool(layers))) if layers.len() == n_layers => layers.clone(),
            Some(Value::Array(_)) => {
                let message = format!("model: {PATTERN}: expected a number, or true or false for each layer");
                return Err(Error::new(ErrorKind::InvalidModel, message));
            }
            _ => {
                let pattern = metadata.u32(PATTERN)?.unwrap_or(6) as usize;
                (0..n_layers).map(|index| pattern == 0 || index % pattern + 1 < pattern).collect()
            }
        };
        let key = "gemma3.rope.freq_base_swa";
        let rope_theta = metadata.f32(key)?.unwrap_or(10000.0);
        if !(rope_theta.is_finite() && rope_theta > 0.0) {
            return Err(Error::new(
                ErrorKind::InvalidModel,
                format!("model: {key} is {rope_theta}, expected a positive number"),
            ));
        }
        Ok((size > 0).then_some(Self { size, layers, rope_theta }))
    }
}

impl Graph for Gemma3 {
    fn ropes(&self, config: &Config, _: &Weights) -> Vec<Rope> {
        let mut ropes = vec![config.rope(None)];
        ropes.extend(self.windows.iter().map(|of| Rope::new(of.rope_theta, config.rope_dim, None, RopeScaling::None)));
        ropes
    }

    fn linear_rules(&self) -> LinearRules {
        self.rules
    }

    fn activation(&self) -> Activation {
        Activation::Gelu
    }

    fn ends(&self) -> &Ends {
        &self.ends
    }

    fn embed(&self, operations: &mut Operations<'_>, tokens: &[u32], x: &mut [f32]) {
        operations.embed(self.ends.embedding, tokens, x);
        operations.scale(x, (operations.config.dim as f32).sqrt());
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
        let (window, rope) = self.reach(index);
        let Workspace { input, q, k, v, heads, scratch, gate, up, delta } = workspace;

        let normed = Input::of(x).normed(layer.attn_norm);
        operations.project(input, normed, [(layer.q, q), (layer.k, k), (layer.v, v)]);
        operations.norm(layer.q_norm, q);
        operations.norm(layer.k_norm, k);
        operations.rotate(batch, rope, PairOrder::Halves, q, k);
        operations.attend(batch, index, window, (q, k, v), heads, scratch);
        operations.project(input, Input::of(heads), [(layer.o, delta)]);
        operations.norm(layer.post_attention_norm, delta);
        operations.add(x, delta);

        let normed = Input::of(x).normed(layer.ffn_norm);
        operations.project(input, normed, [(layer.gate, gate), (layer.up, up)]);
        operations.project(input, Input::gated(Activation::Gelu, gate, up), [(layer.down, delta)]);
        operations.norm(layer.post_ffw_norm, delta);
        operations.add(x, delta);
    }
}
