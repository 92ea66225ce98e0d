//! GBNF, llama.cpp's notation of grammars, said in the library's: <https://github.com/ggml-org/llama.cpp/tree/master/grammars>.
//!
//! A GBNF grammar derives characters one by one. The library cuts a text into terminals first, and each of them takes as much as it
//! can; that is what makes it fast, and it would refuse texts that the grammar derives in another way. So a part of a grammar
//! becomes one terminal only where taking as much as it can is never wrong; see [`split`].

mod automaton;
mod chars;
mod expression;
mod lark;
mod parse;
mod split;

use crate::{Error, Result};

/// The most characters of an expression that becomes one terminal, its repetitions counted once.
const MOST_OF_TERMINAL: usize = 300;

/// The most parts of an expression within each other.
const DEEPEST: usize = 100;

/// Whether a grammar is in this notation: its first rule has the sign that no other notation has.
pub(crate) fn is_gbnf(grammar: &str) -> bool {
    let first = grammar.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with(['#', '/']));
    let name = first.and_then(|line| line.split_once("::=")).map(|(name, _)| name.trim());
    name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)))
}

/// The same grammar in the library's variant of Lark's notation, where it begins with `start`.
///
/// # Errors
/// Where and how the grammar is wrong, or what it uses that cannot be said.
pub(crate) fn to_lark(grammar: &str) -> Result<String> {
    let refused = |message| Error::new(format!("the GBNF grammar cannot be enforced: {message}"));
    let grammar = parse::parse(grammar).map_err(|message| Error::new(format!("the GBNF grammar: {message}")))?;
    let grammar =
        grammar.without_endless().ok_or_else(|| refused("no text satisfies it: its rules never come to an end"))?;
    Ok(lark::write(&split::split(&grammar)))
}
