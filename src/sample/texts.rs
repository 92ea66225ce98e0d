//! The texts of tokens, for steps that look at what an answer says.

use std::fmt;

use crate::tokenizer::{TokenKind, Tokenizer};

/// What every token adds to the text of an answer.
pub trait TokenTexts: fmt::Debug + Send + Sync {
    /// The number of tokens.
    fn vocab_size(&self) -> usize;

    /// The bytes that a token adds, which may be a part of a character: none for a control token, or for one that does not
    /// exist.
    fn bytes(&self, id: u32) -> &[u8];
}

impl TokenTexts for Tokenizer {
    fn vocab_size(&self) -> usize {
        Tokenizer::vocab_size(self)
    }

    fn bytes(&self, id: u32) -> &[u8] {
        match self.kind(id) {
            Ok(TokenKind::Control) | Err(_) => &[],
            Ok(_) => self.token_bytes(id).unwrap_or_default(),
        }
    }
}

/// Whether `text` has `part` in it, ending behind its first `known` bytes.
pub fn ends_behind(text: &[u8], part: &[u8], known: usize) -> bool {
    let first = (known + 1).saturating_sub(part.len());
    text.get(first..).is_some_and(|rest| rest.windows(part.len()).any(|window| window == part))
}
