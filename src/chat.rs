//! stub
use crate::{Result, gguf::Metadata, tokenizer::Tokenizer};
/// x
#[derive(Clone, Debug)]
pub struct Message {
    /// x
    pub role: String,
    /// x
    pub content: String,
}
/// x
#[derive(Debug)]
pub struct ChatTemplate;
/// x
pub struct ChatPrompt {
    /// x
    pub ids: Vec<u32>,
}
impl ChatTemplate {
    /// x
    pub fn from_metadata(_m: &Metadata, _o: Option<&str>) -> Result<Option<Self>> {
        Ok(Some(Self))
    }
    /// x
    pub fn prompt(&self, _t: &Tokenizer, _m: &[Message]) -> Result<ChatPrompt> {
        Ok(ChatPrompt { ids: vec![] })
    }
}
