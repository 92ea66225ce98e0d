//! Exceptions of the browser as errors.

use wasm_bindgen::{JsCast, JsValue};

use crate::{Error, ErrorKind};

/// An error of `kind` whose text is `context` and the message of the exception.
pub fn to_error(kind: ErrorKind, context: &str, thrown: &JsValue) -> Error {
    let message = match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    };
    Error::new(kind, format!("{context}: {message}"))
}
