//! stub
use crate::Result;
use crate::gguf::{Array, Metadata, Value};
/// x
#[derive(Debug)]
pub struct Vocabulary {
    /// x
    pub pre: Option<String>,
    /// x
    pub tokens: Vec<String>,
}
impl Vocabulary {
    /// x
    pub fn from_metadata(m: &mut Metadata) -> Result<Self> {
        let tokens = match m.take("tokenizer.ggml.tokens") {
            Some(Value::Array(Array::String(t))) => t,
            _ => vec![],
        };
        Ok(Self { pre: None, tokens })
    }
}
/// x
#[derive(Debug)]
pub struct Tokenizer;
/// x
#[derive(Debug)]
pub struct IncrementalDecoder;
impl Tokenizer {
    /// x
    pub fn new(_v: Vocabulary) -> Result<Self> {
        Ok(Self)
    }
    /// x
    pub fn encode(&self, _t: &str, _s: bool, _b: bool) -> Result<Vec<u32>> {
        Ok(vec![])
    }
    /// x
    pub fn add_bos(&self) -> bool {
        true
    }
    /// x
    pub fn is_stop(&self, _id: u32) -> bool {
        false
    }
    /// x
    pub fn incremental_decoder(&self) -> IncrementalDecoder {
        IncrementalDecoder
    }
}
impl IncrementalDecoder {
    /// x
    pub fn push(&mut self, _t: &Tokenizer, _id: u32) -> String {
        String::new()
    }
    /// x
    pub fn finish(&mut self) -> String {
        String::new()
    }
}
