//! What the engine counts of itself, for `model.metrics`.

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::kernels::KV_BLOCK;
use crate::web::runtime::memory;
use crate::web::runtime::object::to_object;

use super::error::to_js;
use super::model::WasmModel;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    /// Blocks of keys and values that there are, and that there may be.
    kv_blocks: usize,
    kv_most_blocks: usize,
    /// Tokens and bytes of a block.
    kv_block_tokens: usize,
    kv_block_bytes: usize,
    /// Texts that have ended, and whose keys and values are kept.
    kept_texts: usize,
    /// Bytes that products with weights have read since the model was loaded.
    weight_bytes_read: u64,
    /// Bytes of the instance's memory.
    memory_bytes: f64,
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// What there is at this moment, and what was counted since the model was loaded.
    pub fn stats(&self) -> std::result::Result<JsValue, JsValue> {
        let cache = self.engine.cache();
        let stats = Stats {
            kv_blocks: cache.pool().blocks(),
            kv_most_blocks: cache.most_blocks(),
            kv_block_tokens: KV_BLOCK,
            kv_block_bytes: cache.pool().block_bytes(),
            kept_texts: cache.sequences().len(),
            weight_bytes_read: self.engine.weight_bytes_read(),
            memory_bytes: memory::memory_bytes(),
        };
        to_object(&stats).map_err(|e| to_js(&e))
    }
}
