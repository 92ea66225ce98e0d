//! The graphs of the model families: one file each, which lists the family's tensors and computes with them, from the
//! embedding to the logits. What families share is in [`operations`].

mod bitnet;
mod ends;
mod gemma3;
mod llama;
mod operations;
mod qwen3;

use std::fmt;

use crate::gguf::{Header, Metadata};
use crate::kernels::Rope;
use crate::{Error, ErrorKind, Result};

use super::config::Config;
use super::linear::LinearRules;
use super::plan::{Plan, Tensors};
use super::weights::Weights;
use super::workspace::Workspace;
use bitnet::Bitnet;
use ends::Ends;
use gemma3::Gemma3;
use llama::Llama;
pub use operations::Activation;
pub(super) use operations::{Batch, LogitsOf, Operations, Part};
use qwen3::Qwen3;

/// One family's way from tokens to logits. It holds the ids of its tensors and nothing that changes.
pub(super) trait Graph: fmt::Debug + Send + Sync {
    /// The rotary frequencies; several where layers differ in them.
    fn ropes(&self, config: &Config, weights: &Weights) -> Vec<Rope>;

    /// The activation function of the feed-forward layers.
    fn activation(&self) -> Activation;

    /// How the linear layers were trained.
    fn linear_rules(&self) -> LinearRules {
        LinearRules::BITNET
    }

    /// The tensors before the first layer and behind the last one.
    fn ends(&self) -> &Ends;

    /// The residual stream `x` (`[tokens, dim]`) of `tokens` before the first layer.
    fn embed(&self, operations: &mut Operations<'_>, tokens: &[u32], x: &mut [f32]) {
        operations.embed(self.ends().embedding, tokens, x);
    }

    /// Takes the residual stream `x` (`[tokens, dim]`) through layer `index`, and puts keys and values into the caches.
    fn layer(
        &self,
        index: usize,
        operations: &mut Operations<'_>,
        batch: &mut Batch<'_>,
        x: &mut [f32],
        workspace: &mut Workspace,
    );

    /// The norm of residual streams behind the last layer, `[tokens, dim]`.
    fn norm(&self, operations: &mut Operations<'_>, x: &mut [f32]) {
        operations.norm(self.ends().output_norm, x);
    }

    /// Logits of tokens from their normalized residual streams, `[tokens, dim]`.
    fn logits(&self, operations: &mut Operations<'_>, x: &[f32], logits: LogitsOf<'_>) {
        operations.head(self.ends().head, x, logits);
    }
}

/// Finds a family's tensors in a file.
type Build = fn(&Config, &Metadata, &mut Tensors<'_>) -> Result<Box<dyn Graph>>;

/// What `general.architecture` may say, and the graph that runs it.
const FAMILIES: [(&str, Build); 6] = [
    ("bitnet-b1.58", Bitnet::build),
    ("bitnet-25", Bitnet::build),
    ("bitnet", Bitnet::build),
    ("llama", Llama::build),
    ("qwen3", Qwen3::build),
    ("gemma3", Gemma3::build),
];

/// The name of a known architecture, which is also the prefix of the other metadata keys.
///
/// # Errors
/// `Unsupported` for any other, naming it, those that are known, and the kinds of models that are not.
pub(super) fn architecture(name: &str) -> Result<&'static str> {
    let names = FAMILIES.map(|(known, _)| known);
    names.into_iter().find(|known| *known == name).ok_or_else(|| {
        let (last, others) = (names[names.len() - 1], names[..names.len() - 1].join(", "));
        Error::new(
            ErrorKind::Unsupported,
            format!(
                "general.architecture is {name:?}: this build runs ternary and binary models of the architectures {others} and \
                 {last} only; no hybrids of attention with other layers, no mixtures of experts, no models of images"
            ),
        )
    })
}

/// Finds the graph of `config` and its tensors in the file.
///
/// # Errors
/// `InvalidModel` for a missing tensor, a wrong shape or overlapping bytes; `Unsupported` for a type that cannot be
/// decoded, or something else that the graph does not know.
pub(super) fn plan(header: &Header, config: &Config) -> Result<(Box<dyn Graph>, Plan)> {
    let family = FAMILIES.iter().find(|(name, _)| *name == config.architecture);
    let (_, build) = family.ok_or_else(|| Error::new(ErrorKind::Internal, "a config of an unknown architecture"))?;
    refuse_rotations(&header.metadata)?;
    let mut tensors = Tensors::new(header)?;
    // LongRoPE's, which llama.cpp chooses between by the length of the context.
    tensors.refuse(
        &["rope_factors_long.weight", "rope_factors_short.weight"],
        "this build computes RoPE without scaling, with linear scaling and YaRN only",
    )?;
    let graph = build(config, &header.metadata, &mut tensors)?;
    // Whatever else a file has, before, behind or beside the layers, would change what comes out of them.
    tensors.refuse_unread("", &[".attn_rot_embd.weight"])?;
    Ok((graph, Plan::new(tensors)?))
}

/// Refuses a file whose metadata has a number that means another computation. `variants`: a key behind the architecture's
/// prefix, what it means, and the values that change nothing.
fn refuse_variants(config: &Config, metadata: &Metadata, variants: &[(&str, &str, &[f32])]) -> Result<()> {
    let architecture = config.architecture;
    for (name, meaning, neutral) in variants {
        let key = format!("{architecture}.{name}");
        if let Some(value) = metadata.f32(&key)?.filter(|value| !neutral.contains(value)) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("{key} is {value}: this build runs no {architecture} models with {meaning}"),
            ));
        }
    }
    Ok(())
}

/// Whether the inputs of linear layers were floats in training, where that is known: a folder's `config.json` says so, which
/// becomes this crate's own key.
fn inputs_are_floats(config: &Config, metadata: &Metadata) -> Result<Option<bool>> {
    let key = format!("{}.linear_inputs", config.architecture);
    Ok(metadata.string(&key)?.map(|inputs| inputs == "float"))
}

/// Files whose weights were rotated say so, and expect the activations to be rotated as well (PrismML's fork of llama.cpp).
/// Without that they would compute nonsense.
fn refuse_rotations(metadata: &Metadata) -> Result<()> {
    match metadata.iter().find(|(key, _)| key.starts_with("prism.hadamard")) {
        None => Ok(()),
        Some((key, _)) => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "{key}: the weights of this file expect a Hadamard rotation of their inputs, which this build does not \
                 compute; take a file of a model without it"
            ),
        )),
    }
}
