//! The key of an answer that is kept: equal only where a model says the same.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::Result;
use crate::web::runtime::object::read;

use super::error::to_js;
use super::model::WasmModel;
use super::options::{WebChatOptions, WebPrompt};

impl WasmModel {
    fn response_key_of(&mut self, prompt: JsValue, chat: JsValue, options: &str) -> Result<String> {
        let prompt: WebPrompt = read("prompt", prompt)?;
        let chat: WebChatOptions = read("options", chat)?;
        let is_chat = matches!(prompt, WebPrompt::Chat(_));
        // What the template tells of the date is in the tokens.
        let tokens = self.engine.prompt(&prompt.into_core(chat))?;
        let mut digest = Sha256::new();
        digest.update(self.engine.fingerprint()?);
        digest.update([u8::from(is_chat)]);
        digest.update((self.engine.model().context() as u64).to_le_bytes());
        digest.update((tokens.len() as u64).to_le_bytes());
        tokens.iter().for_each(|token| digest.update(token.to_le_bytes()));
        digest.update(options);
        let mut key = String::with_capacity(64);
        for byte in digest.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Ok(key)
    }
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// SHA-256, in hex, of the model, its adapters and context, the tokens of the prompt, and the other options as text.
    #[wasm_bindgen(js_name = responseKey)]
    pub fn response_key(
        &mut self,
        prompt: JsValue,
        chat: JsValue,
        options: &str,
    ) -> std::result::Result<String, JsValue> {
        self.response_key_of(prompt, chat, options).map_err(|e| to_js(&e))
    }
}
