//! How a text becomes the symbols that merge: bytes of a piece, or characters of a SentencePiece word.

use std::collections::{HashMap, HashSet};

use super::merges::Symbol;
use super::pre_tokenizer::{Ends, PreTokenizer};

/// What stands for a space in a SentencePiece vocabulary.
pub(super) const SPACE: char = '▁';

/// A tokenizer's kind.
pub(super) enum Scheme {
    /// Byte-level BPE (`gpt2`): the pre-tokenizer cuts pieces, their bytes are the symbols.
    Bytes { pre_tokenizer: PreTokenizer, bytes: Box<[u32; 256]> },
    /// SentencePiece BPE (`llama`): the whole text is one word of characters.
    SentencePiece(SentencePiece),
}

/// A SentencePiece vocabulary.
pub(super) struct SentencePiece {
    /// The tokens of one character, a space among them.
    pub(super) chars: HashMap<char, u32>,
    /// The tokens of single bytes, for characters that are no tokens.
    pub(super) bytes: Option<Box<[u32; 256]>>,
    /// The token of unknown characters, where there are no bytes.
    pub(super) unknown: Option<u32>,
    /// Where a space is put before a text.
    pub(super) space_prefix: SpacePrefix,
    /// The characters that stand before a space within some token. Behind all others no merge crosses the start of a word,
    /// so the text can be cut there.
    pub(super) before_space: HashSet<char>,
}

/// Where a space is put before a text, so that its first word is spelled as in the middle of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpacePrefix {
    /// Nowhere.
    Never,
    /// At the start, and behind each special token.
    Always,
    /// In the same places, but not before a space.
    UnlessSpace,
    /// At the very start alone, and not before a space.
    First,
}

impl From<bool> for SpacePrefix {
    fn from(is_added: bool) -> Self {
        if is_added { Self::Always } else { Self::Never }
    }
}

impl Scheme {
    /// The end of the piece of `text` that begins at byte `at`.
    pub(super) fn piece_end(&self, text: &str, at: usize, ends: &mut Ends) -> usize {
        match self {
            Self::Bytes { pre_tokenizer, .. } => pre_tokenizer.piece_end(text, at, ends),
            Self::SentencePiece(vocabulary) => at + vocabulary.word_end(&text[at..]),
        }
    }

    /// The symbol of `text` at byte `at`, and its bytes.
    pub(super) fn symbol(&self, text: &str, at: usize) -> (Symbol, usize) {
        match self {
            Self::Bytes { bytes, .. } => (Symbol::Token(bytes[usize::from(text.as_bytes()[at])]), 1),
            Self::SentencePiece(vocabulary) => {
                let c = text[at..].chars().next().unwrap_or(' ');
                (vocabulary.symbol(c), c.len_utf8())
            }
        }
    }

    /// The symbol that is put before what stands at byte `at` of `text`, where nothing but special tokens came before.
    pub(super) fn prefix(&self, text: &str, at: usize) -> Option<Symbol> {
        let Self::SentencePiece(vocabulary) = self else { return None };
        let is_put = match vocabulary.space_prefix {
            SpacePrefix::Never => false,
            SpacePrefix::Always => true,
            SpacePrefix::UnlessSpace => !text[at..].starts_with([' ', SPACE]),
            SpacePrefix::First => at == 0 && !text.starts_with([' ', SPACE]),
        };
        is_put.then(|| vocabulary.symbol(' '))
    }

    /// Whether spaces are put before texts.
    pub(super) fn has_prefix(&self) -> bool {
        matches!(self, Self::SentencePiece(vocabulary) if vocabulary.space_prefix != SpacePrefix::Never)
    }

    /// Appends what stands for a character that is no token. Unknown ones in a row are one unknown token, as far back as
    /// `start`.
    pub(super) fn fall_back(&self, c: char, start: usize, ids: &mut Vec<u32>) {
        let Self::SentencePiece(SentencePiece { bytes, unknown, .. }) = self else { return };
        if let Some(bytes) = bytes {
            ids.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| bytes[usize::from(byte)]));
        } else if let Some(unknown) = unknown
            && (ids.len() == start || ids.last() != Some(unknown))
        {
            ids.push(*unknown);
        }
    }
}

impl SentencePiece {
    fn symbol(&self, c: char) -> Symbol {
        let c = if c == ' ' { SPACE } else { c };
        self.chars.get(&c).map_or(Symbol::Char(c), |&id| Symbol::Token(id))
    }

    /// Bytes of the first word of `text`: the spaces before it belong to it.
    fn word_end(&self, text: &str) -> usize {
        let mut previous = SPACE;
        for (at, c) in text.char_indices() {
            let c = if c == ' ' { SPACE } else { c };
            if c == SPACE && previous != SPACE && !self.before_space.contains(&previous) {
                return at;
            }
            previous = c;
        }
        text.len()
    }
}
