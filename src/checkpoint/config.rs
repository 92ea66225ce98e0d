//! `config.json`: the shape of the model, its family, and how its weights are stored.
//!
//! Sources: the configuration classes of transformers (`configuration_bitnet.py`, `configuration_llama.py`,
//! `configuration_qwen3.py`, `configuration_gemma3.py`) for keys and defaults, and its `BitNetQuantConfig`.

use super::CONFIG;
use super::class::Class;
use super::json::{Object, parse};
use super::{rope, windows};
use crate::Result;
use crate::gguf::{Metadata, Value};

/// How the matrices of a checkpoint are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// Ternary, with a factor beside each (`autobitlinear`): the weights are it times -1, 0, +1.
    Multiply,
    /// Ternary, with the reciprocal of that factor (`bitlinear`).
    Divide,
    /// Master weights, ternarized while they are loaded, whatever they are: as training does it.
    Master,
    /// The same, or ternary ones that were saved as floats: of a class for BitLinear layers whose file says nothing.
    MasterOrTernary,
    /// Floats that are ternary already, and inputs that nobody rounds: nothing says otherwise.
    Plain,
}

/// The settings of `config.json` that this crate has a use for, checked.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) architecture: &'static str,
    /// Whether the class has no head: what it makes are embeddings.
    pub(super) is_bare: bool,
    pub(super) storage: Storage,
    pub(super) n_heads: usize,
    pub(super) n_kv_heads: usize,
    /// `None` where neither the file nor its class says.
    pub(super) ties_embeddings: Option<bool>,
    /// Whether each BitLinear layer has an RMSNorm of its own.
    pub(super) has_input_norms: bool,
    pub(super) bos: Option<u64>,
    pub(super) eos: Vec<u64>,
    keys: Vec<(&'static str, Value)>,
}

impl Config {
    /// `has_own_norms`: the weights have a norm in each layer, whatever the file says (Microsoft's embedding models).
    pub(super) fn parse(text: &str, has_own_norms: bool) -> Result<Self> {
        let entries = parse(CONFIG, text)?;
        let file = Object::new(CONFIG, &entries);
        let (class, is_bare) = Class::of(file)?;
        refuse_variants(file, class)?;
        let eps = file.number("rms_norm_eps")?.unwrap_or(class.default_eps);
        let Stored { mut storage, mut has_input_norms } = stored(file, class, eps)?;
        if has_own_norms && class.may_have_input_norms {
            has_input_norms = true;
            // Nothing else than a BitLinear layer has such a norm.
            storage = if storage == Storage::Plain { Storage::Master } else { storage };
        }
        let whole = |key| file.require(key, file.whole(key)?);
        let n_heads = whole("num_attention_heads")?;
        let n_kv_heads = file.whole("num_key_value_heads")?.unwrap_or(n_heads);
        let hidden_size = whole("hidden_size")?;
        let activation = file.string(class.activation_key)?.unwrap_or(class.activations[0]);
        let activation = match activation {
            "swish" => "silu",
            "relu_squared" => "relu2",
            other => other,
        };
        if !class.activations.contains(&activation) {
            let advice = format!("expected {} in a {}", class.activations.join(" or "), class.name());
            return Err(file.refuse(class.activation_key, &advice));
        }
        let architecture =
            if activation == "silu" && class.architecture == "bitnet-b1.58" { "bitnet" } else { class.architecture };
        let n_layers = whole("num_hidden_layers")?;
        let mut keys = vec![
            ("context_length", whole("max_position_embeddings")?.into()),
            ("embedding_length", hidden_size.into()),
            ("block_count", n_layers.into()),
            ("feed_forward_length", whole("intermediate_size")?.into()),
            ("attention.head_count", n_heads.into()),
            ("attention.head_count_kv", n_kv_heads.into()),
            ("attention.layer_norm_rms_epsilon", eps.into()),
        ];
        if architecture.starts_with("bitnet") {
            keys.push(("hidden_activation", Value::String(activation.to_owned())));
        }
        let head_dim = match file.whole("head_dim")?.or(class.default_head_dim) {
            Some(head_dim) => {
                keys.push(("attention.key_length", head_dim.into()));
                keys.push(("attention.value_length", head_dim.into()));
                head_dim
            }
            None => hidden_size / n_heads.max(1),
        };
        rope::keys(file, class, head_dim, &mut keys)?;
        if class.has_windows {
            windows::keys(file, head_dim, n_layers, &mut keys)?;
        }
        let inputs = if storage == Storage::Plain { "float" } else { "int8" };
        keys.push(("linear_inputs", Value::String(inputs.to_owned())));
        Ok(Self {
            architecture,
            is_bare,
            storage,
            n_heads: n_heads as usize,
            n_kv_heads: n_kv_heads as usize,
            ties_embeddings: file.flag("tie_word_embeddings")?.or(class.ties_by_default),
            has_input_norms,
            bos: file.ids("bos_token_id")?.first().copied(),
            eos: file.ids("eos_token_id")?,
            keys,
        })
    }

