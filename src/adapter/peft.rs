//! PEFT's adapters: `adapter_config.json` and `adapter_model.safetensors`. Source: `LoraConfig` and `LoraModel` of
//! huggingface/peft.

use std::collections::BTreeMap;

use regex_automata::meta::Regex;
use serde_json::{Map, Value};

use super::{AdapterFile, LowRank, check_finite, invalid, unsupported};
use crate::checkpoint::json::{Object, parse};
use crate::checkpoint::{Entry, Safetensors, gguf_name};
use crate::quant::TensorType;
use crate::{Error, ErrorKind, Result};

/// The settings.
pub const CONFIG: &str = "adapter_config.json";
/// The matrices.
pub const WEIGHTS: &str = "adapter_model.safetensors";

/// Settings of adapters that are computed in another way, which say so unless they are false, null or empty.
const OTHER_KINDS: [&str; 7] = [
    "lora_bias",
    "fan_in_fan_out",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
    "alora_invocation_tokens",
];

/// Of the settings `use_...` and `..._config`, which every new kind of adapter has of its own, those that leave it plain LoRA: a factor
/// that is computed below, where the training began, and how it was spread over machines.
const PLAIN: [&str; 3] = ["use_rslora", "eva_config", "megatron_config"];

/// Ways to begin the training that leave other weights in the model itself.
const OTHER_WEIGHTS: [&str; 4] = ["pissa", "olora", "corda", "loftq"];

pub(super) fn read(config: &str, weights: &[u8]) -> Result<AdapterFile> {
    let entries = parse(CONFIG, config)?;
    let config = Object::new(CONFIG, &entries);
    check(config)?;
    let scaling = Scaling::new(config)?;
    let file = Safetensors::parse(weights, Some(weights.len() as u64))?;
    let data = weights.get(file.data_offset as usize..).unwrap_or_default();
    let mut pairs: BTreeMap<String, [Option<Matrix>; 2]> = BTreeMap::new();
    for entry in &file.entries {
        let (module, which) = module(&entry.name)?;
        pairs.entry(module.to_owned()).or_default()[which] = Some(matrix(entry, data)?);
    }
    let mut layers = BTreeMap::new();
    for (module, matrices) in pairs {
        let [Some(Matrix { rows: rank, values: a }), Some(Matrix { rows, values: b })] = matrices else {
            return Err(invalid(format!("{module} has one of lora_A and lora_B, expected both")));
        };
        let name = gguf_name(&module).filter(|name| name.starts_with("blk."));
        let name =
            name.ok_or_else(|| unsupported(format!("it changes {module}, which is no linear layer of a block")))?;
        let (expected, scale) = scaling.of(&module)?;
        if rank != expected || rank == 0 || b.len() != rows * rank {
            let message = format!("{module}: lora_A has {rank} rows and lora_B {} numbers in {rows} rows", b.len());
            return Err(invalid(format!("{message}, expected a rank of {expected}")));
        }
        if layers.insert(name, LowRank { rank, a, b, scale }).is_some() {
            return Err(invalid(format!("{module} stands in the weights twice, by two names")));
        }
    }
    if layers.is_empty() {
        return Err(invalid(format!("{WEIGHTS} has no tensors")));
    }
    Ok(AdapterFile { architecture: None, layers, has_halves_apart: true })
}

/// Refuses what is not plain LoRA.
fn check(config: Object<'_>) -> Result<()> {
    let kind = config.string("peft_type")?.unwrap_or("none");
    if kind != "LORA" {
        return Err(config.refuse("peft_type", "expected \"LORA\""));
    }
    let is_set = |value: &Value| match value {
        Value::Bool(flag) => *flag,
        Value::Array(list) => !list.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        _ => true,
    };
    for (key, value) in config.entries() {
        let is_kind = key.starts_with("use_") || key.ends_with("_config");
        let is_other = OTHER_KINDS.contains(&key.as_str()) || is_kind && !PLAIN.contains(&key.as_str());
        if is_other && !value.is_null() && is_set(value) {
            return Err(config.refuse(key, "this build computes plain LoRA only"));
        }
    }
    if config.string("bias")?.is_some_and(|bias| bias != "none") {
        return Err(config.refuse("bias", "expected \"none\""));
    }
    let start = config.get("init_lora_weights").and_then(Value::as_str).unwrap_or_default();
    if OTHER_WEIGHTS.iter().any(|other| start.starts_with(other)) {
        let advice = "such an adapter is for other weights than the model's; save it converted to plain LoRA";
        return Err(config.refuse("init_lora_weights", advice));
    }
    Ok(())
}

