//! BitNet b1.58 (arXiv:2504.12285), and the first BitNet models, which differ in their activation function.
//!
//! Of a layer, with `x` the residual stream `[tokens, dim]`:
//!
//! ```text
//! a = RMSNorm(x) * attn_norm           q, k, v = BitLinear(a)         q, k = RoPE(q), RoPE(k)
//! o = softmax(q k^T / sqrt(head_dim)) v                               (grouped queries, causal)
//! x = x + BitLinear_o(RMSNorm(o) * attn_sub_norm)
//! b = RMSNorm(x) * ffn_norm            g, u = BitLinear(b)            h = relu(g)^2 * u
//! x = x + BitLinear_down(RMSNorm(h) * ffn_sub_norm)
//! ```

use crate::gguf::Metadata;
use crate::kernels::{PairOrder, Rope};
use crate::{Error, ErrorKind, Result};

use super::super::config::Config;
use super::super::plan::{LinearId, Tensors, VectorId};
use super::super::weights::Weights;
use super::super::workspace::Workspace;
use super::Graph;
use super::ends::Ends;
use super::operations::{Activation, Batch, Input, Operations};

#[derive(Debug)]
pub(super) struct Bitnet {
    activation: Activation,
    ends: Ends,
    layers: Vec<Layer>,
    rope_factors: Option<VectorId>,
}

#[derive(Debug)]
struct Layer {
    attn_norm: VectorId,
    attn_sub_norm: VectorId,
    ffn_norm: VectorId,
    ffn_sub_norm: VectorId,
    q: LinearId,
    k: LinearId,
    v: LinearId,
    o: LinearId,
    gate: LinearId,
    up: LinearId,
    down: LinearId,
}

impl Bitnet {
    pub(super) fn build(config: &Config, metadata: &Metadata, file: &mut Tensors<'_>) -> Result<Box<dyn Graph>> {
        let Config { dim, ffn_dim, .. } = *config;
        let (q_dim, kv_dim) = (config.q_dim(), config.kv_dim());

        let activation = activation(config, metadata)?;
        let ends = Ends::find(config, file)?;
        let rope_factors = file.constants("rope_freqs", config.rope_dim / 2)?;
        let layer = |index: usize| {
            let name = |tensor: &str| format!("blk.{index}.{tensor}");
            Ok(Layer {
                attn_norm: file.vector(&name("attn_norm"), dim)?,
                attn_sub_norm: file.vector(&name("attn_sub_norm"), q_dim)?,
                ffn_norm: file.vector(&name("ffn_norm"), dim)?,
                ffn_sub_norm: file.vector(&name("ffn_sub_norm"), ffn_dim)?,
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
        file.refuse_unread("blk.", &[".attn_rot_embd.weight"])?;
        Ok(Box::new(Self { activation, ends, layers, rope_factors }))
    }
}

impl Graph for Bitnet {
    fn ropes(&self, config: &Config, weights: &Weights) -> Vec<Rope> {
        vec![config.rope(self.rope_factors.map(|factors| &weights[factors]))]
    }

    fn activation(&self) -> Activation {
        self.activation
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
        operations.rotate(batch, 0, PairOrder::Halves, q, k);
        operations.attend(batch, index, None, (q, k, v), heads, scratch);
        let normed = Input::of(heads).normed(layer.attn_sub_norm);
        operations.linear(input, normed, [(layer.o, delta)]);
        operations.add(x, delta);

        let normed = Input::of(x).normed(layer.ffn_norm);
        operations.linear(input, normed, [(layer.gate, gate), (layer.up, up)]);
        // Squared ReLU can leave f16's range, so everything up to the norm stays f32.
        let gated = Input::gated(self.activation, gate, up).normed(layer.ffn_sub_norm);
        operations.linear(input, gated, [(layer.down, delta)]);
        operations.add(x, delta);
    }
}

/// llama.cpp's converter writes `bitnet` for two families: the first BitNet models use SiLU, 2B4T squared ReLU. The file
/// may say so; else the shape of 2B4T decides (microsoft/BitNet issue 602).
fn activation(config: &Config, metadata: &Metadata) -> Result<Activation> {
    let Config { n_layers, dim, ffn_dim, vocab_size, .. } = *config;
    let architecture = config.architecture;
    match metadata.string(&format!("{architecture}.hidden_activation"))? {
        Some("relu2" | "relu_squared" | "relu_sqr") => return Ok(Activation::Relu2),
        Some("silu" | "swish") => return Ok(Activation::Silu),
        Some(other) => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{architecture}.hidden_activation is {other:?}, expected \"relu2\" or \"silu\""),
            ));
        }
        None => {}
    }
    let has_shape_of_2b4t = (n_layers, dim, ffn_dim, vocab_size) == (30, 2560, 6912, 128_256);
    Ok(if architecture == "bitnet" && !has_shape_of_2b4t { Activation::Silu } else { Activation::Relu2 })
}
