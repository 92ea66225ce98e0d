//! A JavaScript stream of bytes, read chunk by chunk.

use js_sys::{Function, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::{Error, ErrorKind, Result};

use super::error::from_js;

#[wasm_bindgen]
extern "C" {
    /// A `ReadableStreamDefaultReader`.
    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> std::result::Result<js_sys::Promise, JsValue>;

    type Readable;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Readable) -> std::result::Result<Reader, JsValue>;
}

/// The chunks of `{ stream, length }`.
pub struct Chunks {
    reader: Reader,
    progress: Function,
    loaded: u64,
    total: Option<u64>,
}

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap_or(JsValue::UNDEFINED)
}

impl Chunks {
    /// Begins to read; `progress` is told `(loaded, total)` after each chunk.
    pub fn open(source: &JsValue, progress: Function) -> Result<Self> {
        let total = get(source, "length").as_f64().map(|bytes| bytes as u64);
        let stream: Readable = get(source, "stream").unchecked_into();
        let reader = stream.get_reader().map_err(|e| from_js(ErrorKind::InvalidArgument, "source", &e))?;
        Ok(Self { reader, progress, loaded: 0, total })
    }

    /// Bytes of the whole, where known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// The next chunk, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let failed = |e: JsValue| from_js(ErrorKind::Network, "the file could not be read to its end", &e);
        let step = JsFuture::from(self.reader.read().map_err(failed)?).await.map_err(failed)?;
        if get(&step, "done").is_truthy() {
            return Ok(None);
        }
        let bytes: Uint8Array = get(&step, "value")
            .dyn_into()
            .map_err(|_| Error::new(ErrorKind::InvalidArgument, "source: the stream gave something else than bytes"))?;
        let bytes = bytes.to_vec();
        self.loaded += bytes.len() as u64;
        let (loaded, total) = (JsValue::from(self.loaded as f64), self.total.map(|total| total as f64).into());
        // What the page's callback throws is the page's own business.
        let _ = self.progress.call2(&JsValue::NULL, &loaded, &total);
        Ok(Some(bytes))
    }
}
