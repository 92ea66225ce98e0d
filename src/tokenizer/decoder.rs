//! Tokens to text while they arrive: bytes are held back until they make whole characters.

use super::{TokenKind, Tokenizer};
use crate::Result;

/// Turns a stream of token ids into text. The pieces that come out, put together, are what
/// [`Tokenizer::decode`] makes of all ids at once; no piece ends within a character.
#[derive(Clone, Debug, Default)]
pub struct IncrementalDecoder {
    /// The start of a character whose end has not come yet: at most three bytes.
    pending: Vec<u8>,
    keep_control: bool,
}

impl IncrementalDecoder {
    /// A decoder that leaves control tokens out.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder that shows control tokens as their text.
    pub fn with_control_tokens() -> Self {
        Self { keep_control: true, ..Self::default() }
    }

    /// Takes the next token and returns the text that is complete now, which may be empty.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String> {
        let bytes = tokenizer.token_bytes(id)?;
        if self.keep_control || tokenizer.kind(id)? != TokenKind::Control {
            self.pending.extend_from_slice(bytes);
        }
        Ok(self.complete())
    }

    /// The end of the stream: an unfinished character becomes U+FFFD. The decoder can then be used again.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        text
    }

    /// Takes everything out of `pending` that later bytes cannot change.
    fn complete(&mut self) -> String {
        let mut text = String::new();
        let mut rest = &self.pending[..];
        loop {
            match str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    // No length: the bytes may still become a character.
                    let Some(invalid) = error.error_len() else {
                        rest = after;
                        break;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[invalid..];
                }
            }
        }
        let done = self.pending.len() - rest.len();
        self.pending.drain(..done);
        text
    }
}
