//! The classes that models are saved by, and their defaults.

use serde_json::Value as Json;

use super::CONFIG;
use super::json::Object;
use crate::{Error, ErrorKind, Result};

/// A class of transformers (or of a file that comes with a model), and the same without a head, which makes embeddings.
pub(super) struct Class {
    /// With a head, and without.
    names: [&'static str; 2],
    /// The GGUF architecture.
    pub(super) architecture: &'static str,
    /// The setting of the activation function.
    pub(super) activation_key: &'static str,
    /// The functions that are computed. The first is the default.
    pub(super) activations: &'static [&'static str],
    pub(super) default_eps: f64,
    pub(super) default_theta: f64,
    /// The width of a head where the file does not say; the width of the model shared by the heads if `None`.
    pub(super) default_head_dim: Option<u64>,
    /// Whether the embedding is the head where the file does not say; if `None`, where it has no head.
    pub(super) ties_by_default: Option<bool>,
    /// Whether its graph knows a norm within a BitLinear layer.
    pub(super) may_have_input_norms: bool,
    /// Whether its weights are for BitLinear layers even where nothing says so.
    pub(super) is_ternary: bool,
    /// Whether most layers attend to a window of positions.
    pub(super) has_windows: bool,
}

const LLAMA: Class = Class {
    names: ["LlamaForCausalLM", "LlamaModel"],
    architecture: "llama",
    activation_key: "hidden_act",
    activations: &["silu"],
    default_eps: 1e-6,
    default_theta: 10_000.0,
    default_head_dim: None,
    ties_by_default: None,
    may_have_input_norms: false,
    is_ternary: false,
    has_windows: false,
};

const CLASSES: [Class; 5] = [
    Class {
        names: ["BitNetForCausalLM", "BitNetModel"],
        architecture: "bitnet-b1.58",
        activations: &["relu2", "silu"],
        default_eps: 1e-5,
        default_theta: 500_000.0,
        is_ternary: true,
        ..LLAMA
    },
    // The 0.7B and 3.3B reproductions of the first paper.
    Class { names: ["BitnetForCausalLM", "BitnetModel"], architecture: "bitnet", is_ternary: true, ..LLAMA },
    LLAMA,
    Class {
        names: ["Qwen3ForCausalLM", "Qwen3Model"],
        architecture: "qwen3",
        default_head_dim: Some(128),
        may_have_input_norms: true,
        ..LLAMA
    },
    Class {
        names: ["Gemma3ForCausalLM", "Gemma3TextModel"],
        architecture: "gemma3",
        activation_key: "hidden_activation",
        activations: &["gelu_pytorch_tanh"],
        default_theta: 1_000_000.0,
        default_head_dim: Some(256),
        ties_by_default: Some(true),
        may_have_input_norms: true,
        has_windows: true,
        ..LLAMA
    },
];

impl Class {
    /// Its name with a head, for messages.
    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The class that the model was saved by, and whether it is the one without a head.
    ///
    /// # Errors
    /// `Unsupported` for any other, by its name.
    pub(super) fn of(file: Object<'_>) -> Result<(&'static Self, bool)> {
        let names = file.array("architectures")?;
        let name = names.and_then(|names| names.first()).and_then(Json::as_str);
        for class in &CLASSES {
            if let Some(index) = class.names.iter().position(|known| Some(*known) == name) {
                return Ok((class, index == 1));
            }
        }
        let known = CLASSES.map(|class| class.names.join(", ")).join(", ");
        let model_type = file.string("model_type")?.unwrap_or("none");
        let found = name.map_or_else(|| "no architectures".to_owned(), |name| format!("architectures [{name:?}]"));
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("{CONFIG}: found {found} (model_type {model_type:?}), expected one of {known}"),
        ))
    }
}
