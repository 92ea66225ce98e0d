//! Text to tokens in steps, so that a long text blocks nobody for long.

use std::borrow::Cow;

use super::Tokenizer;
use super::merges::{Symbol, Word};
use super::pre_tokenizer::Ends;
use super::scheme::Scheme;
use crate::Result;

/// Where a special token stands in a text, and its id.
type Place = (usize, usize, u32);

/// A text on its way into tokens. The ids are the same in steps of any size: a step ends anywhere, also within a word.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// Whether control tokens are recognised.
    allow_special: bool,
    /// The text in the form that it is encoded in, where that is another one.
    normalized: Option<String>,
    /// The text was looked at.
    has_begun: bool,
    /// Bytes of the text that are done, or are in `word`.
    at: usize,
    /// Where the last special token ends, but for the white space that it takes: the next one is looked for from there.
    from: usize,
    /// Nothing but special tokens came before.
    is_start: bool,
    /// The next control token, once it was looked for; `Some(None)`: there is none.
    control: Option<Option<Place>>,
    /// The next user-defined token before that, likewise.
    user_defined: Option<Option<Place>>,
    /// What the pre-tokenizer remembers.
    ends: Ends,
    /// The end of the piece whose symbols are in `word`, or on their way there.
    piece_end: Option<usize>,
    word: Word,
    ids: Vec<u32>,
}

impl Encoding {
    /// The start of a text in which control tokens are recognised or not.
    pub fn new(allow_special: bool) -> Self {
        Self {
            allow_special,
            normalized: None,
            has_begun: false,
            at: 0,
            from: 0,
            is_start: true,
            control: None,
            user_defined: None,
            ends: Ends::default(),
            piece_end: None,
            word: Word::default(),
            ids: Vec::new(),
        }
    }

    /// The ids so far.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The ids so far, for good.
    pub fn into_ids(self) -> Vec<u32> {
        self.ids
    }

    /// Goes on with `text`, which must be the same in every step, for `work` bytes or merges. Returns whether the text is
    /// done.
    ///
    /// # Errors
    /// `OutOfMemory` for a word that does not fit into memory.
    pub fn step(&mut self, tokenizer: &Tokenizer, text: &str, work: usize) -> Result<bool> {
        if !std::mem::replace(&mut self.has_begun, true)
            && let Cow::Owned(normalized) = tokenizer.normalized(text, self.allow_special)
        {
            self.normalized = Some(normalized);
        }
        let normalized = self.normalized.take();
        let done = self.advance(tokenizer, normalized.as_deref().unwrap_or(text), work);
        self.normalized = normalized;
        done
    }

    fn advance(&mut self, tokenizer: &Tokenizer, text: &str, work: usize) -> Result<bool> {
        let mut left = work.max(1);
        loop {
            let (from, allow_special) = (self.from, self.allow_special);
            let find_control = || if allow_special { tokenizer.control.find(text, from) } else { None };
            let control = *self.control.get_or_insert_with(find_control);
            // The one that begins first, and of two the longer one.
            let find_user_defined = || {
                let Some((start, end, _)) = control else { return tokenizer.user_defined.find(text, from) };
                let found = tokenizer.user_defined.find_before(text, from, start + 1);
                found.filter(|found| found.0 < start || found.1 > end)
            };
            let user_defined = *self.user_defined.get_or_insert_with(find_user_defined);
            let end = self.end_before(tokenizer, text, user_defined.or(control));
            while self.at < end || self.piece_end.is_some() {
                if !self.piece(tokenizer, &text[..end], &mut left)? {
                    return Ok(false);
                }
            }
            let Some((_, behind, id)) = user_defined.or(control) else { return Ok(true) };
            if user_defined.is_none() || control.is_some_and(|(start, ..)| start < behind) {
                self.control = None;
            }
            self.user_defined = None;
            self.is_start = true;
            self.ids.push(id);
            self.from = behind;
            let takes_space = tokenizer.edges(id).takes_space_behind;
            let space = if takes_space { text.len() - behind - text[behind..].trim_start().len() } else { 0 };
            // Of white space that is a token itself, as the crate has it: that token is found as well.
            self.at = behind + space;
        }
    }

    /// Where the text before `special` ends, which may take the white space there.
    fn end_before(&self, tokenizer: &Tokenizer, text: &str, special: Option<Place>) -> usize {
        let Some((start, _, id)) = special else { return text.len() };
        match text.get(self.at..start) {
            Some(before) if tokenizer.edges(id).takes_space_before => self.at + before.trim_end().len(),
            _ => start,
        }
    }

    /// Goes on with the piece at hand, or begins the next one. Returns whether it is done; if not, no work is left.
    fn piece(&mut self, tokenizer: &Tokenizer, text: &str, left: &mut usize) -> Result<bool> {
        if *left == 0 {
            return Ok(false);
        }
        let scheme = &tokenizer.scheme;
        let end = match self.piece_end {
            Some(end) => end,
            None => {
                let end = scheme.piece_end(text, self.at, &mut self.ends);
                if let Some(id) = tokenizer.whole_piece(&text[self.at..end]) {
                    *left = left.saturating_sub(end - self.at);
                    (self.at, self.is_start) = (end, false);
                    self.ids.push(id);
                    return Ok(true);
                }
                self.word.begin(1 + end - self.at)?;
                if let Some(prefix) = scheme.prefix(text, self.at).filter(|_| self.is_start) {
                    self.word.push(&tokenizer.merges, prefix);
                }
                *self.piece_end.insert(end)
            }
        };
        while self.at < end {
            if *left == 0 {
                return Ok(false);
            }
            *left -= 1;
            let (symbol, bytes) = scheme.symbol(text, self.at);
            self.word.push(&tokenizer.merges, symbol);
            self.at += bytes;
        }
        if !self.word.merge(&tokenizer.merges, left)? {
            return Ok(false);
        }
        emit(scheme, &self.word, self.is_start, &mut self.ids);
        self.word.begin(0)?;
        (self.piece_end, self.is_start) = (None, false);
        Ok(true)
    }
}

/// Appends the ids of a word; characters that are no tokens become their bytes, or the unknown token.
fn emit(scheme: &Scheme, word: &Word, is_start: bool, ids: &mut Vec<u32>) {
    let start = if is_start { ids.len() } else { 0 };
    for symbol in word.symbols() {
        match symbol {
            Symbol::Token(id) => ids.push(id),
            Symbol::Char(c) => scheme.fall_back(c, start, ids),
        }
    }
}
