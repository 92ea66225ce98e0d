//! Stop texts: they end a generation and do not belong to it.

use crate::{Error, ErrorKind, Result};

/// More would only slow every token down.
const MAX_STOPS: usize = 64;

/// An item of a stream: a character of the text, or a control token, which has no text in an answer but may stand
/// in a stop text by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Symbol {
    Char(char),
    Control(u32),
}

/// A stop text in one of its spellings.
#[derive(Clone, Debug)]
struct Stop {
    /// Which of the caller's texts it is.
    index: usize,
    symbols: Vec<Symbol>,
}

/// Looks for stop texts in a text that comes in pieces. Text that may be the beginning of one is held back. What is
/// found does not depend on where the pieces are cut: the stop text that is complete first, and of several the longest.
#[derive(Clone, Debug)]
pub struct StopMatcher {
    texts: Vec<String>,
    stops: Vec<Stop>,
    /// A proper prefix of some stop text, or empty.
    held: Vec<Symbol>,
}

/// The outcome of a piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Text that belongs to the answer for certain.
    pub text: String,
    /// The stop text that came after it.
    pub stop: Option<String>,
}

impl StopMatcher {
    /// A matcher for `texts`, which may be none. `find_control` gives the first control token at or after a byte of a
    /// text: its start, its end and its id. Such a text is found in both spellings, with the token and letter by letter.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty text or too many.
    pub fn new(texts: Vec<String>, find_control: impl Fn(&str, usize) -> Option<(usize, usize, u32)>) -> Result<Self> {
        let invalid = |context: String| Err(Error::new(ErrorKind::InvalidArgument, context));
        if texts.len() > MAX_STOPS {
            return invalid(format!("stop: expected at most {MAX_STOPS} texts, found {}", texts.len()));
        }
        if let Some(index) = texts.iter().position(String::is_empty) {
            return invalid(format!("stop[{index}]: expected a text, found an empty one, which is everywhere"));
        }
        let mut stops = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            stops.push(Stop { index, symbols: chars(text).collect() });
            let (mut symbols, mut at) = (Vec::new(), 0);
            while let Some((start, end, id)) = find_control(text, at) {
                symbols.extend(chars(&text[at..start]));
                symbols.push(Symbol::Control(id));
                at = end;
            }
            if at > 0 {
                symbols.extend(chars(&text[at..]));
                stops.push(Stop { index, symbols });
            }
        }
        Ok(Self { texts, stops, held: Vec::new() })
    }

    /// The next piece of text.
    pub fn push(&mut self, text: &str) -> Found {
        self.held.extend(chars(text));
        self.advance()
    }

    /// A control token came.
    pub fn push_control(&mut self, id: u32) -> Found {
        self.held.push(Symbol::Control(id));
        self.advance()
    }

    /// The text has ended: what was held back belongs to it after all.
    pub fn finish(&mut self) -> String {
        text_of(&std::mem::take(&mut self.held))
    }

    fn advance(&mut self) -> Found {
        let first = self.stops.iter().filter_map(|stop| {
            let length = stop.symbols.len();
            let start = self.held.windows(length).position(|window| window == stop.symbols)?;
            Some((start + length, start, stop.index))
        });
        if let Some((_, start, index)) = first.min() {
            let text = text_of(&self.held[..start]);
            self.held.clear();
            return Found { text, stop: Some(self.texts[index].clone()) };
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, &stop.symbols)).max().unwrap_or(0);
        let held = self.held.split_off(self.held.len() - keep);
        Found { text: text_of(&std::mem::replace(&mut self.held, held)), stop: None }
    }
}

fn chars(text: &str) -> impl Iterator<Item = Symbol> {
    text.chars().map(Symbol::Char)
}

fn text_of(symbols: &[Symbol]) -> String {
    let chars = symbols.iter().filter_map(|symbol| match symbol {
        Symbol::Char(c) => Some(*c),
        Symbol::Control(_) => None,
    });
    chars.collect()
}

