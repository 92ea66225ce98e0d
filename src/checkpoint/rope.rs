//! The rotary embedding that `config.json` asks for.

use serde_json::Map;

use super::CONFIG;
use super::class::Class;
use super::json::Object;
use super::windows::ALL;
use crate::Result;
use crate::gguf::{Array, Value};

/// The rotary embedding: `rope_theta` and `rope_scaling`, or both in `rope_parameters`.
pub(super) fn keys(
    file: Object<'_>,
    class: &Class,
    head_dim: u64,
    keys: &mut Vec<(&'static str, Value)>,
) -> Result<()> {
    let empty = Map::new();
    let name = if file.get("rope_parameters").is_some() { "rope_parameters" } else { "rope_scaling" };
    let place = format!("{CONFIG}: {name}");
    let place_of_all = format!("{place}: {ALL}");
    let scaling = Object::new(&place, file.object(name)?.unwrap_or(&empty));
    // By the kind of a layer; those that attend to a window have no scaling.
    let scaling = if class.has_windows && name == "rope_parameters" {
        Object::new(&place_of_all, scaling.object(ALL)?.unwrap_or(&empty))
    } else {
        scaling
    };
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
        let factors = llama3_factors(scaling, original_context(file, scaling)?, theta, rope_dim, factor)?;
        keys.push(("rope.factors", Value::Array(Array::Float(factors))));
        return Ok(());
    }
    keys.push(("rope.scaling.type", Value::String(kind.to_owned())));
    keys.push(("rope.scaling.factor", factor.into()));
    if kind == "yarn" {
        for name in ["attention_factor", "mscale", "mscale_all_dim"] {
            if scaling.get(name).is_some() {
                return Err(scaling.refuse(name, "this build computes YaRN with its own magnitude only"));
            }
        }
        if scaling.flag("truncate")? == Some(false) {
            return Err(scaling.refuse("truncate", "this build computes YaRN between whole dimensions only"));
        }
        keys.push(("rope.scaling.original_context_length", original_context(file, scaling)?.into()));
        for (name, key) in [("beta_fast", "rope.scaling.yarn_beta_fast"), ("beta_slow", "rope.scaling.yarn_beta_slow")]
        {
            keys.extend(scaling.number(name)?.map(|beta| (key, beta.into())));
        }
    }
    Ok(())
}

/// The context before the scaling, in tokens.
fn original_context(file: Object<'_>, scaling: Object<'_>) -> Result<u64> {
    let original = "original_max_position_embeddings";
    match scaling.whole(original)?.or(file.whole(original)?) {
        Some(context) => Ok(context),
        None => file.require("max_position_embeddings", file.whole("max_position_embeddings")?),
    }
}

/// What each frequency is divided by for the scaling called llama3: slow ones by `factor`, fast ones by 1, and those in between
/// by something in between. Source: `_compute_llama3_parameters` of transformers' `modeling_rope_utils.py`.
fn llama3_factors(scaling: Object<'_>, original: u64, theta: f64, rope_dim: u64, factor: f64) -> Result<Vec<f64>> {
    let number = |key: &str| scaling.require(key, scaling.number(key)?);
    let (low, high) = (number("low_freq_factor")?, number("high_freq_factor")?);
    let original = original as f64;
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
