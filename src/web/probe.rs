//! What a model is and needs, from its directory alone.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::directory::{self, Directory};
use super::memory;
use super::options::{LoadOptions, read};
use super::source::SourceSpec;
use super::source_options::SourceOptions;
use crate::Result;
use crate::load;
use crate::pool::Pool;

/// What is told of a model.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    architecture: &'static str,
    name: Option<String>,
    parameters: u64,
    quantization: String,
    /// Tokens.
    context_length: usize,
    /// Of the file.
    bytes: u64,
    /// Of weights and KV cache, in memory.
    memory_bytes: u64,
    /// Whether that much is there.
    fits: bool,
    /// The longest context that fits, in tokens; 0 if none does.
    context_that_fits: usize,
    kernel: &'static str,
    /// An estimate from the measured kernel, for answers of a single token at a time.
    tokens_per_second: Option<f64>,
}

/// Reads as much of `source` as its directory needs, and measures the kernels on `pool` unless one is asked for.
pub async fn probe(source: &JsValue, options: JsValue, pool: &Pool) -> Result<Probe> {
    let load: LoadOptions = read("probe", options.clone())?;
    let fetch = SourceOptions::from_js("probe", options)?;
    let spec = SourceSpec::from_js(source)?;
    let parts = spec.split(fetch.hf_base.as_deref())?;
    let (header, bytes) = if parts.is_empty() {
        directory::of(spec, &fetch).await?
    } else {
        let Directory { header, bytes, .. } = directory::of_parts(&parts, &fetch).await?;
        (header, Some(bytes))
    };
    let (core, speed) = load.to_core(pool, bytes.filter(|_| parts.is_empty()))?;
    let summary = load::preview(&header, &core)?;
    let room = memory::room();
    Ok(Probe {
        architecture: summary.config.architecture,
        name: header.metadata.string("general.name")?.map(str::to_owned),
        parameters: summary.parameters,
        context_length: summary.context,
        bytes: bytes.unwrap_or(summary.file_bytes),
        memory_bytes: summary.memory_bytes(),
        fits: summary.memory_bytes() <= room,
        context_that_fits: summary.context_that_fits(room),
        kernel: core.kernel.name(),
        tokens_per_second: speed.map(|weights| weights / summary.parameters as f64),
        quantization: summary.quantization,
    })
}
