//! Plain JavaScript objects: reading options, writing answers.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::{Error, ErrorKind, Result};

/// Reads a JavaScript value.
pub fn read<T: DeserializeOwned>(what: &str, value: JsValue) -> Result<T> {
    serde_wasm_bindgen::from_value(value).map_err(|e| Error::new(ErrorKind::InvalidArgument, format!("{what}: {e}")))
}

/// A plain JavaScript object.
pub fn to_object(value: &impl Serialize) -> Result<JsValue> {
    value
        .serialize(&Serializer::json_compatible())
        .map_err(|e| Error::new(ErrorKind::Internal, format!("an answer could not be written: {e}")))
}
