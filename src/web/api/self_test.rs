//! Whether this browser computes right, and how fast.

use serde::Serialize;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Result;
use crate::kernels::{conformance, select};
use crate::web::runtime::clock::monotonic_ms;
use crate::web::runtime::object::to_object;
use crate::web::runtime::thread::WasmPool;

use super::error::to_js;

/// The answer of `BitNet.selfTest`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    passed: bool,
    /// Results that were compared with their definition.
    cases: usize,
    /// A line for each result that differs.
    failures: Vec<String>,
    seed: u64,
    kernels: Vec<Speed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Speed {
    kernel: &'static str,
    weights_per_second: f64,
}

/// Compares every vector routine with its definition on `pool`, and measures the kernels, fastest first.
///
/// # Errors
/// `{ code, message }` if the test matrices do not fit.
#[wasm_bindgen(js_name = selfTest)]
pub fn self_test(pool: &WasmPool, seed: u32) -> std::result::Result<JsValue, JsValue> {
    run(pool, seed.into()).and_then(|outcome| to_object(&outcome)).map_err(|e| to_js(&e))
}

fn run(pool: &WasmPool, seed: u64) -> Result<Outcome> {
    let report = conformance::run(pool.inner(), seed)?;
    let kernels = select::measure(pool.inner(), monotonic_ms)?
        .into_iter()
        .map(|t| Speed { kernel: t.kernel.name(), weights_per_second: t.weights_per_second })
        .collect();
    Ok(Outcome {
        passed: report.failures.is_empty(),
        cases: report.cases,
        failures: report.failures,
        seed: report.seed,
        kernels,
    })
}
