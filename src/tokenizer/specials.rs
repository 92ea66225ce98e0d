//! Finding special tokens in a text: the leftmost, and of those that start there the longest.

use std::collections::HashMap;

use regex_automata::meta::Regex;

use crate::{Error, ErrorKind, Result};

/// Real special tokens have tens of bytes; the bound keeps a hostile file from making the search quadratic.
const MAX_BYTES: usize = 512;

/// What a token asks of the text around it, as an added token of a `tokenizer.json` may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// The white space before it belongs to it (`lstrip`).
    pub takes_space_before: bool,
    /// The white space behind it belongs to it (`rstrip`).
    pub takes_space_behind: bool,
    /// It is found between other characters than those of words only (`single_word`).
    pub is_word: bool,
}

/// A set of strings, each with its token id.
#[derive(Default)]
pub(super) struct Specials {
    /// Sorted by text.
    tokens: Vec<(Box<str>, u32)>,
    /// Whether some token starts with this byte.
    starts: Vec<bool>,
    /// Of the tokens that ask something of the text around them.
    edges: HashMap<u32, Edges>,
    /// A character of a word at the start of a text, and at its end: where `edges` ask for that.
    word: Option<[Regex; 2]>,
}

impl Specials {
    /// # Errors
    /// `InvalidModel` if a text is longer than any real special token.
    pub(super) fn new(mut tokens: Vec<(Box<str>, u32)>) -> Result<Self> {
        // An empty token would be found everywhere.
        tokens.retain(|(text, _)| !text.is_empty());
        if let Some((text, id)) = tokens.iter().find(|(text, _)| text.len() > MAX_BYTES) {
            return Err(Error::new(
                ErrorKind::InvalidModel,
                format!("tokenizer: special token {id} has {} bytes, expected at most {MAX_BYTES}", text.len()),
            ));
        }
        tokens.sort();
        let mut starts = vec![false; 256];
        for (text, _) in &tokens {
            starts[usize::from(text.as_bytes()[0])] = true;
        }
        Ok(Self { tokens, starts, edges: HashMap::new(), word: None })
    }

    /// The same, with what its tokens ask of the text around them.
    ///
    /// # Errors
    /// `Internal` if an expression of this crate is none.
    pub(super) fn with_edges(self, edges: &[(u32, Edges)]) -> Result<Self> {
        let is_own = |id: u32| self.tokens.iter().any(|(_, own)| *own == id);
        let edges: HashMap<u32, Edges> = edges.iter().copied().filter(|(id, _)| is_own(*id)).collect();
        let regex = |pattern| {
            Regex::new(pattern)
                .map_err(|source| Error::new(ErrorKind::Internal, "tokenizer: characters of words").with_source(source))
        };
        let asks = edges.values().any(|edges| edges.is_word);
        let word = if asks { Some([regex(r"\A\w")?, regex(r"\w\z")?]) } else { None };
        Ok(Self { edges, word, ..self })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The id of the token with exactly this text.
    pub(super) fn id(&self, text: &str) -> Option<u32> {
        // Asked of every token of a vocabulary, hardly one of which looks like a special one.
        if !*self.starts.get(usize::from(*text.as_bytes().first()?))? {
            return None;
        }
        let found = self.tokens.binary_search_by(|(token, _)| token.as_ref().cmp(text)).ok()?;
        Some(self.tokens[found].1)
    }

    /// The texts, sorted.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(|(text, _)| text.as_ref())
    }

    /// The first special token at or after byte `from` of `text`: its start, its end and its id. The white space that it takes
    /// is not counted in.
    pub(super) fn find(&self, text: &str, from: usize) -> Option<(usize, usize, u32)> {
        self.find_before(text, from, text.len())
    }

    /// The same of those that start before byte `end`.
    pub(super) fn find_before(&self, text: &str, from: usize, end: usize) -> Option<(usize, usize, u32)> {
        if self.is_empty() {
            return None;
        }
        let mut at = from;
        loop {
            let (start, behind, id) = self.find_text(text, at, end)?;
            if !(self.edges(id).is_word && self.is_within_word(text, start, behind)) {
                return Some((start, behind, id));
            }
            at = behind;
        }
    }

