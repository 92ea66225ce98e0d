//! Text to tokens in steps, so that a long text blocks nobody for long.

use super::Tokenizer;
use crate::Result;

/// Where a special token stands in a text, and its id.
type Place = (usize, usize, u32);

/// A text on its way into tokens. It is cut between two pieces of the pre-tokenizer, which look ahead but never back: the
/// ids are the same in steps of any size.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// Whether control tokens are recognised.
    allow_special: bool,
    /// Bytes of the text that are done.
    at: usize,
    /// The next control token, once it was looked for; `Some(None)`: there is none.
    control: Option<Option<Place>>,
    /// The next user-defined token before that, likewise.
    user_defined: Option<Option<Place>>,
    ids: Vec<u32>,
}

impl Encoding {
    /// The start of a text in which control tokens are recognised or not.
    pub fn new(allow_special: bool) -> Self {
        Self { allow_special, at: 0, control: None, user_defined: None, ids: Vec::new() }
    }

    /// The ids so far.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The ids so far, for good.
    pub fn into_ids(self) -> Vec<u32> {
        self.ids
    }

    /// Goes on for `bytes` bytes of `text`, which must be the same in every step, or to the end of the piece that begins
    /// there. Returns whether the text is done.
    ///
    /// # Errors
    /// `Internal` if the byte-pair encoding fails.
    pub fn step(&mut self, tokenizer: &Tokenizer, text: &str, bytes: usize) -> Result<bool> {
        let until = self.at.saturating_add(bytes);
        let mut spelled = String::new();
        loop {
            let (at, allow_special) = (self.at, self.allow_special);
            let find_control = || if allow_special { tokenizer.control.find(text, at) } else { None };
            let control = *self.control.get_or_insert_with(find_control);
            let before_control = &text[..control.map_or(text.len(), |(start, ..)| start)];
            let find_user_defined = || tokenizer.user_defined.find(before_control, at);
            let user_defined = *self.user_defined.get_or_insert_with(find_user_defined);
            let end = user_defined.map_or(before_control.len(), |(start, ..)| start);
            for piece in tokenizer.pre_tokenizer.split(&text[at..end]) {
                if self.at >= until {
                    return Ok(false);
                }
                tokenizer.encode_piece(piece, &mut spelled, &mut self.ids)?;
                self.at += piece.len();
            }
            let Some((_, behind, id)) = user_defined.or(control) else { return Ok(true) };
            if user_defined.is_none() {
                self.control = None;
            }
            self.user_defined = None;
            self.ids.push(id);
            self.at = behind;
        }
    }
}
