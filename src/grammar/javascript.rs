//! JavaScript's regular expressions, said in the library's notation with exactly their meaning.
//!
//! The library reads the notation of Rust's `regex` crate, in which the same signs mean other things: `.` takes `\r` and U+2028,
//! `\s` takes U+0085 and not U+FEFF, `[a&&b]` is an intersection, `\z` an end, `a{,3}` a repetition, and `^` may stand in a
//! repetition. So an expression is parsed as ECMA-262 has it, every class becomes a set of characters, and anchors are
//! resolved: what is written has nothing but characters, sets, groups, `|` and repetitions.
//!
//! Without the flags `u` and `v` JavaScript counts in units of UTF-16, of which a character above U+FFFF takes two. Those are
//! written only where a set may repeat without end, so that two units are allowed wherever one is.

mod class;
mod parse;
mod set;
mod write;

use regex_syntax::hir::ClassUnicode;

/// What is wrong with an expression, or cannot be enforced: the end of a sentence.
type Parsed<T> = Result<T, String>;

/// The flags that change what an expression matches.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `u` or `v`.
    unicode: bool,
    /// `v`.
    sets: bool,
    /// `i`
    ignore_case: bool,
    /// `s`
    dot_all: bool,
}

/// A part of an expression. Groups are gone.
#[derive(Clone, Debug)]
enum Node {
    Char(char),
    Set(ClassUnicode),
    /// `^`
    Start,
    /// `$`
    End,
    Look(Look, Box<Node>),
    /// One behind the other; none: the empty text.
    Sequence(Vec<Node>),
    Choice(Vec<Node>),
    /// At least so often, and at most.
    Repeat(Box<Node>, u32, Option<u32>),
}

/// What looks at the text around a place, and takes nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    is_ahead: bool,
    /// Whether it must not be there.
    is_negated: bool,
}

/// An expression in the library's notation: texts that it matches from their start to their end.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) main: String,
    /// Expressions that match the text as well.
    pub(crate) also: Vec<String>,
    /// Expressions that do not match it.
    pub(crate) not: Vec<String>,
}

/// Which texts an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Those that it matches from their start to their end.
    Whole,
    /// Those in which it is found, as JSON schemas have it.
    Search,
}

/// An expression in the library's notation for one text.
pub(crate) fn escape(text: &str) -> String {
    regex_syntax::escape(text)
}

/// The expression in the library's notation, for whole texts.
///
/// Without `flags` it is read as with `u`, and where that is an error as without.
///
/// # Errors
/// What is wrong with it, or cannot be enforced.
pub(crate) fn translate(pattern: &str, flags: Option<&str>, wanted: Match) -> Parsed<Written> {
    let has = |flag| flags.is_some_and(|flags| flags.contains(flag));
    let given = Flags {
        unicode: has('u') || has('v') || flags.is_none(),
        sets: has('v'),
        ignore_case: has('i'),
        dot_all: has('s'),
    };
    let attempt = |flags: Flags| {
        let node = parse::parse(pattern, flags)?;
        write::write(&node, flags.unicode, wanted)
    };
    let attempted = attempt(given);
    // What these say with `u` nobody means to be a text.
    let is_unicode = ["\\p{", "\\P{", "\\u{"].iter().any(|escape| pattern.contains(escape));
    let written = if flags.is_none() && !is_unicode {
        // The first reason is the better one where neither works.
        attempted.or_else(|reason| attempt(Flags::default()).map_err(|_| reason))
    } else {
        attempted
    };
    written.map_err(|reason| format!("/{pattern}/: {reason}"))
}
