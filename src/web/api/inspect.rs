//! A loaded model as a person looks at it: the codes of its weights, and how busy its threads are.

use js_sys::Int8Array;
use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::model::{CodeCounts, Matrix};
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::object::to_object;
use crate::{Error, ErrorKind, Result};

use super::error::to_js;
use super::model::WasmModel;

/// The most weights of a tile.
const MOST_WEIGHTS: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebMatrix<'a> {
    name: &'a str,
    /// As the file stores it.
    r#type: &'static str,
    rows: usize,
    cols: usize,
    /// The columns that share a scale, where not all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_columns: Option<usize>,
    /// Whether the weights are kept as numbers, and only their signs are told.
    signs_only: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WebCounts {
    /// Weights with the codes -1, 0, +1 and +2.
    counts: [u64; 4],
    /// The least and the greatest scale of these rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    scales: Option<[f32; 2]>,
    /// The row after the last that was counted.
    next: usize,
}

impl WasmModel {
    fn matrices_of(&self) -> Result<JsValue> {
        let model = self.engine().model();
        let list: Vec<WebMatrix<'_>> = model
            .matrices()
            .iter()
            .map(|matrix| {
                let (codes, Matrix { name, tensor_type, rows, cols, .. }) = (model.codes(matrix), matrix);
                WebMatrix {
                    name,
                    r#type: tensor_type.name(),
                    rows: *rows,
                    cols: *cols,
                    group_columns: codes.group_columns(),
                    signs_only: codes.has_signs_only(),
                }
            })
            .collect();
        to_object(&list)
    }

    fn weight_tile_of(&self, name: &str, row: usize, rows: usize, col: usize, cols: usize) -> Result<Int8Array> {
        if rows.saturating_mul(cols) > MOST_WEIGHTS {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a tile of {rows} x {cols} weights, at most {MOST_WEIGHTS} expected"),
            ));
        }
        let model = self.engine().model();
        let mut codes = model.codes(model.matrix(name)?);
        let tile = codes.tile(row..row.saturating_add(rows), col..col.saturating_add(cols))?;
        Ok(Int8Array::from(tile.as_slice()))
    }

    fn count_weights_of(&self, name: &str, row: usize, limit: f64) -> Result<JsValue> {
        let model = self.engine().model();
        let began = monotonic_ms();
        let (CodeCounts { counts, scales }, next) =
            model.codes(model.matrix(name)?).count(row, || monotonic_ms() - began < limit);
        to_object(&WebCounts { counts, scales, next })
    }
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// Embedding, head and linear layers: their names, shapes and types.
    pub fn matrices(&self) -> std::result::Result<JsValue, JsValue> {
        self.matrices_of().map_err(|e| to_js(&e))
    }

    /// The codes of a part of a matrix, row after row.
    #[wasm_bindgen(js_name = weightTile)]
    pub fn weight_tile(
        &self,
        name: &str,
        row: usize,
        rows: usize,
        col: usize,
        cols: usize,
    ) -> std::result::Result<Int8Array, JsValue> {
        self.weight_tile_of(name, row, rows, col, cols).map_err(|e| to_js(&e))
    }

    /// Counts the codes of a matrix from a row on for about `limit` milliseconds.
    #[wasm_bindgen(js_name = countWeights)]
    pub fn count_weights(&self, name: &str, row: usize, limit: f64) -> std::result::Result<JsValue, JsValue> {
        self.count_weights_of(name, row, limit).map_err(|e| to_js(&e))
    }

    /// Milliseconds that each thread was busy while that was measured; it is from now on, or no longer.
    #[wasm_bindgen(js_name = threadLoad)]
    pub fn thread_load(&self, measured: bool) -> Vec<f64> {
        let pool = self.engine().pool();
        pool.measure_load(measured.then_some(monotonic_ms as _));
        pool.busy()
    }
}