    /// What a token asks of the text around it.
    pub(super) fn edges(&self, id: u32) -> Edges {
        self.edges.get(&id).copied().unwrap_or_default()
    }

    /// The same, whatever it asks of the text around it.
    fn find_text(&self, text: &str, from: usize, end: usize) -> Option<(usize, usize, u32)> {
        let bytes = text.as_bytes();
        (from..end.min(bytes.len())).filter(|&start| self.starts[usize::from(bytes[start])]).find_map(|start| {
            let (length, id) = self.longest_at(&bytes[start..])?;
            Some((start, start + length, id))
        })
    }

    fn is_within_word(&self, text: &str, start: usize, end: usize) -> bool {
        let Some([at_start, at_end]) = &self.word else { return false };
        // One character tells: no more of a long text is looked at.
        let last = text[..start].char_indices().next_back().map_or(0, |(at, _)| at);
        at_end.is_match(&text[last..start]) || at_start.is_match(&text[end..])
    }

    /// The longest token that `bytes` starts with. The candidates are a range of the sorted list, which narrows with
    /// each byte; the shortest of a range, the one that ends here, is its first.
    fn longest_at(&self, bytes: &[u8]) -> Option<(usize, u32)> {
        let mut candidates = &self.tokens[..];
        let mut longest = None;
        for (depth, &byte) in bytes.iter().enumerate() {
            let at = |token: &(Box<str>, u32)| token.0.as_bytes().get(depth).copied();
            let low = candidates.partition_point(|token| at(token) < Some(byte));
            let high = candidates.partition_point(|token| at(token) <= Some(byte));
            candidates = &candidates[low..high];
            let Some((first, id)) = candidates.first() else { break };
            if first.len() == depth + 1 {
                longest = Some((depth + 1, *id));
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specials(texts: &[&str]) -> Specials {
        Specials::new(texts.iter().zip(0..).map(|(&text, id)| (text.into(), id)).collect()).unwrap()
    }

    #[test]
    fn the_leftmost_and_then_the_longest_is_found() {
        let set = specials(&["<a>", "<a><b>", "b", "<a><b><c>", "é"]);
        assert_eq!(set.find("x<a><b>", 0), Some((1, 7, 1)));
        assert_eq!(set.find("x<a><b><", 0), Some((1, 7, 1)));
        assert_eq!(set.find("x<a><b><c>", 0), Some((1, 10, 3)));
        assert_eq!(set.find("x<a><b>", 2), Some((5, 6, 2)));
        assert_eq!(set.find("<a", 0), None);
        assert_eq!(set.find("xé", 0), Some((1, 3, 4)));
        assert_eq!(specials(&[]).find("x", 0), None);
        assert_eq!(set.id("<a><b>"), Some(1));
        assert_eq!(set.id("<a><"), None);
    }

    #[test]
    fn a_token_keeps_out_of_words() {
        let edges = Edges { is_word: true, ..Edges::default() };
        let set = specials(&["wörd", "<n>"]).with_edges(&[(0, edges), (5, edges)]).unwrap();
        assert_eq!(set.find("wörds sword wörd_ wörd.", 0), Some((20, 25, 0)));
        assert_eq!(set.find("wördwörd", 0), None);
        assert_eq!(set.find("a<n>a", 0), Some((1, 4, 1)));
        assert_eq!([0, 1, 5].map(|id| set.edges(id).is_word), [true, false, false]);
    }

    #[test]
    fn an_empty_token_is_never_found_and_a_huge_one_is_refused() {
        assert_eq!(specials(&["", "z"]).find("xz", 0), Some((1, 2, 1)));
        let error = Specials::new(vec![("x".repeat(MAX_BYTES + 1).into(), 7)]).err().unwrap();
        assert!(error.to_string().contains("special token 7"), "{error}");
    }
}
