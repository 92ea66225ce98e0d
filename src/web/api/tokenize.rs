//! The tokenization of a text in steps, so that a caller can stop in between.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::Result;
use crate::tokenizer::{Encoding, Tokenizer};
use crate::web::runtime::clock::monotonic_ms;

/// Bytes of text that are tokenized between two looks at the clock.
const TOKENIZE_BYTES: usize = 1 << 14;

/// A text on its way into token ids, special tokens recognised, without a token of beginning.
#[wasm_bindgen]
pub struct WasmEncoding {
    text: String,
    encoding: Encoding,
}

#[wasm_bindgen]
impl WasmEncoding {
    /// The start of `text`.
    #[wasm_bindgen(constructor)]
    pub fn new(text: String) -> Self {
        Self { text, encoding: Encoding::new(true) }
    }

    /// The ids so far.
    pub fn ids(&self) -> Vec<u32> {
        self.encoding.ids().to_vec()
    }
}

impl WasmEncoding {
    /// Goes on for about `limit` milliseconds, or one word that takes longer; returns whether all of the text is done.
    pub fn step(&mut self, tokenizer: &Tokenizer, limit: f64) -> Result<bool> {
        let began = monotonic_ms();
        loop {
            let done = self.encoding.step(tokenizer, &self.text, TOKENIZE_BYTES)?;
            if done || monotonic_ms() - began >= limit {
                return Ok(done);
            }
        }
    }
}
