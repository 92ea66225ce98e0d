//! Adapters: read from their source, and switched on a model.

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::to_js;
use super::load::{WebProgress, is_verdict};
use super::model::WasmModel;
use crate::adapter::{self, AdapterFile};
use crate::source::{Progress, Report};
use crate::web::runtime::object::to_object;
use crate::web::runtime::task;
use crate::web::storage::folder::Folder;
use crate::web::storage::reader::ModelReader;
use crate::web::storage::source::SourceSpec;
use crate::web::storage::source_options::SourceOptions;
use crate::{Error, ErrorKind, Result};

/// No adapter is larger, in bytes.
const MAX_BYTES: usize = 1 << 30;

/// An adapter that was read, and belongs to no model yet.
#[wasm_bindgen]
pub struct WasmAdapter(AdapterFile);

/// Reads an adapter: a GGUF file, or a folder of PEFT. `source` is as for `load`.
///
/// # Errors
/// `{ code, message, details }`.
#[wasm_bindgen(js_name = readAdapter)]
pub async fn read_adapter(
    source: JsValue,
    options: JsValue,
    progress: js_sys::Function,
) -> std::result::Result<WasmAdapter, JsValue> {
    task::watched(read(source, options, progress)).await.map(WasmAdapter).map_err(|e| to_js(&e))
}

async fn read(source: JsValue, options: JsValue, progress: js_sys::Function) -> Result<AdapterFile> {
    let options = SourceOptions::from_js("adapters.load", options)?;
    let mut report = |progress_now: Progress| {
        if let Ok(value) = WebProgress::from(progress_now).serialize(&Serializer::new()) {
            // An exception of the page's callback is the page's own business.
            let _ = progress.call1(&JsValue::NULL, &value);
        }
    };
    let spec = SourceSpec::from_js(&source)?;
    match spec.folder(options.hf_base.as_deref(), &[adapter::CONFIG, adapter::WEIGHTS])? {
        Some(place) => read_folder(Folder::new(place, options)?, &mut report).await,
        None => read_file(spec, options, &mut report).await,
    }
}

async fn read_folder(mut folder: Folder, report: Report<'_>) -> Result<AdapterFile> {
    let read = async {
        let config = folder.require(adapter::CONFIG, report).await?;
        let weights = folder.bytes(adapter::WEIGHTS, report).await?;
        AdapterFile::from_peft(&config, &weights)
    };
    let read: Result<AdapterFile> = read.await;
    match &read {
        Ok(_) => folder.finish().await,
        Err(error) if is_verdict(error) => folder.reject().await,
        Err(_) => {}
    }
    read
}

async fn read_file(spec: SourceSpec, options: SourceOptions, report: Report<'_>) -> Result<AdapterFile> {
    let mut reader = ModelReader::open(spec, options, report).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = reader.next(report).await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_BYTES {
            let message =
                format!("adapter: expected at most {MAX_BYTES} bytes: this is a model, not an adapter of one");
            return Err(Error::new(ErrorKind::InvalidModel, message));
        }
    }
    let read = AdapterFile::from_gguf(&bytes);
    match &read {
        Ok(_) => reader.finish().await,
        Err(error) if is_verdict(error) => reader.reject().await,
        Err(_) => {}
    }
    read
}

/// What `adapters.list()` shows of an adapter.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebAdapter<'a> {
    name: &'a str,
    weight: f32,
    enabled: bool,
    layers: usize,
    bytes: usize,
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// Adds an adapter and switches it on.
    #[wasm_bindgen(js_name = addAdapter)]
    pub fn add_adapter(&mut self, name: String, adapter: WasmAdapter, weight: f32) -> std::result::Result<(), JsValue> {
        self.engine_mut().add_adapter(name, adapter.0, weight).map_err(|e| to_js(&e))
    }

    /// Switches an adapter on, with another weight if one is given.
    #[wasm_bindgen(js_name = enableAdapter)]
    pub fn enable_adapter(&mut self, name: &str, weight: Option<f32>) -> std::result::Result<(), JsValue> {
        self.engine_mut().enable_adapter(name, weight).map_err(|e| to_js(&e))
    }

    /// Switches an adapter off.
    #[wasm_bindgen(js_name = disableAdapter)]
    pub fn disable_adapter(&mut self, name: &str) -> std::result::Result<(), JsValue> {
        self.engine_mut().disable_adapter(name).map_err(|e| to_js(&e))
    }

    /// Removes an adapter.
    #[wasm_bindgen(js_name = removeAdapter)]
    pub fn remove_adapter(&mut self, name: &str) -> std::result::Result<(), JsValue> {
        self.engine_mut().remove_adapter(name).map_err(|e| to_js(&e))
    }

    /// All adapters, in the order in which they were loaded.
    pub fn adapters(&self) -> std::result::Result<JsValue, JsValue> {
        let adapters = self.engine().adapters().iter().map(|adapter| WebAdapter {
            name: &adapter.name,
            weight: adapter.weight,
            enabled: adapter.is_enabled,
            layers: adapter.layers(),
            bytes: adapter.bytes(),
        });
        to_object(&adapters.collect::<Vec<_>>()).map_err(|e| to_js(&e))
    }
}
