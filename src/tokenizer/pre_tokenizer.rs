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
use table::{Rule, TABLE};

/// How a text is cut before byte-pair encoding: `tokenizer.ggml.pre` in a GGUF file.
#[derive(Clone, Debug)]
pub struct PreTokenizer {
    rule: &'static Rule,
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
        Ok(Self { rule, stages })
    }

    /// The names that this build knows, for messages.
    pub fn known() -> String {
        TABLE.iter().flat_map(|rule| rule.names).copied().collect::<Vec<_>>().join(", ")
    }

    /// The canonical GGUF name.
    pub fn name(&self) -> &'static str {
        self.rule.names.first().copied().unwrap_or_default()
    }

    /// Whether a piece that is a token as a whole becomes that token without asking the merges.
    pub(super) fn ignores_merges(&self) -> bool {
        self.rule.ignores_merges
    }

    /// Whether prompts start with a beginning of sequence where the file does not say.
    pub(super) fn adds_bos(&self) -> bool {
        self.rule.adds_bos
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
