//! The two clocks of a browser. Both count milliseconds; their readings cannot be compared with each other.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// `performance.now()`: milliseconds since this worker began. It never goes backwards; for measuring durations.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub fn monotonic_ms() -> f64;
}

/// `Date.now()`: milliseconds since 1970. A person may set this clock; for times that are stored or shared between tabs.
pub fn unix_ms() -> f64 {
    js_sys::Date::now()
}
