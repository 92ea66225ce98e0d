//! Tokens to text while they arrive: bytes are held back until they make whole characters.

use super::{TokenKind, Tokenizer};
use crate::Result;

/// Turns a stream of token ids into text. The pieces that come out, put together, are what
/// [`Tokenizer::decode`] makes of all ids at once; no piece ends within a character.
///
/// Where encoding puts a space before a text (at its start, and behind a special token), decoding takes one away.
#[derive(Clone, Debug)]
pub struct IncrementalDecoder {
    /// The start of a character whose end has not come yet: at most three bytes.
    pending: Vec<u8>,
    keep_control: bool,
    keep_spaces: bool,
    /// Nothing but special tokens came before.
    pub(super) is_start: bool,
}

impl Default for IncrementalDecoder {
    fn default() -> Self {
        Self { pending: Vec::new(), keep_control: false, keep_spaces: false, is_start: true }
    }
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

    /// From now on no space is taken away: the text is what the tokens stand for.
    pub fn keep_spaces(&mut self) {
        self.keep_spaces = true;
    }

    /// Takes the next token and returns the text that is complete now, which may be empty.
    ///
    /// # Errors
    /// `InvalidArgument` if the vocabulary has no such id.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String> {
        let mut text = String::new();
        self.push_to(tokenizer, id, &mut text)?;
        Ok(text)
    }

    /// As [`push`](Self::push), but appends to `text`.
    pub(super) fn push_to(&mut self, tokenizer: &Tokenizer, id: u32, text: &mut String) -> Result<()> {
        let bytes = tokenizer.token_bytes(id)?;
        let is_special = tokenizer.is_special(id)?;
        if self.keep_control || tokenizer.kind(id)? != TokenKind::Control {
            let has_prefix = self.is_start && !is_special && !self.keep_spaces && tokenizer.has_space_prefix();
            let prefix = if has_prefix { b" ".as_slice() } else { b"" };
            self.pending.extend_from_slice(bytes.strip_prefix(prefix).unwrap_or(bytes));
        }
        self.is_start = is_special;
        self.complete(text);
        Ok(())
    }

    /// The end of the stream: an unfinished character becomes U+FFFD. The decoder can then be used again.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending.clear();
        self.is_start = true;
        text
    }

    /// Takes everything out of `pending` that later bytes cannot change, to the end of `text`.
    fn complete(&mut self, text: &mut String) {
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
    }
}