    /// The GGUF keys of the shape.
    pub(super) fn write(&self, metadata: &mut Metadata) {
        metadata.insert("general.architecture".to_owned(), Value::String(self.architecture.to_owned()));
        for (name, value) in &self.keys {
            metadata.insert(format!("{}.{name}", self.architecture), value.clone());
        }
    }

    /// Whether the rows of queries and keys have another order than in GGUF files of this architecture.
    pub(super) fn permutes_heads(&self) -> bool {
        self.architecture == "llama"
    }

    /// Whether the norms, but those of BitLinear layers, are stored less 1.
    pub(super) fn offsets_norms(&self) -> bool {
        self.architecture == "gemma3"
    }
}

/// What the classes can compute and this crate cannot.
fn refuse_variants(file: Object<'_>, class: &Class) -> Result<()> {
    for key in ["attention_bias", "mlp_bias", "use_bias"] {
        if file.flag(key)? == Some(true) {
            return Err(file.refuse(key, "this build computes layers without biases only"));
        }
    }
    // Some configurations name the width of a window that they do not use.
    if !class.has_windows && file.get("sliding_window").is_some() && file.flag("use_sliding_window")?.unwrap_or(true) {
        return Err(file.refuse("sliding_window", "this build computes no attention to a window"));
    }
    let mut kinds = file.array("layer_types")?.into_iter().flatten();
    if !class.has_windows && kinds.any(|kind| kind.as_str() != Some("full_attention")) {
        return Err(file.refuse("layer_types", "this build computes layers of full attention only"));
    }
    match file.whole("pretraining_tp")? {
        None | Some(0 | 1) => Ok(()),
        Some(_) => Err(file.refuse("pretraining_tp", "expected 1")),
    }
}

/// What `quantization_config` says.
struct Stored {
    storage: Storage,
    has_input_norms: bool,
}

/// Reads `quantization_config`. `eps` is that of the model's norms.
fn stored(file: Object<'_>, class: &Class, eps: f64) -> Result<Stored> {
    if file.get("quantization").is_some() {
        return Err(file.refuse(
            "quantization",
            "this build does not read the packed weights of MLX; take the model's folder of floats (\"unpacked\") or its GGUF file",
        ));
    }
    let Some(entries) = file.object("quantization_config")? else {
        let storage = if class.is_ternary { Storage::MasterOrTernary } else { Storage::Plain };
        return Ok(Stored { storage, has_input_norms: false });
    };
    let place = format!("{CONFIG}: quantization_config");
    let quantization = Object::new(&place, entries);
    if quantization.string("quant_method")? != Some("bitnet") {
        let advice = "this build reads \"bitnet\" only; take the model's folder of floats, or its GGUF file";
        return Err(quantization.refuse("quant_method", advice));
    }
    let has_input_norms = quantization.flag("use_rms_norm")? == Some(true);
    if has_input_norms && !class.may_have_input_norms {
        let advice = format!("this build computes no norm within a BitLinear layer of a {}", class.name());
        return Err(quantization.refuse("use_rms_norm", &advice));
    }
    if has_input_norms && quantization.number("rms_norm_eps")?.unwrap_or(1e-6) != eps {
        return Err(quantization.refuse("rms_norm_eps", "expected the rms_norm_eps of the model"));
    }
    for name in quantization.array("modules_to_not_convert")?.into_iter().flatten() {
        if !matches!(name.as_str(), Some("lm_head" | "model.embed_tokens" | "embed_tokens")) {
            let advice = "this build computes all layers but the head as BitLinear";
            return Err(quantization.refuse("modules_to_not_convert", advice));
        }
    }
    let linear_class = quantization.string("linear_class")?.unwrap_or("bitlinear");
    let storage = match (linear_class, quantization.string("quantization_mode")?.unwrap_or("offline")) {
        ("bitlinear", _) => Storage::Divide,
        ("autobitlinear", "offline") => Storage::Multiply,
        ("autobitlinear", "online") => Storage::Master,
        ("autobitlinear", _) => {
            return Err(quantization.refuse("quantization_mode", "expected \"offline\" or \"online\""));
        }
        _ => return Err(quantization.refuse("linear_class", "expected \"bitlinear\" or \"autobitlinear\"")),
    };
    Ok(Stored { storage, has_input_norms })
}
