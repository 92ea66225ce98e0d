//! Gemma 3's attention: most layers attend to a window of positions, and have rotary frequencies of their own. Source:
//! `Gemma3TextConfig` of transformers.

use serde_json::{Map, Value as Json};

use super::CONFIG;
use super::json::{Object, invalid};
use crate::Result;
use crate::gguf::{Array, Value};

/// The kind of the layers that attend to all positions.
pub(super) const ALL: &str = "full_attention";
/// The kind of the others.
const WINDOW: &str = "sliding_attention";

/// transformers' defaults.
const DEFAULT_SIZE: u64 = 4096;
const DEFAULT_PATTERN: u64 = 6;
const DEFAULT_THETA: f64 = 10_000.0;
const DEFAULT_SCALAR: f64 = 256.0;

/// Adds the GGUF keys of the windows of a model with `n_layers` layers.
///
/// # Errors
/// `Unsupported` for what the graph does not compute, `InvalidModel` for layers that nothing is said of.
pub(super) fn keys(
    file: Object<'_>,
    head_dim: u64,
    n_layers: u64,
    keys: &mut Vec<(&'static str, Value)>,
) -> Result<()> {
    refuse_variants(file, head_dim)?;
    let layers = layers(file, n_layers)?;
    if !layers.contains(&true) {
        return Ok(());
    }
    let size = file.whole("sliding_window")?.unwrap_or(DEFAULT_SIZE);
    keys.push(("attention.sliding_window", size.into()));
    keys.push(("attention.sliding_window_pattern", Value::Array(Array::Bool(layers))));
    keys.push(("rope.freq_base_swa", theta(file)?.into()));
    Ok(())
}

fn refuse_variants(file: Object<'_>, head_dim: u64) -> Result<()> {
    if file.number("query_pre_attn_scalar")?.unwrap_or(DEFAULT_SCALAR) != head_dim as f64 {
        let advice = format!("expected the width of a head, {head_dim} ({DEFAULT_SCALAR} where nothing is said)");
        return Err(file.refuse("query_pre_attn_scalar", &advice));
    }
    for key in ["attn_logit_softcapping", "final_logit_softcapping"] {
        if file.number(key)?.is_some() {
            return Err(file.refuse(key, "this build computes no capped scores or logits"));
        }
    }
    if file.flag("use_bidirectional_attention")? == Some(true) {
        return Err(file.refuse("use_bidirectional_attention", "this build runs no models that attend to later tokens"));
    }
    Ok(())
}

/// Whether each layer attends to a window.
fn layers(file: Object<'_>, n_layers: u64) -> Result<Vec<bool>> {
    let Some(kinds) = file.array("layer_types")? else {
        let pattern = match file.whole("sliding_window_pattern")? {
            None => file.whole("_sliding_window_pattern")?.unwrap_or(DEFAULT_PATTERN),
            Some(pattern) => pattern,
        };
        // More layers than any model has are refused where their number is checked.
        return Ok((1..=n_layers.min(1 << 12)).map(|layer| pattern == 0 || layer % pattern != 0).collect());
    };
    if kinds.len() as u64 != n_layers {
        return Err(invalid(format!("{CONFIG}: layer_types has {} entries, expected {n_layers}", kinds.len())));
    }
    let kind = |kind: &Json| match kind.as_str() {
        Some(ALL) => Ok(false),
        Some(WINDOW) => Ok(true),
        _ => Err(file.refuse("layer_types", &format!("expected {ALL:?} and {WINDOW:?} only"))),
    };
    kinds.iter().map(kind).collect()
}

/// The base of the rotary frequencies of layers that attend to a window.
fn theta(file: Object<'_>) -> Result<f64> {
    let empty = Map::new();
    let place = format!("{CONFIG}: rope_parameters");
    let all = Object::new(&place, file.object("rope_parameters")?.unwrap_or(&empty));
    let place = format!("{place}: {WINDOW}");
    let own = Object::new(&place, all.object(WINDOW)?.unwrap_or(&empty));
    if own.string("rope_type")?.is_some_and(|kind| kind != "default") {
        return Err(own.refuse("rope_type", "expected \"default\""));
    }
    Ok(own.number("rope_theta")?.or(file.number("rope_local_base_freq")?).unwrap_or(DEFAULT_THETA))
}
