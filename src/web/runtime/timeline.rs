//! Where the time of a load goes: spans on the browser's own performance timeline, which its profiler shows and benchmarks
//! read. All begin with `bitnet:`.

use js_sys::{Object, Reflect};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::clock::monotonic_ms;
use super::globals;

#[wasm_bindgen]
extern "C" {
    type Performance;

    #[wasm_bindgen(method, catch)]
    fn measure(this: &Performance, name: &str, options: &Object) -> Result<JsValue, JsValue>;
}

/// A span that ends when it is dropped.
pub struct Span {
    name: &'static str,
    start: f64,
}

impl Span {
    /// Begins now.
    pub fn begin(name: &'static str) -> Self {
        Self { name, start: monotonic_ms() }
    }
}

/// A span that ends now and has taken so many milliseconds, on another thread.
pub fn tell(name: &'static str, milliseconds: f64) {
    drop(Span { name, start: monotonic_ms() - milliseconds });
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(performance) = globals::global("performance") else { return };
        let options = Object::new();
        // Setting a property of a fresh plain object cannot fail, and a browser that refuses the span only shows less.
        let _ = Reflect::set(&options, &"start".into(), &self.start.into());
        let _ = performance.unchecked_ref::<Performance>().measure(self.name, &options);
    }
}
