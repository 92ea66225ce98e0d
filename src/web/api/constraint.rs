//! What an answer must follow, as the engine worker asks for it: the grammars' own module, reached through JavaScript.

use js_sys::{Reflect, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::sample::Constraint;
use crate::{Error, ErrorKind, Result};

#[wasm_bindgen]
extern "C" {
    /// One answer on its way through what it must follow: an object of `worker/grammar.js`.
    #[derive(Debug)]
    pub type JsConstraint;

    /// The tokens that may come next, as bits.
    #[wasm_bindgen(method, catch)]
    fn mask(this: &JsConstraint) -> std::result::Result<Uint32Array, JsValue>;

    /// Goes on behind a token; whether the answer is complete.
    #[wasm_bindgen(method, catch)]
    fn accept(this: &JsConstraint, token: u32) -> std::result::Result<bool, JsValue>;

    /// Tokens that are likely to come next, because their text must.
    #[wasm_bindgen(method, catch)]
    fn forced(this: &JsConstraint) -> std::result::Result<Uint32Array, JsValue>;
}

impl Constraint for JsConstraint {
    fn mask(&mut self, words: &mut Vec<u32>) -> Result<()> {
        let mask = JsConstraint::mask(self).map_err(|thrown| error(&thrown))?;
        words.resize(mask.length() as usize, 0);
        mask.copy_to(words);
        Ok(())
    }

    fn accept(&mut self, token: u32) -> Result<bool> {
        JsConstraint::accept(self, token).map_err(|thrown| error(&thrown))
    }

    fn forced(&mut self) -> Vec<u32> {
        // What is wrong is told by the next mask.
        JsConstraint::forced(self).map(|tokens| tokens.to_vec()).unwrap_or_default()
    }
}

/// What the other module threw: `{ code, message }`, or what it did not mean to throw.
fn error(thrown: &JsValue) -> Error {
    let field = |name: &str| Reflect::get(thrown, &name.into()).ok().and_then(|value| value.as_string());
    match (field("code").as_deref(), field("message")) {
        (Some("invalid_grammar"), Some(message)) => Error::new(ErrorKind::InvalidGrammar, message),
        (_, Some(message)) => Error::new(ErrorKind::Internal, message),
        _ => Error::new(ErrorKind::Internal, format!("the module of grammars threw {thrown:?}")),
    }
}
