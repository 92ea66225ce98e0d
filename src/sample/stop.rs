//! Stop strings: texts that end a generation and do not belong to it.

use crate::{Error, ErrorKind, Result};

/// More would only slow every token down.
const MAX_STOPS: usize = 64;

/// Looks for stop strings in a text that comes in pieces. Text that may be the beginning of one is held back. What is
/// found does not depend on where the pieces are cut: the stop string that is complete first, and of several the
/// longest.
#[derive(Clone, Debug)]
pub struct StopMatcher {
    stops: Vec<String>,
    /// A proper prefix of some stop string, or empty.
    held: String,
}

/// What a piece of text came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Text that belongs to the answer for certain.
    pub text: String,
    /// Whether a stop string came after it.
    pub matched: bool,
}

impl StopMatcher {
    /// A matcher for `stops`, which may be none.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty string or too many.
    pub fn new(stops: Vec<String>) -> Result<Self> {
        let invalid = |context: String| Err(Error::new(ErrorKind::InvalidArgument, context));
        if stops.len() > MAX_STOPS {
            return invalid(format!("stop: expected at most {MAX_STOPS} texts, found {}", stops.len()));
        }
        if let Some(index) = stops.iter().position(String::is_empty) {
            return invalid(format!("stop[{index}]: expected a text, found an empty one, which is everywhere"));
        }
        Ok(Self { stops, held: String::new() })
    }

    /// The next piece of text.
    pub fn push(&mut self, text: &str) -> Found {
        self.held.push_str(text);
        let first = self.stops.iter().filter_map(|stop| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start))
        });
        if let Some((_, start)) = first.min() {
            let text = self.held[..start].to_owned();
            self.held.clear();
            return Found { text, matched: true };
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let held = self.held.split_off(self.held.len() - keep);
        Found { text: std::mem::replace(&mut self.held, held), matched: false }
    }

    /// The text has ended: what was held back belongs to it after all.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Forgets what was held back.
    pub fn clear(&mut self) {
        self.held.clear();
    }
}

/// Bytes of the longest proper prefix of `stop` that `text` ends with.
fn overlap(text: &str, stop: &str) -> usize {
    let lengths = stop.char_indices().map(|(i, _)| i).rev();
    lengths.into_iter().find(|&length| text.ends_with(&stop[..length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matcher(stops: &[&str]) -> StopMatcher {
        StopMatcher::new(stops.iter().map(|&s| s.into()).collect()).unwrap()
    }

    fn found(text: &str, matched: bool) -> Found {
        Found { text: text.into(), matched }
    }

    #[test]
    fn text_is_held_back_while_it_may_be_a_stop_string() {
        let mut stop = matcher(&["User:", "\n\n"]);
        assert_eq!(stop.push("Hi Us"), found("Hi ", false));
        assert_eq!(stop.push("ual\n"), found("Usual", false));
        assert_eq!(stop.push("User"), found("\n", false));
        assert_eq!(stop.push(": more"), found("", true));
        assert_eq!(stop.push("a\n"), found("a", false));
        assert_eq!(stop.finish(), "\n");
        assert_eq!(stop.finish(), "");
        stop.push("\n");
        stop.clear();
        assert_eq!(stop.push("x"), found("x", false));
        assert_eq!(matcher(&[]).push("User:"), found("User:", false));
    }

    #[test]
    fn the_first_complete_one_wins() {
        assert_eq!(matcher(&["abc", "b"]).push("xabc"), found("xa", true));
        assert_eq!(matcher(&["b", "ab"]).push("xab"), found("x", true));
        assert_eq!(matcher(&["aab"]).push("aaab"), found("a", true));
        assert_eq!(matcher(&["é"]).push("eé"), found("e", true));
    }

    #[test]
    fn senseless_stops_are_refused() {
        let error = StopMatcher::new(vec!["a".into(), String::new()]).unwrap_err();
        assert!(error.to_string().contains("stop[1]"), "{error}");
        assert_eq!(StopMatcher::new(vec!["a".into(); 65]).unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[abé]{0,24}", stops in prop::collection::vec("[abé]{1,4}", 0..4), cut in 1usize..6) {
            let whole = StopMatcher::new(stops.clone()).unwrap().push(&text);
            let mut stop = StopMatcher::new(stops.clone()).unwrap();
            let chars: Vec<char> = text.chars().collect();
            let mut got = found("", false);
            for piece in chars.chunks(cut) {
                let next = stop.push(&piece.iter().collect::<String>());
                got.text.push_str(&next.text);
                if next.matched {
                    got.matched = true;
                    break;
                }
            }
            prop_assert_eq!(got.matched, whole.matched);
            prop_assert_eq!(got.matched, stops.iter().any(|s| text.contains(s.as_str())));
            if !got.matched {
                got.text.push_str(&stop.finish());
                prop_assert_eq!(got.text, text);
            } else {
                prop_assert_eq!(got.text, whole.text);
            }
        }
    }
}
