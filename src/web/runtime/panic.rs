//! A panic's text on its way to the page: the trap that follows carries none.

use std::panic;

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    /// Defined by every worker before it instantiates the module.
    #[wasm_bindgen(js_name = bitnetPanic)]
    fn report(message: &str);
}

/// Reports every later panic to the worker's script and, with its stack, to the console.
pub fn install_hook() {
    panic::set_hook(Box::new(|info| {
        report(&info.to_string());
        console_error_panic_hook::hook(info);
    }));
}
