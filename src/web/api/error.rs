//! Errors on their way to JavaScript: plain objects `{ code, message, details }`, which the page makes a `BitNetError`
//! of.

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;

use crate::error::Detail;
use crate::web::runtime::memory;
use crate::{Error, ErrorKind};

/// `{ code, message }`, and `details` where there are any.
pub fn to_js(error: &Error) -> JsValue {
    if error.kind() == ErrorKind::OutOfMemory {
        memory::forget_refusal();
    }
    let object = object([("code", error.code().into()), ("message", error.to_string().into())]);
    if !error.details().is_empty() {
        let details = error.details().iter().map(|(name, value)| match value {
            Detail::Number(number) => (*name, JsValue::from(*number)),
            Detail::Text(text) => (*name, JsValue::from(text)),
        });
        set(&object, "details", &self::object(details));
    }
    object.into()
}

fn object(entries: impl IntoIterator<Item = (&'static str, JsValue)>) -> Object {
    let object = Object::new();
    entries.into_iter().for_each(|(name, value)| set(&object, name, &value));
    object
}

fn set(object: &Object, name: &str, value: &JsValue) {
    // Setting a property of a fresh plain object cannot fail.
    let _ = Reflect::set(object, &name.into(), value);
}
