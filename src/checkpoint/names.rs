//! The tensors of a checkpoint by their GGUF names.

use std::collections::HashSet;

use super::config::{Config, Storage};
use super::json::invalid;
use super::safetensors::{Entry, Safetensors};
use crate::gguf::{Conversion, TensorInfo};
use crate::quant::TensorType;
use crate::source::split::Span;
use crate::{Error, ErrorKind, Result};

/// The parts of a layer, as transformers and the first BitNet models name them, and as GGUF files do.
const PARTS: [(&str, &str); 15] = [
    ("input_layernorm", "attn_norm"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("self_attn.attn_sub_norm", "attn_sub_norm"),
    ("self_attn.inner_attn_ln", "attn_sub_norm"),
    ("post_attention_layernorm", "ffn_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("mlp.ffn_sub_norm", "ffn_sub_norm"),
    ("mlp.ffn_layernorm", "ffn_sub_norm"),
];

/// Those of Gemma 3 that have other names: its layers have a norm behind each block, too.
const GEMMA_PARTS: [(&str, &str); 3] = [
    ("post_attention_layernorm", "post_attention_norm"),
    ("pre_feedforward_layernorm", "ffn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// Tensors that follow from the configuration, which old programs saved as well.
const IGNORED: &str = "rotary_emb.inv_freq";

/// How the norm within a BitLinear layer is named: by transformers, and in Microsoft's embedding models.
const INPUT_NORMS: [&str; 2] = [".rms_norm", ".norm"];

/// The GGUF name of the layer or norm that transformers calls `name`: `model.layers.3.mlp.up_proj` is `blk.3.ffn_up`. A class
/// without a head saves names without `model.`.
pub(crate) fn gguf_name(name: &str) -> Option<String> {
    of_parts(name, &PARTS)
}

fn of_parts(name: &str, parts: &[(&str, &str)]) -> Option<String> {
    if name == "lm_head" {
        return Some("output".to_owned());
    }
    let name = name.strip_prefix("model.").unwrap_or(name);
    match name {
        "embed_tokens" => return Some("token_embd".to_owned()),
        "norm" => return Some("output_norm".to_owned()),
        _ => {}
    }
    let (index, part) = name.strip_prefix("layers.")?.split_once('.')?;
    let index: u32 = index.parse().ok()?;
    let (_, part) = parts.iter().find(|(known, _)| *known == part)?;
    Some(format!("blk.{index}.{part}"))
}

/// Whether linear layers have norms of their own, by the name that only tensors tell.
pub(super) fn have_own_norms(files: &[Safetensors]) -> bool {
    files.iter().flat_map(|file| &file.entries).any(|entry| entry.name.ends_with("_proj.norm.weight"))
}

/// The tensors of all files, and which bytes of each file belong to the joined data section.
pub(super) fn tensors(files: Vec<Safetensors>, config: &Config) -> Result<(Vec<TensorInfo>, Vec<Span>)> {
    let (mut tensors, mut spans, mut base) = (Vec::new(), Vec::new(), 0u64);
    let mut names = HashSet::new();
    for file in files {
        spans.push(Span { skip: file.data_offset, pad: 0 });
        for entry in file.entries {
            if let Some(tensor) = tensor(entry, base, config)? {
                if !names.insert(tensor.name.clone()) {
                    return Err(invalid(format!("tensor {} stands in the weights twice", tensor.name)));
                }
                tensors.push(tensor);
            }
        }
        // Beyond that no file is: what its header claims is not there.
        base = base.checked_add(file.data_bytes).ok_or_else(|| invalid("the weights are too long".to_owned()))?;
    }
    let is_unscaled = |tensor: &&TensorInfo| {
        let scale = tensor.name.strip_suffix(".weight").map(|layer| format!("{layer}.scale"));
        tensor.type_id == TensorType::Packed.id() && scale.is_none_or(|scale| !names.contains(&scale))
    };
    if let Some(tensor) = tensors.iter().find(is_unscaled) {
        let message = "its weights are packed, but the weight_scale beside it is missing: the folder is incomplete";
        return Err(invalid(format!("tensor {}: {message}", tensor.name)));
    }
    let is_linear = |name: &str| PARTS.iter().any(|(path, part)| path.ends_with("_proj") && name.ends_with(part));
    let lacks_norm = |tensor: &&TensorInfo| {
        let layer = tensor.name.strip_suffix(".weight").filter(|layer| is_linear(layer));
        layer.is_some_and(|layer| !names.contains(&format!("{layer}_norm_in.weight")))
    };
    if let Some(tensor) = tensors.iter().find(lacks_norm).filter(|_| config.has_input_norms) {
        let message = "the norm of this layer is missing, which others have: the folder is incomplete";
        return Err(invalid(format!("tensor {}: {message}", tensor.name)));
    }
    if !config.is_bare && config.ties_embeddings == Some(false) && !names.contains("output.weight") {
        return Err(invalid("tensor lm_head.weight is missing, and tie_word_embeddings is false".to_owned()));
    }
    Ok((tensors, spans))
}

/// One tensor of the file whose data begins at `base`; `None` for one that nothing is computed with.
fn tensor(entry: Entry, base: u64, config: &Config) -> Result<Option<TensorInfo>> {
    let refused = |what: &str| Error::new(ErrorKind::Unsupported, format!("tensor {}: {what}", entry.name));
    let has_no_head = config.is_bare || config.ties_embeddings == Some(true);
    if entry.name.ends_with(IGNORED) || has_no_head && entry.name == "lm_head.weight" {
        return Ok(None);
    }
    let unknown = || refused("this build does not know what a model of this architecture does with it");
    let (layer, kind) = entry.name.rsplit_once('.').ok_or_else(unknown)?;
    let own = if config.offsets_norms() { &GEMMA_PARTS[..] } else { &[] };
    let named = |layer: &str| of_parts(layer, own).or_else(|| gguf_name(layer));
    let linear = INPUT_NORMS.iter().find_map(|end| layer.strip_suffix(end)).filter(|layer| layer.ends_with("_proj"));
    let layer = match linear.filter(|_| config.has_input_norms) {
        Some(linear) => named(linear).map(|name| format!("{name}_norm_in")),
        None => named(layer),
    };
    let layer = layer.ok_or_else(unknown)?;
    let mut conversion = Conversion::default();
    let name = match kind {
        "weight" => format!("{layer}.weight"),
        // Master weights have a scale of their own.
        "weight_scale" if matches!(config.storage, Storage::Master | Storage::MasterOrTernary) => return Ok(None),
        "weight_scale" => {
            conversion.is_reciprocal = config.storage == Storage::Divide;
            format!("{layer}.scale")
        }
        "bias" => return Err(refused("this build computes layers and norms without biases only")),
        _ => return Err(unknown()),
    };
    if kind == "weight" {
        let part = layer.rsplit('.').next().unwrap_or_default();
        conversion.is_master = config.storage == Storage::Master;
        conversion.is_offset = config.offsets_norms() && part.ends_with("norm");
        conversion.heads = match part {
            "attn_q" if config.permutes_heads() => Some(config.n_heads),
            "attn_k" if config.permutes_heads() => Some(config.n_kv_heads),
            _ => None,
        };
    }
    let mut dims: Vec<u64> = entry.shape.iter().rev().copied().collect();
    let tensor_type = match entry.dtype.as_str() {
        "F32" => TensorType::F32,
        "F16" => TensorType::F16,
        "BF16" => TensorType::Bf16,
        "U8" if kind == "weight" && dims.len() == 2 => {
            dims[1] = dims[1].saturating_mul(4);
            TensorType::Packed
        }
        other => {
            let expected = "expected U8 [rows / 4, columns] (packed ternary weights), BF16, F16 or F32";
            return Err(refused(&format!("{expected}, found {other} {:?}", entry.shape)));
        }
    };
    if tensor_type == TensorType::Packed && !matches!(config.storage, Storage::Multiply | Storage::Divide) {
        return Err(refused(
            "its weights are packed, but config.json has no quantization_config that says what its weight_scale means",
        ));
    }
    if dims.is_empty() {
        dims.push(1);
    }
    Ok(Some(TensorInfo {
        name,
        dims,
        type_id: tensor_type.id(),
        offset: base + entry.begin,
        problem: None,
        conversion,
    }))
}
