//! Errors on their way to JavaScript: plain objects `{ code, message }`, which the page makes a `BitNetError` of.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::{Error, ErrorKind};

/// `{ code, message }`.
pub fn to_js(error: &Error) -> JsValue {
    let object = Object::new();
    for (key, value) in [("code", error.code()), ("message", &error.to_string())] {
        // Setting a property of a fresh plain object cannot fail.
        let _ = Reflect::set(&object, &key.into(), &value.into());
    }
    object.into()
}

/// What JavaScript threw, as an error of `kind`.
pub fn from_js(kind: ErrorKind, context: &str, thrown: &JsValue) -> Error {
    let message = match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => thrown.as_string().unwrap_or_else(|| format!("{thrown:?}")),
    };
    Error::new(kind, format!("{context}: {message}"))
}