/// The layer, and whether it is A (0) or B (1), of a tensor's name: `base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight`.
fn module(name: &str) -> Result<(&str, usize)> {
    let unknown = || unsupported(format!("tensor {name}: expected the matrices lora_A and lora_B of layers only"));
    let path = name.strip_prefix("base_model.model.").ok_or_else(unknown)?;
    for (which, part) in [".lora_A.", ".lora_B."].into_iter().enumerate() {
        if let Some((module, end)) = path.split_once(part) {
            // With the adapter's name, as PEFT keeps it in memory.
            return if end == "weight" || end == "default.weight" { Ok((module, which)) } else { Err(unknown()) };
        }
    }
    Err(unknown())
}

struct Matrix {
    rows: usize,
    /// Row after row.
    values: Vec<f32>,
}

fn matrix(entry: &Entry, data: &[u8]) -> Result<Matrix> {
    let kind = match entry.dtype.as_str() {
        "F32" => TensorType::F32,
        "F16" => TensorType::F16,
        "BF16" => TensorType::Bf16,
        other => {
            let message = format!("tensor {}: expected F32, F16 or BF16, found {other}", entry.name);
            return Err(Error::new(ErrorKind::Unsupported, format!("adapter: {message}")));
        }
    };
    let [rows, cols] = entry.shape[..] else {
        return Err(invalid(format!("tensor {}: expected two dimensions, found {:?}", entry.name, entry.shape)));
    };
    let stored = data.get(entry.begin as usize..entry.end as usize).unwrap_or_default();
    let mut values = vec![0.0; (rows * cols) as usize];
    if let Some(decode) = kind.row_decoder() {
        decode(stored, &mut values);
    }
    check_finite(&entry.name, &values)?;
    Ok(Matrix { rows: rows as usize, values })
}

/// Ranks and factors, which may differ from layer to layer.
struct Scaling {
    rank: u64,
    alpha: f64,
    ranks: Vec<(Regex, f64)>,
    alphas: Vec<(Regex, f64)>,
    by_square_root: bool,
}

impl Scaling {
    fn new(config: Object<'_>) -> Result<Self> {
        Ok(Self {
            rank: config.require("r", config.whole("r")?)?,
            alpha: config.require("lora_alpha", config.number("lora_alpha")?)?,
            ranks: patterns(config.object("rank_pattern")?)?,
            alphas: patterns(config.object("alpha_pattern")?)?,
            by_square_root: config.flag("use_rslora")?.unwrap_or(false),
        })
    }

    /// The rank of a layer, and what its product is multiplied with.
    fn of(&self, module: &str) -> Result<(usize, f32)> {
        let found = |patterns: &[(Regex, f64)]| {
            patterns.iter().find(|(pattern, _)| pattern.is_match(module)).map(|(_, number)| *number)
        };
        let rank = found(&self.ranks).unwrap_or(self.rank as f64);
        let alpha = found(&self.alphas).unwrap_or(self.alpha);
        let scale = alpha / if self.by_square_root { rank.sqrt() } else { rank };
        if !(rank >= 1.0 && scale.is_finite()) {
            return Err(invalid(format!("{module}: the rank is {rank} and lora_alpha {alpha}")));
        }
        Ok((rank as usize, scale as f32))
    }
}

/// The keys are expressions for the ends of layers' names (`get_pattern_key` of PEFT).
fn patterns(entries: Option<&Map<String, Value>>) -> Result<Vec<(Regex, f64)>> {
    let pattern = |(key, number): (&String, &Value)| {
        let bad = || invalid(format!("{CONFIG}: the pattern {key:?} with {number} is none"));
        let regex = Regex::new(&format!(r"^(?:.*\.)?(?:{key})$")).map_err(|source| bad().with_source(source))?;
        Ok((regex, number.as_f64().ok_or_else(bad)?))
    };
    entries.into_iter().flatten().map(pattern).collect()
}