/// The longest proper prefix of `stop` that `held` ends with.
fn overlap(held: &[Symbol], stop: &[Symbol]) -> usize {
    (0..stop.len()).rev().find(|&length| held.ends_with(&stop[..length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `<0>` to `<9>` are control tokens.
    fn find_control(text: &str, from: usize) -> Option<(usize, usize, u32)> {
        let is_control = |window: &[u8]| window[0] == b'<' && window[1].is_ascii_digit() && window[2] == b'>';
        let start = from + text.as_bytes()[from..].windows(3).position(is_control)?;
        Some((start, start + 3, u32::from(text.as_bytes()[start + 1] - b'0')))
    }

    fn matcher(stops: &[&str]) -> StopMatcher {
        StopMatcher::new(stops.iter().map(|&s| s.into()).collect(), find_control).unwrap()
    }

    fn found(text: &str, stop: &str) -> Found {
        Found { text: text.into(), stop: Some(stop.into()).filter(|stop: &String| !stop.is_empty()) }
    }

    #[test]
    fn text_is_held_back_while_it_may_be_a_stop_text() {
        let mut stop = matcher(&["User:", "\n\n"]);
        assert_eq!(stop.push("Hi Us"), found("Hi ", ""));
        assert_eq!(stop.push("ual\n"), found("Usual", ""));
        assert_eq!(stop.push("User"), found("\n", ""));
        assert_eq!(stop.push(": more"), found("", "User:"));
        assert_eq!(stop.push("a\n"), found("a", ""));
        assert_eq!(stop.finish(), "\n");
        assert_eq!(stop.finish(), "");
        assert_eq!(matcher(&[]).push("User:"), found("User:", ""));
    }

    #[test]
    fn the_first_complete_one_wins() {
        assert_eq!(matcher(&["abc", "b"]).push("xabc"), found("xa", "b"));
        assert_eq!(matcher(&["b", "ab"]).push("xab"), found("x", "ab"));
        assert_eq!(matcher(&["aab"]).push("aaab"), found("a", "aab"));
        assert_eq!(matcher(&["é"]).push("eé"), found("e", "é"));
    }

    #[test]
    fn control_tokens_are_found_by_their_names() {
        let mut stop = matcher(&["<1>", "x<2>y"]);
        assert_eq!(stop.push("a"), found("a", ""));
        assert_eq!(stop.push_control(3), found("", ""));
        assert_eq!(stop.push_control(1), found("", "<1>"));
        // With text around it, which is held back.
        assert_eq!(stop.push("wx"), found("w", ""));
        assert_eq!(stop.push_control(2), found("", ""));
        assert_eq!(stop.push("z"), found("xz", ""));
        stop.push("x");
        stop.push_control(2);
        assert_eq!(stop.push("y"), found("", "x<2>y"));
        // Letter by letter it is text, which counts too.
        assert_eq!(stop.push("b<1"), found("b", ""));
        assert_eq!(stop.push(">"), found("", "<1>"));
        // A part of a name is not the token.
        let mut stop = matcher(&[">", "<"]);
        assert_eq!(stop.push_control(1), found("", ""));
    }

    #[test]
    fn senseless_stops_are_refused() {
        let new = |stops| StopMatcher::new(stops, find_control).unwrap_err();
        let error = new(vec!["a".into(), String::new()]);
        assert!(error.to_string().contains("stop[1]"), "{error}");
        assert_eq!(new(vec!["a".into(); 65]).kind(), ErrorKind::InvalidArgument);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[abé]{0,24}", stops in prop::collection::vec("[abé]{1,4}", 0..4), cut in 1usize..6) {
            let new = || StopMatcher::new(stops.clone(), find_control).unwrap();
            let whole = new().push(&text);
            let mut stop = new();
            let chars: Vec<char> = text.chars().collect();
            let mut got = found("", "");
            for piece in chars.chunks(cut) {
                let next = stop.push(&piece.iter().collect::<String>());
                got.text.push_str(&next.text);
                if next.stop.is_some() {
                    got.stop = next.stop;
                    break;
                }
            }
            prop_assert_eq!(&got.stop, &whole.stop);
            prop_assert_eq!(got.stop.is_some(), stops.iter().any(|s| text.contains(s.as_str())));
            if got.stop.is_none() {
                got.text.push_str(&stop.finish());
                prop_assert_eq!(got.text, text);
            } else {
                prop_assert_eq!(got.text, whole.text);
            }
        }
    }
}
