//! `config.json`: the shape of the model, its family, and how its weights are stored.
//!
//! Sources: the configuration classes of transformers (`configuration_bitnet.py`,
//! `configuration_llama.py`, `configuration_qwen3.py`) for keys and defaults, and its `BitNetQuantConfig`.

use serde_json::{Map, Value as Json};

use super::CONFIG;
use super::json::{Object, parse};
use crate::gguf::{Array, Metadata, Value};
use crate::{Error, ErrorKind, Result};

/// How the matrices of a checkpoint are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// Ternary, with a factor beside each (`autobitlinear`): the weights are it times -1, 0, +1.
    Multiply,
    /// Ternary, with the reciprocal of that factor (`bitlinear`).
    Divide,
    /// Master weights, ternarized while they are loaded.
    Master,
    /// Floats that are ternary already, and inputs that nobody rounds: nothing says otherwise.
    Plain,
}

/// The settings of `config.json` that this crate has a use for, checked.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) architecture: &'static str,
    pub(super) storage: Storage,
    pub(super) n_heads: usize,
    pub(super) n_kv_heads: usize,
    /// `None` where the file does not say.
    pub(super) ties_embeddings: Option<bool>,
    /// Whether each BitLinear layer has an RMSNorm of its own (`use_rms_norm`).
    pub(super) has_input_norms: bool,
    pub(super) bos: Option<u64>,
    pub(super) eos: Vec<u64>,
    keys: Vec<(&'static str, Value)>,
}

/// One class of transformers (or of a file that comes with a model).
struct Class {
    name: &'static str,
    /// The GGUF architecture.
    architecture: &'static str,
    activations: &'static [&'static str],
    default_activation: &'static str,
    default_eps: f64,
    default_theta: f64,
    /// The width of a head where the file does not say; the width of the model shared by the heads if `None`.
    default_head_dim: Option<u64>,
    /// Whether its graph knows a norm within a BitLinear layer.
    may_have_input_norms: bool,
    /// Whether its weights are for BitLinear layers even where nothing says so.
    is_ternary: bool,
}

const CLASSES: [Class; 4] = [
    Class {
        name: "BitNetForCausalLM",
        architecture: "bitnet-b1.58",
        activations: &["relu2", "silu"],
        default_activation: "relu2",
        default_eps: 1e-5,
        default_theta: 500_000.0,
        default_head_dim: None,
        may_have_input_norms: false,
        is_ternary: true,
    },
    // The 0.7B and 3.3B reproductions of the first paper.
    Class {
        name: "BitnetForCausalLM",
        architecture: "bitnet",
        activations: &["silu"],
        default_activation: "silu",
        default_eps: 1e-6,
        default_theta: 10_000.0,
        default_head_dim: None,
        may_have_input_norms: false,
        is_ternary: true,
    },
    Class {
        name: "LlamaForCausalLM",
        architecture: "llama",
        activations: &["silu"],
        default_activation: "silu",
        default_eps: 1e-6,
        default_theta: 10_000.0,
        default_head_dim: None,
        may_have_input_norms: false,
        is_ternary: false,
    },
    Class {
        name: "Qwen3ForCausalLM",
        architecture: "qwen3",
        activations: &["silu"],
        default_activation: "silu",
        default_eps: 1e-6,
        default_theta: 10_000.0,
        default_head_dim: Some(128),
        may_have_input_norms: true,
        is_ternary: false,
    },
];

