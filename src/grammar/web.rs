//! The module as JavaScript sees it.

use js_sys::Uint32Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{Constraint, Error, Format, Vocabulary};

/// `{ code, message }`, as the engine throws its errors.
fn to_js(error: &Error) -> JsValue {
    let object = js_sys::Object::new();
    for (name, value) in [("code", "invalid_grammar"), ("message", &error.to_string())] {
        // Setting a property of a fresh plain object cannot fail.
        let _ = js_sys::Reflect::set(&object, &name.into(), &value.into());
    }
    object.into()
}

/// A [`Vocabulary`].
#[wasm_bindgen]
pub struct GrammarVocabulary(Vocabulary);

/// A [`Constraint`].
#[wasm_bindgen]
pub struct GrammarConstraint(Constraint);

#[wasm_bindgen]
impl GrammarVocabulary {
    /// See [`Vocabulary::new`].
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8], ends: &[u32], stop_tokens: &[u32]) -> Result<Self, JsValue> {
        Vocabulary::new(bytes, ends, stop_tokens).map(Self).map_err(|error| to_js(&error))
    }

    /// The start of an answer that follows a format, which is given as JSON.
    pub fn constrain(&self, format: &str) -> Result<GrammarConstraint, JsValue> {
        let constraint = Format::from_json(format).and_then(|format| self.0.constrain(&format));
        constraint.map(GrammarConstraint).map_err(|error| to_js(&error))
    }
}

#[wasm_bindgen]
impl GrammarConstraint {
    /// A copy of [`Constraint::mask`].
    pub fn mask(&mut self) -> Result<Uint32Array, JsValue> {
        self.0.mask().map(Uint32Array::from).map_err(|error| to_js(&error))
    }

    /// See [`Constraint::forced`].
    pub fn forced(&mut self) -> Uint32Array {
        Uint32Array::from(self.0.forced().as_slice())
    }

    /// See [`Constraint::accept`].
    pub fn accept(&mut self, token: u32) -> Result<bool, JsValue> {
        self.0.accept(token).map_err(|error| to_js(&error))
    }
}
