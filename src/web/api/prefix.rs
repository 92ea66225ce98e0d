//! Keys and values of a text, given away and taken back in pieces.

use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::generate::{PrefixExport, PrefixImport};
use crate::web::runtime::object::read;
use crate::{Error, ErrorKind, Result};

use super::error::to_js;
use super::model::WasmModel;
use super::options::{WebChatOptions, WebPrompt};

/// Bytes of a piece.
const PIECE: usize = 1 << 20;

/// The export and the import under way.
#[derive(Debug, Default)]
pub struct Prefixes {
    export: Option<PrefixExport>,
    import: Option<PrefixImport>,
}

fn not_begun() -> Error {
    Error::new(ErrorKind::Internal, "a piece of keys and values was asked for or given, but nothing was begun")
}

impl WasmModel {
    fn begin_export_of(&mut self, prompt: JsValue, options: JsValue) -> Result<usize> {
        let prompt: WebPrompt = read("prompt", prompt)?;
        let options: WebChatOptions = read("options", options)?;
        let tokens = self.engine.prompt(&prompt.into_core(options))?;
        let export = self.engine.export_prefix(&tokens)?;
        let bytes = export.bytes();
        self.prefixes.export = Some(export);
        Ok(bytes)
    }

    fn next_export(&mut self) -> Result<Uint8Array> {
        let export = self.prefixes.export.as_mut().ok_or_else(not_begun)?;
        let piece = export.next_piece(PIECE);
        if piece.is_empty() {
            self.prefixes.export = None;
        }
        Ok(Uint8Array::from(piece.as_slice()))
    }

    fn push_import_of(&mut self, bytes: &[u8]) -> Result<()> {
        let outcome = self.prefixes.import.as_mut().ok_or_else(not_begun)?.push(bytes);
        if outcome.is_err() {
            self.prefixes.import = None;
        }
        outcome
    }

    fn end_import_of(&mut self) -> Result<usize> {
        let import = self.prefixes.import.take().ok_or_else(not_begun)?;
        self.engine.end_import(import)
    }
}

/// Every error is thrown as `{ code, message, details }`.
#[wasm_bindgen]
impl WasmModel {
    /// Begins to give away the keys and values of what is known of a prompt, in place of the export under way. Returns how
    /// many bytes these are.
    #[wasm_bindgen(js_name = beginExport)]
    pub fn begin_export(&mut self, prompt: JsValue, options: JsValue) -> std::result::Result<usize, JsValue> {
        self.begin_export_of(prompt, options).map_err(|e| to_js(&e))
    }

    /// The next piece; an empty one is the last.
    #[wasm_bindgen(js_name = stepExport)]
    pub fn step_export(&mut self) -> std::result::Result<Uint8Array, JsValue> {
        self.next_export().map_err(|e| to_js(&e))
    }

    /// Begins to take back what was exported, in place of the import under way.
    #[wasm_bindgen(js_name = beginImport)]
    pub fn begin_import(&mut self) -> std::result::Result<(), JsValue> {
        let import = self.engine.import_prefix().map_err(|e| to_js(&e))?;
        self.prefixes.import = Some(import);
        Ok(())
    }

    /// Takes the next piece, of any size.
    #[wasm_bindgen(js_name = pushImport)]
    pub fn push_import(&mut self, bytes: &[u8]) -> std::result::Result<(), JsValue> {
        self.push_import_of(bytes).map_err(|e| to_js(&e))
    }

    /// Ends the import. Returns how many tokens a text that begins with them need not read again.
    #[wasm_bindgen(js_name = endImport)]
    pub fn end_import(&mut self) -> std::result::Result<usize, JsValue> {
        self.end_import_of().map_err(|e| to_js(&e))
    }
}
