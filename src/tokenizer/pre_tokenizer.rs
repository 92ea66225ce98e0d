//! Splitting text into the pieces (pre-tokens) that byte-pair encoding treats one by one.
//!
//! The published rules are regular expressions with a look-ahead, which needs a backtracking engine; in Hugging Face's
//! `tokenizers` an error inside that engine silently ends the splitting, so a long text could lose its boundaries. The
//! two expressions that matter here are simple enough to be scanned by hand in linear time. The property tests below
//! compare the scanners with the expressions themselves.

use unicode_general_category::{GeneralCategory, get_general_category};

/// How a text is cut before byte-pair encoding: `tokenizer.ggml.pre` in a GGUF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreTokenizer {
    /// Llama 3. As a regular expression:
    /// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    LlamaBpe,
    /// GPT-2. As a regular expression:
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
}

/// What the expressions distinguish: `\p{L}`, `\p{N}`, `\s`, and the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Space,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' => Self::Letter,
            '0'..='9' => Self::Number,
            _ if c.is_whitespace() => Self::Space,
            _ if c.is_ascii() => Self::Other,
            _ => match get_general_category(c) {
                GeneralCategory::UppercaseLetter
                | GeneralCategory::LowercaseLetter
                | GeneralCategory::TitlecaseLetter
                | GeneralCategory::ModifierLetter
                | GeneralCategory::OtherLetter => Self::Letter,
                GeneralCategory::DecimalNumber | GeneralCategory::LetterNumber | GeneralCategory::OtherNumber => {
                    Self::Number
                }
                _ => Self::Other,
            },
        }
    }
}

impl PreTokenizer {
    /// The names that this build knows, for messages.
    pub const KNOWN: &'static str = "llama-bpe (llama3, llama-v3), gpt-2 (gpt2)";

    /// The pre-tokenizer of a GGUF name, if this build knows it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "llama-bpe" | "llama3" | "llama-v3" => Some(Self::LlamaBpe),
            "gpt-2" | "gpt2" => Some(Self::Gpt2),
            _ => None,
        }
    }

    /// The canonical GGUF name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LlamaBpe => "llama-bpe",
            Self::Gpt2 => "gpt-2",
        }
    }

    /// Whether a piece that is a token as a whole becomes that token without asking the merges.
    pub(super) const fn ignores_merges(self) -> bool {
        matches!(self, Self::LlamaBpe)
    }

    /// The pieces of `text`, in order; together they are the text.
    pub fn split(self, mut text: &str) -> impl Iterator<Item = &str> {
        std::iter::from_fn(move || {
            let first = text.chars().next()?;
            let (piece, rest) = text.split_at(match self {
                Self::LlamaBpe => llama_piece(text, first),
                Self::Gpt2 => gpt2_piece(text, first),
            });
            text = rest;
            Some(piece)
        })
    }
}

/// Bytes of the first piece of `text`, whose first character is `first`.
fn llama_piece(text: &str, first: char) -> usize {
    if let Some(length) = contraction(text, true) {
        return length;
    }
    match Class::of(first) {
        Class::Letter => return run(text, Class::Letter),
        Class::Number => {
            return text
                .char_indices()
                .take(3)
                .take_while(|&(_, c)| Class::of(c) == Class::Number)
                .fold(0, |_, (i, c)| i + c.len_utf8());
        }
        Class::Space | Class::Other => {}
    }
    if !matches!(first, '\r' | '\n') {
        let letters = run(&text[first.len_utf8()..], Class::Letter);
        if letters > 0 {
            return first.len_utf8() + letters;
        }
    }
    let blank = usize::from(first == ' ');
    let others = run(&text[blank..], Class::Other);
    if others > 0 {
        let end = blank + others;
        return end + text[end..].bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    }
    let spaces = &text[..run(text, Class::Space)];
    match spaces.rfind(['\r', '\n']) {
        Some(newline) => newline + 1,
        None => spaces_before_word(spaces, text),
    }
}

/// Bytes of the first piece of `text`, whose first character is `first`.
fn gpt2_piece(text: &str, first: char) -> usize {
    if let Some(length) = contraction(text, false) {
        return length;
    }
    let blank = usize::from(first == ' ');
    if let Some(c) = text[blank..].chars().next() {
        let class = Class::of(c);
        if class != Class::Space {
            return blank + run(&text[blank..], class);
        }
    }
    spaces_before_word(&text[..run(text, Class::Space)], text)
}

/// `\s+(?!\S)|\s+` at a run of white space: the last character of several is left to the word that follows.
fn spaces_before_word(spaces: &str, text: &str) -> usize {
    let last = spaces.chars().next_back().map_or(0, char::len_utf8);
    if spaces.len() == text.len() || spaces.len() == last { spaces.len() } else { spaces.len() - last }
}

/// Bytes of the longest prefix of `text` whose characters are all of `class`.
fn run(text: &str, class: Class) -> usize {
    text.char_indices().find(|&(_, c)| Class::of(c) != class).map_or(text.len(), |(i, _)| i)
}

/// Bytes of an English contraction ('s, 't, 're, 've, 'm, 'll, 'd) at the start of `text`.
fn contraction(text: &str, ignore_case: bool) -> Option<usize> {
    let mut chars = text.strip_prefix('\'')?.chars();
    let fold = |c: char| match c {
        // The long s is the one foreign character that Unicode's case folding maps to a letter used here.
        'ſ' if ignore_case => 's',
        _ if ignore_case => c.to_ascii_lowercase(),
        _ => c,
    };
    let first = chars.next()?;
    match fold(first) {
        's' | 't' | 'm' | 'd' => Some(1 + first.len_utf8()),
        head @ ('r' | 'v' | 'l') => {
            let tail = if head == 'l' { 'l' } else { 'e' };
            (fold(chars.next()?) == tail).then_some(3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
