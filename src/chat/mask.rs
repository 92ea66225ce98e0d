//! Telling the template's text from the contents after rendering.
//!
//! Contents pass through arbitrary template code (trim, capitalize, slices), so their place in the result cannot be
//! computed. Instead the characters with which control tokens begin and end are replaced, in the contents only, by
//! private-use characters that occur nowhere else. The template runs on that, and a control token in its result can
//! only be one that the template wrote. Private-use characters are no white space and have no case, so a template
//! treats them as it treats the `<`, `|` and `>` that they stand for; where it does not, the caller sees that the
//! result, turned back, is another one.

use std::collections::{BTreeSet, HashSet};

use super::ChatPrompt;
use crate::tokenizer::Tokenizer;
use crate::{Error, ErrorKind, Result};

/// The first and last characters of all control tokens, sorted.
pub(super) fn edges(tokenizer: &Tokenizer) -> Vec<char> {
    let edges: BTreeSet<char> =
        tokenizer.control_tokens().flat_map(|text| [text.chars().next(), text.chars().next_back()]).flatten().collect();
    edges.into_iter().collect()
}

/// The control tokens found in `text`, in order.
pub(super) fn control_ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let mut at = 0;
    std::iter::from_fn(|| {
        let (_, end, id) = tokenizer.find_control(text, at)?;
        at = end;
        Some(id)
    })
    .collect()
}

/// A substitution of characters and its inverse.
pub(super) struct Mask {
    /// (character, its stand-in), sorted by character; the stand-ins ascend too.
    pairs: Vec<(char, char)>,
}

impl Mask {
    /// Chooses stand-ins for `edges` (sorted) that occur in none of `texts`.
    ///
    /// # Errors
    /// `ChatTemplate` if the texts use up all private-use characters.
    pub(super) fn new<'a>(edges: &[char], texts: impl Iterator<Item = &'a str>) -> Result<Self> {
        let private = || ('\u{E000}'..='\u{F8FF}').chain('\u{F0000}'..='\u{FFFFD}').chain('\u{100000}'..='\u{10FFFD}');
        let used: HashSet<char> = texts.flat_map(str::chars).filter(|&c| c >= '\u{E000}').collect();
        let free = private().filter(|c| !used.contains(c));
        let pairs: Vec<(char, char)> = edges.iter().copied().zip(free).collect();
        if pairs.len() < edges.len() {
            return Err(Error::new(ErrorKind::ChatTemplate, "the messages use up all private-use characters"));
        }
        Ok(Self { pairs })
    }

    fn stand_in(&self, c: char) -> char {
        self.pairs.binary_search_by_key(&c, |&(from, _)| from).map_or(c, |found| self.pairs[found].1)
    }

    /// `content` with every edge masked.
    pub(super) fn hide(&self, content: &str) -> String {
        content.chars().map(|c| self.stand_in(c)).collect()
    }

    /// `content` with the edges of what spells a control token masked; letter case is ignored, since a template may
    /// change it.
    pub(super) fn hide_control(&self, tokenizer: &Tokenizer, content: &str) -> String {
        let lower = content.to_ascii_lowercase();
        let mut places = HashSet::new();
        for token in tokenizer.control_tokens().filter(|token| !token.is_empty()) {
            let token = token.to_ascii_lowercase();
            let last = token.char_indices().next_back().map_or(0, |(i, _)| i);
            // One byte at a time, since occurrences may overlap.
            let mut at = 0;
            while let Some(found) = lower[at..].find(&token) {
                places.extend([at + found, at + found + last]);
                at += found + token.chars().next().map_or(1, char::len_utf8);
            }
        }
        content.char_indices().map(|(i, c)| if places.contains(&i) { self.stand_in(c) } else { c }).collect()
    }

    /// The inverse of both.
    pub(super) fn reveal(&self, text: &str) -> String {
        text.chars()
            .map(|c| self.pairs.binary_search_by_key(&c, |&(_, to)| to).map_or(c, |found| self.pairs[found].0))
            .collect()
    }

    /// The prompt of a masked rendering: cut at the control tokens that are still visible, so that everything between
    /// two of them is tokenized as one text.
    pub(super) fn prompt(&self, tokenizer: &Tokenizer, masked: &str) -> Result<ChatPrompt> {
        let mut ids = Vec::new();
        let mut at = 0;
        while let Some((start, end, id)) = tokenizer.find_control(masked, at) {
            tokenizer.encode_text(&self.reveal(&masked[at..start]), &mut ids)?;
            ids.push(id);
            at = end;
        }
        tokenizer.encode_text(&self.reveal(&masked[at..]), &mut ids)?;
        if tokenizer.add_bos() {
            tokenizer.prepend_bos(&mut ids)?;
        }
        Ok(ChatPrompt { text: self.reveal(masked), ids })
    }
}
