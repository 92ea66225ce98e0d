//! Properties and needs of a model, from its header alone.

use serde::Serialize;
use wasm_bindgen::JsValue;

use super::options::LoadOptions;
use crate::Result;
use crate::kernels::select;
use crate::load;
use crate::pool::Pool;
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::memory;
use crate::web::runtime::object::read;
use crate::web::storage::folder::{Folder, MODEL_FILES};
use crate::web::storage::header::{self, SplitHeader};
use crate::web::storage::source::SourceSpec;
use crate::web::storage::source_options::SourceOptions;

/// Bytes of one request for a text of a folder.
const PROBE_CHUNK_BYTES: u64 = 4 << 20;

/// The answer of `BitNet.probe`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    architecture: &'static str,
    name: Option<String>,
    parameters: u64,
    quantization: String,
    /// Tokens.
    context_length: usize,
    /// Bytes of the file.
    bytes: u64,
    /// Bytes of weights and KV cache, in memory.
    memory_bytes: u64,
    /// Whether that much is there.
    fits: bool,
    /// The longest context that fits, in tokens; 0 if none does.
    context_that_fits: usize,
    kernel: &'static str,
    /// An estimate from the measured kernel, and of models with scales of groups from weights of that kind, for answers of a single
    /// token at a time.
    tokens_per_second: Option<f64>,
}

/// Reads as much of `source` as its header takes, and measures the kernels on `pool` unless one is asked for: the fastest one again with weights
/// like this model's, if those have scales of groups.
pub async fn probe(source: &JsValue, options: JsValue, pool: &Pool) -> Result<Probe> {
    let load: LoadOptions = read("probe", options.clone())?;
    let fetch = SourceOptions::from_js("probe", options)?;
    let spec = SourceSpec::from_js(source)?;
    let folder = spec.folder(fetch.hf_base.as_deref(), &MODEL_FILES)?;
    let parts = if folder.is_some() { Vec::new() } else { spec.split(fetch.hf_base.as_deref())? };
    let is_split = folder.is_some() || !parts.is_empty();
    let (header, bytes) = if let Some(place) = folder {
        let SplitHeader { header, bytes, .. } =
            Folder::new(place, fetch.for_probe(PROBE_CHUNK_BYTES))?.header(&mut |_| {}).await?;
        (header, Some(bytes))
    } else if parts.is_empty() {
        header::read(spec, &fetch).await?
    } else {
        let SplitHeader { header, bytes, .. } = header::read_split(&parts, &fetch).await?;
        (header, Some(bytes))
    };
    let (core, speed) = load.to_core(pool, bytes.filter(|_| !is_split))?;
    let summary = load::preview(&header, &core)?;
    let speed = match (speed, summary.scheme) {
        (Some(_), Some(scheme)) => Some(select::measure_scheme(pool, core.kernel, scheme, monotonic_ms)?),
        _ => speed,
    };
    let available = memory::available();
    Ok(Probe {
        architecture: summary.config.architecture,
        name: header.metadata.string("general.name")?.map(str::to_owned),
        parameters: summary.parameters,
        context_length: summary.context,
        bytes: bytes.unwrap_or(summary.file_bytes),
        memory_bytes: summary.memory_bytes(),
        fits: summary.memory_bytes() <= available,
        context_that_fits: summary.context_that_fits(available),
        kernel: core.kernel.name(),
        tokens_per_second: speed.map(|weights| weights / summary.parameters as f64),
        quantization: summary.quantization,
    })
}
