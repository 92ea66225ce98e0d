//! Splitting text into the pieces (pre-tokens) that byte-pair encoding treats one by one.
//!
//! The published rules are regular expressions, one or several: each cuts what the one before has left. They look ahead in
//! one place, `\s+(?!\S)`, which would need a backtracking engine. Such an engine gives up on long texts, and Hugging
//! Face's `tokenizers` then silently ends the splitting. So that alternative is a rule beside the expression
//! (the function `spaces`), and the rest runs in linear time.

mod table;

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use crate::{Error, ErrorKind, Result};
use table::TABLE;
pub(super) use table::{GPT2, NUMBERS, PUNCTUATION};

/// How a text is cut before byte-pair encoding: `tokenizer.ggml.pre` in a GGUF file.
#[derive(Clone, Debug)]
pub struct PreTokenizer {
    name: &'static str,
    ignores_merges: bool,
    adds_bos: bool,
    stages: Vec<Stage>,
}

/// One expression: its matches are pieces, and so is what lies between them.
#[derive(Clone, Debug)]
struct Stage {
    /// Of two patterns the second is `\s+`, for white space that nothing else takes.
    regex: Regex,
}

/// The pattern of white space.
const SPACES: usize = 1;

impl Stage {
    fn new(pattern: &str) -> Result<Self> {
        // Both are one alternative to the regular expressions: the text is taken as it is anyway.
        let (main, has_spaces) = match pattern.strip_suffix(r"|\s+(?!\S)|\s+") {
            Some(main) => (main, true),
            None => (pattern, false),
        };
        let patterns = if has_spaces { vec![main, r"\s+"] } else { vec![main] };
        let regex = Regex::new_many(&patterns).map_err(|source| {
            Error::new(ErrorKind::Internal, format!("tokenizer: the expression {pattern} does not compile"))
                .with_source(source)
        })?;
        Ok(Self { regex })
    }

    /// Bytes of the first piece of `text`, which is not empty.
    fn first(&self, text: &str) -> usize {
        let found = self.regex.search_half(&Input::new(text).anchored(Anchored::Yes));
        match found.filter(|found| found.offset() > 0) {
            Some(found) if found.pattern().as_usize() == SPACES => spaces(&text[..found.offset()], text),
            Some(found) => found.offset(),
            None => self.regex.search(&Input::new(text)).map_or(text.len(), |found| found.start()),
        }
    }
}

/// `\s+(?!\S)|\s+` at a run of white space: the last character of several is left to the word that follows.
fn spaces(run: &str, text: &str) -> usize {
    let last = run.chars().next_back().map_or(0, char::len_utf8);
    if run.len() == text.len() || run.len() == last { run.len() } else { run.len() - last }
}

/// Whether an expression says `++`, `*+`, `?+` or `}+` outside of brackets. The engine here would take the second sign for a
/// repetition of the repetition.
fn has_possessive_repetition(pattern: &str) -> bool {
    let (mut depth, mut previous, mut chars) = (0, ' ', pattern.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                // A class such as \p{L} has braces that repeat nothing.
                if let Some('p' | 'P' | 'x' | 'u') = chars.next()
                    && chars.as_str().starts_with('{')
                {
                    chars.by_ref().find(|&c| c == '}');
                }
                previous = ' ';
                continue;
            }
            '[' => depth += 1,
            ']' if depth > 0 => depth -= 1,
            '+' if depth == 0 && matches!(previous, '+' | '*' | '?' | '}') => return true,
            _ => {}
        }
        previous = if depth == 0 { c } else { ' ' };
    }
    false
}

/// Where the pieces of each stage end that surround a place in a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(Vec<usize>);

impl PreTokenizer {
    /// The pre-tokenizer of a GGUF name.
    ///
    /// # Errors
    /// `Unsupported` for a name that this build does not know.
    pub fn from_name(name: &str) -> Result<Self> {
        let Some(rule) = TABLE.iter().find(|rule| rule.names.contains(&name)) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "tokenizer: pre-tokenizer {name:?} (tokenizer.ggml.pre) is unknown, expected one of {}; if you know \
                     which one fits, name it in the option preTokenizer",
                    Self::known()
                ),
            ));
        };
        let stages = rule.patterns.iter().map(|pattern| Stage::new(pattern)).collect::<Result<_>>()?;
        let name = rule.names.first().copied().unwrap_or_default();
        Ok(Self { name, ignores_merges: rule.ignores_merges, adds_bos: rule.adds_bos, stages })
    }

    /// The pre-tokenizer of a vocabulary that brings its expressions along, one after the other.
    ///
    /// # Errors
    /// `Unsupported` for an expression that needs more than a finite automaton: looking around, other than at the end of white space,
    /// possessive repetition, or a reference back.
    pub(super) fn from_patterns(patterns: &[String], ignores_merges: bool) -> Result<Self> {
        let stage = |pattern: &String| {
            let unsupported = |why: &str| {
                let message = format!("tokenizer: the expression {pattern:?} of its pre_tokenizer {why}");
                Error::new(ErrorKind::Unsupported, message)
            };
            if has_possessive_repetition(pattern) {
                return Err(unsupported("has a possessive repetition, which this build does not compute"));
            }
            Stage::new(pattern).map_err(|source| unsupported("is none that this build computes").with_source(source))
        };
        let stages = patterns.iter().map(stage).collect::<Result<_>>()?;
        Ok(Self { name: "tokenizer.json", ignores_merges, adds_bos: false, stages })
    }

    /// The names that this build knows, for messages.
    pub fn known() -> String {
        TABLE.iter().flat_map(|rule| rule.names).copied().collect::<Vec<_>>().join(", ")
    }

    /// The canonical GGUF name, or the file that brought the expressions along.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a piece that is a token as a whole becomes that token without asking the merges.
    pub(super) fn ignores_merges(&self) -> bool {
        self.ignores_merges
    }

    /// Whether prompts start with a beginning of sequence where the file does not say.
    pub(super) fn adds_bos(&self) -> bool {
        self.adds_bos
    }

    /// The pieces of `text`, in order; together they are the text.
    pub fn split<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a str> {
        let (mut at, mut ends) = (0, Ends::default());
        std::iter::from_fn(move || {
            let start = at;
            at = self.piece_end(text, at, &mut ends);
            (start < at).then(|| &text[start..at])
        })
    }

    /// The end of the piece of `text` that begins at byte `at`. `ends` is empty at the text's start, and what it was made
    /// afterwards: a piece is found where it lies in the pieces of the stages before.
    pub(super) fn piece_end(&self, text: &str, at: usize, ends: &mut Ends) -> usize {
        ends.0.resize(self.stages.len(), 0);
        let mut outer = text.len();
        for (stage, end) in self.stages.iter().zip(&mut ends.0) {
            if *end <= at && at < outer {
                *end = at + stage.first(&text[at..outer]);
            }
            outer = *end;
        }
        if at < text.len() { outer } else { at }
    }
}

#[cfg(test)]
mod tests;