impl Config {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let entries = parse(CONFIG, text)?;
        let file = Object::new(CONFIG, &entries);
        let class = class(file)?;
        refuse_variants(file)?;
        let eps = file.number("rms_norm_eps")?.unwrap_or(class.default_eps);
        let Stored { storage, has_input_norms } = stored(file, class, eps)?;
        let whole = |key| file.require(key, file.whole(key)?);
        let n_heads = whole("num_attention_heads")?;
        let n_kv_heads = file.whole("num_key_value_heads")?.unwrap_or(n_heads);
        let hidden_size = whole("hidden_size")?;
        let activation = file.string("hidden_act")?.unwrap_or(class.default_activation);
        let activation = match activation {
            "swish" => "silu",
            "relu_squared" => "relu2",
            other => other,
        };
        if !class.activations.contains(&activation) {
            let advice = format!("expected {} in a {}", class.activations.join(" or "), class.name);
            return Err(file.refuse("hidden_act", &advice));
        }
        let architecture =
            if activation == "silu" && class.architecture == "bitnet-b1.58" { "bitnet" } else { class.architecture };
        let mut keys = vec![
            ("context_length", whole("max_position_embeddings")?.into()),
            ("embedding_length", hidden_size.into()),
            ("block_count", whole("num_hidden_layers")?.into()),
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
        rope(file, class, head_dim, &mut keys)?;
        let inputs = if storage == Storage::Plain { "float" } else { "int8" };
        keys.push(("linear_inputs", Value::String(inputs.to_owned())));
        Ok(Self {
            architecture,
            storage,
            n_heads: n_heads as usize,
            n_kv_heads: n_kv_heads as usize,
            ties_embeddings: file.flag("tie_word_embeddings")?,
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
}

/// The class that the model was saved by.
fn class(file: Object<'_>) -> Result<&'static Class> {
    let names = file.array("architectures")?;
    let name = names.and_then(|names| names.first()).and_then(Json::as_str);
    if let Some(class) = CLASSES.iter().find(|class| Some(class.name) == name) {
        return Ok(class);
    }
    let known = CLASSES.map(|class| class.name).join(", ");
    let model_type = file.string("model_type")?.unwrap_or("none");
    let found = name.map_or_else(|| "no architectures".to_owned(), |name| format!("architectures [{name:?}]"));
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("{CONFIG}: found {found} (model_type {model_type:?}), expected one of {known}"),
    ))
}

/// What the classes can compute and this crate cannot.
fn refuse_variants(file: Object<'_>) -> Result<()> {
    for key in ["attention_bias", "mlp_bias", "use_bias"] {
        if file.flag(key)? == Some(true) {
            return Err(file.refuse(key, "this build computes layers without biases only"));
        }
    }
    // Some configurations name the width of a window that they do not use.
    if file.get("sliding_window").is_some() && file.flag("use_sliding_window")?.unwrap_or(true) {
        return Err(file.refuse("sliding_window", "this build computes no attention to a window"));
    }
    let mut kinds = file.array("layer_types")?.into_iter().flatten();
    if kinds.any(|kind| kind.as_str() != Some("full_attention")) {
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
        let storage = if class.is_ternary { Storage::Master } else { Storage::Plain };
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
        let advice = format!("this build computes no norm within a BitLinear layer of a {}", class.name);
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

/// The rotary embedding: `rope_theta` and `rope_scaling`, or both in `rope_parameters`.
fn rope(file: Object<'_>, class: &Class, head_dim: u64, keys: &mut Vec<(&'static str, Value)>) -> Result<()> {
    let empty = Map::new();
    let name = if file.get("rope_parameters").is_some() { "rope_parameters" } else { "rope_scaling" };
    let place = format!("{CONFIG}: {name}");
    let scaling = Object::new(&place, file.object(name)?.unwrap_or(&empty));
    let theta = scaling.number("rope_theta")?.or(file.number("rope_theta")?).unwrap_or(class.default_theta);
    keys.push(("rope.freq_base", theta.into()));
    let partial = scaling.number("partial_rotary_factor")?.or(file.number("partial_rotary_factor")?);
    let rope_dim = (head_dim as f64 * partial.unwrap_or(1.0)) as u64;
    keys.push(("rope.dimension_count", rope_dim.into()));
    let key = if scaling.get("rope_type").is_some() { "rope_type" } else { "type" };
    let kind = scaling.string(key)?.unwrap_or("default");
    if !matches!(kind, "default" | "linear" | "llama3" | "yarn") {
        return Err(scaling.refuse(key, "expected \"default\", \"linear\", \"llama3\" or \"yarn\""));
    }
    if kind == "default" {
        return Ok(());
    }
    let factor = scaling.require("factor", scaling.number("factor")?)?;
    if kind == "llama3" {
        let factors = llama3_factors(scaling, theta, rope_dim, factor)?;
        keys.push(("rope.factors", Value::Array(Array::Float(factors))));
        return Ok(());
    }
    keys.push(("rope.scaling.type", Value::String(kind.to_owned())));
    keys.push(("rope.scaling.factor", factor.into()));
    if kind == "yarn" {
        for name in ["attention_factor", "mscale", "mscale_all_dim", "truncate"] {
            if scaling.get(name).is_some() {
                return Err(scaling.refuse(name, "this build computes YaRN with its own magnitude only"));
            }
        }
        let original = "original_max_position_embeddings";
        let context = match scaling.whole(original)?.or(file.whole(original)?) {
            Some(context) => context,
            None => file.require("max_position_embeddings", file.whole("max_position_embeddings")?)?,
        };
        keys.push(("rope.scaling.original_context_length", context.into()));
        for (name, key) in [("beta_fast", "rope.scaling.yarn_beta_fast"), ("beta_slow", "rope.scaling.yarn_beta_slow")]
        {
            keys.extend(scaling.number(name)?.map(|beta| (key, beta.into())));
        }
    }
    Ok(())
}

/// What each frequency is divided by for the scaling called llama3: slow ones by `factor`, fast ones by 1, and those in between
/// by something in between. Source: `_compute_llama3_parameters` of transformers' `modeling_rope_utils.py`.
fn llama3_factors(scaling: Object<'_>, theta: f64, rope_dim: u64, factor: f64) -> Result<Vec<f64>> {
    let number = |key: &str| scaling.require(key, scaling.number(key)?);
    let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
    let original = number("original_max_position_embeddings")?;
    let half = rope_dim / 2;
    let of = |pair: u64| {
        let wavelength = std::f64::consts::TAU * libm::pow(theta, pair as f64 / half as f64);
        if wavelength < original / high {
            1.0
        } else if wavelength > original / low {
            factor
        } else {
            let smooth = (original / wavelength - low) / (high - low);
            1.0 / ((1.0 - smooth) / factor + smooth)
        }
    };
    Ok((0..half).map(of).collect())
}
